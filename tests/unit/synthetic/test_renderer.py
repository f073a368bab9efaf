"""The picture, its masks and its landmarks agree with each other."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from segtalker.regions import BACKGROUND, LIP, MOUTH, NUM_REGIONS, REGION_INDEX
from segtalker.synthetic.motion import Motion, draw_motion
from segtalker.synthetic.person import Person, draw_person
from segtalker.synthetic.renderer import Rendered, Renderer
from segtalker.synthetic.visemes import Articulation

SIZE = 160
Stills = Callable[[int, float], Motion]
Openings = Callable[[np.ndarray], Articulation]


def distance(regions: np.ndarray, *wanted: str) -> np.ndarray:
    """Pixels from everywhere to the nearest pixel of some regions."""
    there = np.isin(regions, [REGION_INDEX[name] for name in wanted])
    return cv2.distanceTransform((~there).astype(np.uint8), cv2.DIST_L2, 5)


def at(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values at the pixels nearest to some points."""
    columns, rows = np.round(points).astype(int).T
    return values[rows, columns]


def render(person: Person, articulation: Articulation, motion: Motion, backdrop: int = 1) -> list[Rendered]:
    """All frames at the size of these tests."""
    return list(Renderer(person, SIZE, SIZE, backdrop).render(articulation, motion))


@pytest.fixture(scope="module")
def moving() -> list[Rendered]:
    """Two people with moving heads and mouths, eyes open."""
    rng = np.random.default_rng(5)
    shapes = rng.uniform(0, 0.9, (7, 12)).astype(np.float32)
    shapes[3:5] *= 0.2
    motion = draw_motion(12, 2, rng)
    motion.openness[:] = 0.9
    return [image for subject in (2, 7) for image in render(draw_person(1, subject), Articulation(*shapes), motion)]


def test_formats(moving: list[Rendered]) -> None:
    for image in moving:
        assert image.frame.shape == (SIZE, SIZE, 3)
        assert image.frame.dtype == image.regions.dtype == np.uint8
        assert image.regions.shape == (SIZE, SIZE)
        assert image.regions.max() < NUM_REGIONS
        assert image.landmarks.shape == (68, 2)
        assert image.landmarks.dtype == np.float32


def test_landmarks_lie_on_their_regions(moving: list[Rendered]) -> None:
    for image in moving:
        points, regions = image.landmarks, image.regions
        assert at(distance(regions, "lip", "mouth"), points[48:68]).max() < 2
        assert at(distance(regions, "nose"), points[27:36]).max() < 2.5
        assert at(distance(regions, "eyes"), points[36:48]).max() < 2.5
        assert at(distance(regions, "eyebrows", "hair", "glasses"), points[17:27]).max() < 2.5
        assert at(distance(regions, "skin"), points[3:14]).max() < 3


def test_lip_landmarks_bound_the_lips(moving: list[Rendered]) -> None:
    for image in moving:
        rows, columns = np.nonzero(np.isin(image.regions, (LIP, MOUTH)))
        outer = image.landmarks[48:60]
        assert abs(columns.min() - outer[:, 0].min()) < 2.5
        assert abs(columns.max() - outer[:, 0].max()) < 2.5
        assert abs(rows.min() - outer[:, 1].min()) < 2.5
        assert abs(rows.max() - outer[:, 1].max()) < 2.5


def test_the_subjects_right_is_left_in_the_picture(moving: list[Rendered]) -> None:
    for image in moving:
        points = image.landmarks
        assert points[0, 0] < points[16, 0]
        assert points[36:42, 0].mean() < points[42:48, 0].mean()
        assert points[48, 0] < points[54, 0]
        assert points[8, 1] == points[:, 1].max()


def test_only_the_background_changes_with_the_backdrop(still: Stills, opening: Openings) -> None:
    person = draw_person(1, 4)
    pose, shape = still(1, 1.0), opening(np.array([0.5]))
    one, other = (render(person, shape, pose, backdrop)[0] for backdrop in (1, 2))
    np.testing.assert_array_equal(one.regions, other.regions)
    inside = cv2.erode((one.regions != BACKGROUND).astype(np.uint8), np.ones((7, 7)), borderValue=1) > 0
    np.testing.assert_array_equal(one.frame[inside], other.frame[inside])
    corner = (slice(0, 20), slice(0, 20))
    assert np.abs(one.frame[corner].astype(int) - other.frame[corner]).mean() > 3


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


def test_teeth_are_brighter_than_the_throat(still: Stills, opening: Openings) -> None:
    image = render(draw_person(1, 4), opening(np.array([1.0])), still(1, 1.0))[0]
    light = image.frame.mean(2)[image.regions == MOUTH]
    assert np.quantile(light, 0.95) > 2.5 * np.quantile(light, 0.1)


def test_closed_eyes_show_no_eyes(still: Stills, opening: Openings) -> None:
    for openness, seen in ((1.0, True), (0.0, False)):
        image = render(draw_person(1, 4), opening(np.array([0.0])), still(1, openness))[0]
        assert (image.regions == REGION_INDEX["eyes"]).any() == seen


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


def test_people_are_repeatable_and_different() -> None:
    people = [draw_person(7, subject) for subject in range(12)]
    assert people == [draw_person(7, subject) for subject in range(12)]
    assert len(set(people)) == 12
    assert draw_person(8, 0) != people[0]
    assert len({person.style for person in people}) >= 6
    assert {person.glasses for person in people} == {"none", "round", "square"}
