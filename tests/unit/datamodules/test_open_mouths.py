"""Pictures that show the inside of a mouth."""

import numpy as np
import pytest
from drawn_mouths import Groups, Picture, person

from datamodules.open_mouths import open_mouths, shown_teeth
from segtalker.regions import MOUTH


def test_higher_mouths_with_more_teeth_show_more() -> None:
    assert shown_teeth(*person(10)) > shown_teeth(*person(5)) > 0
    assert shown_teeth(*person(10)) > shown_teeth(*person(10, teeth=100))


@pytest.mark.parametrize(
    "picture",
    [person(0), person(10, teeth=60), person(18), person(10, nose=46)],
    ids=["shut", "no teeth", "a shout", "turned away"],
)
def test_what_shows_no_teeth_counts_nothing(picture: Picture) -> None:
    assert shown_teeth(*picture) == 0.0


def test_coloured_lips_and_tongues_are_no_teeth() -> None:
    image, labels = person(10)
    image[40:50, 22:42] = (230, 120, 120)
    assert shown_teeth(image, labels) == 0.0


def test_the_best_of_people_whose_skins_differ_are_taken() -> None:
    groups = Groups([[person(6, skin=120)], [person(10), person(4)], [person(9, skin=152)], [person(0, skin=90)]])
    heights = [np.count_nonzero(labels == MOUTH) // 20 for _, labels in open_mouths(groups, 8)]
    assert heights == [10, 6]
    assert [np.count_nonzero(labels == MOUTH) // 20 for _, labels in open_mouths(groups, 1)] == [10]
    assert open_mouths(groups, 0) == []
