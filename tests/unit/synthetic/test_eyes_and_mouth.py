"""What is seen in an open mouth and of closed eyes."""

from collections.abc import Callable

import numpy as np

from segtalker.regions import MOUTH, REGION_INDEX
from segtalker.synthetic.motion import Motion
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.visemes import Articulation

from .conftest import render

Stills = Callable[[int, float], Motion]
Openings = Callable[[np.ndarray], Articulation]


def test_teeth_are_brighter_than_the_throat(still: Stills, opening: Openings) -> None:
    image = render(draw_person(1, 4), opening(np.array([1.0])), still(1, 1.0))[0]
    light = image.frame.mean(2)[image.regions == MOUTH]
    assert np.quantile(light, 0.95) > 2.5 * np.quantile(light, 0.1)


def test_closed_eyes_show_no_eyes(still: Stills, opening: Openings) -> None:
    for openness, seen in ((1.0, True), (0.0, False)):
        image = render(draw_person(1, 4), opening(np.array([0.0])), still(1, openness))[0]
        assert (image.regions == REGION_INDEX["eyes"]).any() == seen
