"""Neck and clothes of every outfit."""

from dataclasses import replace

import numpy as np
import pytest

from segtalker.regions import REGION_INDEX
from segtalker.synthetic.body import neck_half_width, paint_body
from segtalker.synthetic.canvas import Canvas
from segtalker.synthetic.person import FEMALE_CLOTHES, MALE_CLOTHES, draw_person


@pytest.mark.parametrize("outfit", sorted({*FEMALE_CLOTHES, *MALE_CLOTHES}))
def test_a_neck_goes_down_into_clothes_that_are_background(outfit: str) -> None:
    canvas = Canvas(96)
    paint_body(canvas, replace(draw_person(1, 4), outfit=outfit))
    seen = np.where(canvas.alpha > 127, canvas.labels, 255)
    assert set(np.unique(seen)) == {REGION_INDEX["background"], REGION_INDEX["neck"], 255}
    neck = np.argwhere(seen == REGION_INDEX["neck"])
    clothes = np.argwhere(seen == REGION_INDEX["background"])
    assert neck[:, 0].mean() < clothes[:, 0].mean()
    assert abs(neck[:, 1].mean() - 47.5) < 1


@pytest.mark.parametrize("subject", range(6))
def test_a_neck_is_narrower_than_its_face(subject: int) -> None:
    person = draw_person(1, subject)
    assert 0.4 < neck_half_width(person) / person.half_width < 0.8
