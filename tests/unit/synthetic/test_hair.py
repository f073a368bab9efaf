"""Hair of every style."""

from dataclasses import replace

import numpy as np
import pytest

from segtalker.synthetic.anatomy import EYE_LINE
from segtalker.synthetic.canvas import Canvas, axis
from segtalker.synthetic.hair import HAIR, paint_back, paint_front
from segtalker.synthetic.person import FEMALE_STYLES, MALE_STYLES, Person, draw_person

SIZE = 96


def painted(person: Person) -> np.ndarray:
    """Labels of the hair over the head, and of that behind it."""
    front, back = Canvas(SIZE), Canvas(SIZE)
    paint_front(front, person)
    paint_back(back, person)
    return np.stack([front.labels, back.labels])


@pytest.mark.parametrize("style", [*FEMALE_STYLES, *MALE_STYLES])
def test_every_style_is_hair_and_leaves_the_middle_of_the_face_free(style: str) -> None:
    front, back = painted(replace(draw_person(1, 4), style=style))
    assert set(np.unique(front)) == {0, HAIR}
    assert set(np.unique(back)) <= {0, HAIR}
    assert (front == HAIR).mean() > 0.01
    middle, below = np.abs(axis(SIZE)) < 0.15, axis(SIZE) > EYE_LINE
    assert not front[np.ix_(below, middle)].any()


def test_long_hair_reaches_further_down_than_short_hair() -> None:
    ends = []
    for style in ("crew", "bob", "long"):
        rows = np.flatnonzero(painted(replace(draw_person(1, 4), style=style)).any(axis=(0, 2)))
        ends.append(rows.max())
    assert ends == sorted(set(ends))
