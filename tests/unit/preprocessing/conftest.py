"""Faces and sounds made of numbers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtalker.config.base import Base
from segtalker.config.params import load_params
from segtalker.preprocessing.face_tracks import FaceSighting
from segtalker.preprocessing.loudness import BLOCK_S, Loudness

from .bright_sound import make_recording

# a plain face of 68 points about 100 px large; the inner lips are points 60-67
_SHAPE = np.random.default_rng(0).uniform(-50, 50, (68, 2))
_SHAPE[[27, 8]] = [(0, -40), (0, 50)]
_SHAPE[0], _SHAPE[16] = (-50, -50), (50, 50)


def make_face(x: float, y: float, size: float = 100.0, opening: float = 0.0) -> np.ndarray:
    """Landmarks around a place, the mouth open by a share of the face's height."""
    points = _SHAPE.copy()
    points[[61, 62, 63]] = [(-5, 20), (0, 20), (5, 20)]
    points[[67, 66, 65]] = points[[61, 62, 63]] + (0.0, 90.0 * opening)
    return (points * size / 100 + (x, y)).astype(np.float32)


@pytest.fixture
def face() -> Callable[..., np.ndarray]:
    """`make_face`."""
    return make_face


@pytest.fixture
def sightings() -> Callable[..., list[FaceSighting]]:
    """Looks at five a second; each face is a function of time or None where it is away."""

    def make(seconds: float, *faces: Callable[[float], np.ndarray | None]) -> list[FaceSighting]:
        times = np.arange(0, seconds, 0.2)
        return [
            FaceSighting(float(time), [seen for one in faces if (seen := one(float(time))) is not None])
            for time in times
        ]

    return make


@pytest.fixture
def sound() -> Callable[..., Loudness]:
    """Speech at -20 dB but for silent spans at -80 dB."""

    def make(seconds: float, *silent: tuple[float, float]) -> Loudness:
        levels = np.full(round(seconds / BLOCK_S), -20.0, np.float32)
        for start, end in silent:
            levels[round(start / BLOCK_S) : round(end / BLOCK_S)] = -80.0
        return Loudness(0.0, levels)

    return make


@pytest.fixture
def base() -> Base:
    """The project's."""
    return load_params(Path(__file__).parents[3]).base


@pytest.fixture
def recording(tmp_path: Path) -> Any:
    """Makes a clip whose sound is as loud as its picture is bright, so many frames late: `make_recording`."""
    return partial(make_recording, tmp_path)
