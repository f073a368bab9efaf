"""Backdrops."""

from collections.abc import Callable

import cv2
import numpy as np

from segtalker.regions import BACKGROUND
from segtalker.synthetic.motion import Motion
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.visemes import Articulation

from .conftest import render

Stills = Callable[[int, float], Motion]
Openings = Callable[[np.ndarray], Articulation]


def test_only_the_background_changes_with_the_backdrop(still: Stills, opening: Openings) -> None:
    person = draw_person(1, 4)
    pose, shape = still(1, 1.0), opening(np.array([0.5]))
    one, other = (render(person, shape, pose, backdrop)[0] for backdrop in (1, 2))
    np.testing.assert_array_equal(one.regions, other.regions)
    inside = cv2.erode((one.regions != BACKGROUND).astype(np.uint8), np.ones((7, 7)), borderValue=1) > 0
    np.testing.assert_array_equal(one.frame[inside], other.frame[inside])
    corner = (slice(0, 20), slice(0, 20))
    assert np.abs(one.frame[corner].astype(int) - other.frame[corner]).mean() > 3
