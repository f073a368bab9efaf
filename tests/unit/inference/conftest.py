"""Drawn people and untrained networks, see `drawn_people`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from drawn_people import SETTINGS, SIZE, ColourParser, DrawnFace, draw_clips, tiny_params, write_models

from segtalker.clips.store import Clip
from segtalker.config.params import Params
from segtalker.inference.talker import Talker, TalkSettings


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small only wait for each other's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def draw() -> type[DrawnFace]:
    """Draws a face anywhere."""
    return DrawnFace


@pytest.fixture(scope="session")
def face() -> DrawnFace:
    """A face in the middle of a small picture."""
    return DrawnFace(SIZE, 32.0, 26.0, 15.0, 0.2)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Three clips of two people."""
    return draw_clips(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`models/<experiment>` with untrained networks."""
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def colour_parser() -> torch.nn.Module:
    """A parser that is right about drawings."""
    return ColourParser().requires_grad_(False)


@pytest.fixture(scope="session")
def params() -> Params:
    """Params of the untrained networks."""
    return tiny_params()


@pytest.fixture(scope="session")
def settings() -> TalkSettings:
    """What the untrained networks are for."""
    return SETTINGS


@pytest.fixture(scope="session")
def talker(models: Path) -> Talker:
    """The untrained networks."""
    return Talker.load(models, SETTINGS, torch.device("cpu"))
