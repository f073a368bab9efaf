"""The picture, its masks and its landmarks agree with each other."""

from collections.abc import Callable

import numpy as np

from segtalker.regions import MOUTH, NUM_REGIONS
from segtalker.synthetic.motion import Motion
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.renderer import Rendered, Renderer
from segtalker.synthetic.visemes import Articulation

from .conftest import SIZE, render

Stills = Callable[[int, float], Motion]
Openings = Callable[[np.ndarray], Articulation]


def test_formats(moving: list[Rendered]) -> None:
    for image in moving:
        assert image.frame.shape == (SIZE, SIZE, 3)
        assert image.frame.dtype == image.regions.dtype == np.uint8
        assert image.regions.shape == (SIZE, SIZE)
        assert image.regions.max() < NUM_REGIONS
        assert image.landmarks.shape == (68, 2)
        assert image.landmarks.dtype == np.float32


def test_the_mouth_opens_with_the_jaw_and_little_else_moves(still: Stills, opening: Openings) -> None:
    images = render(draw_person(1, 4), opening(np.linspace(0, 1, 6)), still(6, 1.0))
    areas = [int((image.regions == MOUTH).sum()) for image in images]
    assert areas[0] == 0
    assert all(np.diff(areas) > 0)
    gaps = [float(image.landmarks[66, 1] - image.landmarks[62, 1]) for image in images]
    assert all(np.diff(gaps) > 0)
    assert images[-1].landmarks[8, 1] - images[0].landmarks[8, 1] < 0.04 * SIZE
    upper = slice(0, int(images[0].landmarks[30, 1]))
    np.testing.assert_array_equal(images[0].regions[upper], images[-1].regions[upper])


def test_a_larger_frame_shows_the_same(still: Stills, opening: Openings) -> None:
    person, pose, shape = draw_person(1, 4), still(1, 1.0), opening(np.array([0.6]))
    small = next(Renderer(person, 128, 128, 1).render(shape, pose))
    large = next(Renderer(person, 256, 256, 1).render(shape, pose))
    np.testing.assert_allclose(large.landmarks, 2 * small.landmarks + 0.5, atol=1.0)
    halved = large.regions[::2, ::2]
    assert (halved == small.regions).mean() > 0.95


def test_all_regions_are_seen_among_a_few_people(still: Stills, opening: Openings) -> None:
    pose, shape = still(1, 1.0), opening(np.array([0.7]))
    found: set[int] = set()
    for subject in range(10):
        image = next(Renderer(draw_person(7, subject), 120, 120, 1).render(shape, pose))
        regions, counts = np.unique(image.regions, return_counts=True)
        found |= set(regions[counts >= 8].tolist())
    assert found == set(range(NUM_REGIONS))
