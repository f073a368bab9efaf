"""Drawn people and untrained networks, see `drawn_people`."""

from pathlib import Path

import pytest
import torch
from drawn_fixtures import clips, colour_parser, draw, files, models, one_thread, params, picture, settings, talker
from drawn_people import SETTINGS, SIZE, DrawnFace

from segtalker.inference.talk_model import TalkModel

__all__ = ["clips", "colour_parser", "draw", "files", "models", "one_thread", "params", "picture", "settings", "talker"]


@pytest.fixture(scope="session")
def face() -> DrawnFace:
    """A face in the middle of a small picture."""
    return DrawnFace(SIZE, 32.0, 26.0, 15.0, 0.2)


@pytest.fixture(scope="session")
def talk_model(models: Path) -> TalkModel:
    """The untrained networks."""
    return TalkModel.load(models, SETTINGS, torch.device("cpu"))
