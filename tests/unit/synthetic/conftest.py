"""Heads that hold still, mouths that only open, and people who move both."""

from collections.abc import Callable

import numpy as np
import pytest

from segtalker.synthetic.motion import Motion, draw_motion
from segtalker.synthetic.person import Person, draw_person
from segtalker.synthetic.renderer import Rendered, Renderer
from segtalker.synthetic.visemes import Articulation

SIZE = 160


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


def render(person: Person, articulation: Articulation, motion: Motion, backdrop: int = 1) -> list[Rendered]:
    """All frames at the size of these tests."""
    return list(Renderer(person, SIZE, SIZE, backdrop).render(articulation, motion))


@pytest.fixture(scope="session")
def moving() -> list[Rendered]:
    """Two people with moving heads and mouths, eyes open."""
    rng = np.random.default_rng(5)
    shapes = rng.uniform(0, 0.9, (7, 12)).astype(np.float32)
    shapes[3:5] *= 0.2
    motion = draw_motion(12, 2, rng)
    motion.openness[:] = 0.9
    return [image for subject in (2, 7) for image in render(draw_person(1, subject), Articulation(*shapes), motion)]
