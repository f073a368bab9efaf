"""Fixtures of drawn people, untrained networks and files to talk from; a folder's conftest imports those it needs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_people import SETTINGS, ColourParser, DrawnFace, draw_clips, tiny_params, write_models

from segtalker.clips.store import Clip, write_wav
from segtalker.config.params import Params
from segtalker.inference.talk_settings import TalkSettings
from segtalker.inference.talker import Talker
from segtalker.media.images import write_png
from segtalker.regions import colourise


@pytest.fixture(scope="session")
def draw() -> type[DrawnFace]:
    """Draws a face anywhere."""
    return DrawnFace


@pytest.fixture
def picture() -> Callable[..., tuple[np.ndarray, Any]]:
    """Draws a face into a picture of any size."""

    def make(height: int, width: int, x: float, y: float, scale: float) -> tuple[np.ndarray, Any]:
        face = DrawnFace(max(height, width), x, y, scale, 0.2)
        return colourise(face.mask[:height, :width]), face

    return make


@pytest.fixture(scope="session")
def colour_parser() -> torch.nn.Module:
    """A parser that is right about drawings."""
    return ColourParser().requires_grad_(False)


@pytest.fixture(scope="session")
def params() -> Params:
    """Params of small pictures and of the untrained networks."""
    return tiny_params()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Three clips of two people."""
    return draw_clips(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`models/<experiment>` with untrained networks."""
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def settings() -> TalkSettings:
    """What the untrained networks are for."""
    return SETTINGS


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A portrait and a second of speech."""
    write_png(tmp_path / "face.png", np.full((64, 64, 3), 90, np.uint8))
    write_wav(tmp_path / "speech.wav", np.random.default_rng(0).uniform(-0.3, 0.3, 16000).astype(np.float32), 16000)
    return tmp_path


@pytest.fixture(scope="session")
def talker(params: Params, models: Path, colour_parser: torch.nn.Module) -> Talker:
    """The untrained networks, with a parser that is right about drawings."""
    made = Talker(params, models, None, None)
    assert made.reader.detector == "parser"  # the experiment's own landmarks are annotations
    made.reader = replace(made.reader, parser=colour_parser)
    return made


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only wait for each other's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
