"""Heads that hold still and mouths that only open."""

from collections.abc import Callable

import numpy as np
import pytest

from segtalker.synthetic.motion import Motion
from segtalker.synthetic.visemes import Articulation


@pytest.fixture
def still() -> Callable[[int, float], Motion]:
    """Makes motion of so many frames in which nothing moves and the eyes are open so far."""

    def make(frames: int, openness: float) -> Motion:
        zero = np.zeros(frames, np.float32)
        flat = np.zeros((frames, 2), np.float32)
        return Motion(zero, zero, zero, flat, zero + 1, flat, zero + np.float32(openness), 0.5)

    return make


@pytest.fixture
def opening() -> Callable[[np.ndarray], Articulation]:
    """Makes a mouth that only opens and closes."""

    def make(jaw: np.ndarray) -> Articulation:
        zero = np.zeros(len(jaw), np.float32)
        return Articulation(jaw.astype(np.float32), zero + np.float32(0.5), zero, zero, zero, zero, zero)

    return make
