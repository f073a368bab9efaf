"""The relief of a face and where a beard grows."""

import numpy as np
import pytest

from segtalker.synthetic.canvas import axis
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.skin import beard_area, relief

SIZE = 96


@pytest.mark.parametrize("subject", [2, 4, 7])
def test_a_relief_is_highest_at_the_nose_and_alike_on_both_sides(subject: int) -> None:
    height = relief(draw_person(1, subject), SIZE)
    row, column = np.unravel_index(height.argmax(), height.shape)
    assert abs(axis(SIZE)[column]) < 0.05
    assert 0 < axis(SIZE)[row] < 0.4
    np.testing.assert_allclose(height, height[:, ::-1], atol=0.02)


@pytest.mark.parametrize("subject", [2, 4, 7])
def test_a_beard_grows_around_the_mouth_and_not_on_lips_or_forehead(subject: int) -> None:
    person = draw_person(1, subject)
    area, rows = beard_area(person, SIZE), axis(SIZE)
    assert area.min() >= 0
    assert area.max() == 1
    assert not area[rows < person.mouth_y - 0.31].any()
    mouth = int(np.abs(rows - person.mouth_y).argmin())
    assert area[mouth, SIZE // 2] < 0.2
    np.testing.assert_allclose(area, area[:, ::-1], atol=1e-3)
