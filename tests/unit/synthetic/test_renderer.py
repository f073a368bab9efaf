"""Rendered people: masks, landmarks and frames say the same thing."""

import cv2
import numpy as np
import pytest

from segtalker.regions import LIP, MOUTH, NUM_REGIONS, REGION_INDEX
from segtalker.synthetic.articulation import Articulation
from segtalker.synthetic.motion import draw_motion
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.renderer import Rendered, Renderer

SIZE = 192
CLOSED, OPEN = 0, 5


def _speaking() -> Articulation:
    """The jaw opens step by step."""
    jaw = np.linspace(0, 1, 6, dtype=np.float32)
    zero, half = np.zeros_like(jaw), np.full_like(jaw, 0.5)
    return Articulation(jaw=jaw, width=half, round=zero, press=1 - np.sign(jaw), bite=zero, teeth=half, tongue=zero)


def _render(subject: int, size: int = SIZE) -> list[Rendered]:
    renderer = Renderer(draw_person(7, subject), size, size, backdrop_seed=subject)
    return list(renderer.render(_speaking(), draw_motion(6, 25, np.random.default_rng(subject))))


@pytest.fixture(scope="module")
def people() -> list[list[Rendered]]:
    return [_render(subject) for subject in range(6)]


def test_the_same_seed_gives_the_same_bytes(people: list[list[Rendered]]) -> None:
    again = _render(0)
    for first, second in zip(people[0], again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_every_region_comes_up(people: list[list[Rendered]]) -> None:
    seen = {int(region) for person in people for image in person for region in np.unique(image.regions)}
    assert seen == set(range(NUM_REGIONS))


def test_the_opening_grows_with_the_jaw(people: list[list[Rendered]]) -> None:
    for person in people:
        areas = [int((image.regions == MOUTH).sum()) for image in person]
        assert areas[CLOSED] == 0
        assert areas[OPEN] > SIZE * SIZE * 0.004
        assert areas[1:] == sorted(areas[1:])


def test_lip_landmarks_lie_on_the_lips(people: list[list[Rendered]]) -> None:
    for person in people:
        for image in person:
            lips = np.isin(image.regions, (LIP, MOUTH)).astype(np.uint8)
            distance = cv2.distanceTransform(1 - lips, cv2.DIST_L2, 5)
            x, y = image.landmarks[48:68].round().astype(int).T
            assert distance[y, x].max() <= 2.5


def test_landmarks_hold_the_face(people: list[list[Rendered]]) -> None:
    face = [REGION_INDEX[name] for name in ("skin", "nose", "eyes", "lip", "mouth", "glasses", "eyebrows")]
    for person in people:
        for image in person:
            hull = cv2.convexHull(image.landmarks.astype(np.float32)).round().astype(np.int32)
            inside = cv2.fillConvexPoly(np.zeros((SIZE, SIZE), np.uint8), hull, 1).astype(bool)
            assert np.isin(image.regions, face)[inside].mean() > 0.85


def test_people_look_the_same_at_twice_the_size() -> None:
    small, large = _render(1)[3], _render(1, 2 * SIZE)[3]
    assert np.allclose(large.landmarks / 2, small.landmarks, atol=1.0)
    shrunk = cv2.resize(large.regions, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    assert (shrunk == small.regions).mean() > 0.96


def test_people_differ() -> None:
    assert len({draw_person(7, subject) for subject in range(30)}) == 30
    assert draw_person(7, 3) != draw_person(8, 3)
