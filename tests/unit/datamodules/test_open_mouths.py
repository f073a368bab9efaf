"""Pictures that show the inside of a mouth."""

import numpy as np
import pytest

from datamodules.open_mouths import open_mouths, shown_teeth
from segtalker.regions import MOUTH, REGION_INDEX

SIDE = 64
Picture = tuple[np.ndarray, np.ndarray]


def _person(height: int, skin: int = 150, teeth: int = 220, nose: int = 30) -> Picture:
    """A face with a mouth of some height, its upper half as bright as `teeth`, the lower one dark."""
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[4:60, 8:56] = REGION_INDEX["skin"]
    labels[24:34, nose : nose + 4] = REGION_INDEX["nose"]
    labels[40 : 40 + height, 22:42] = MOUTH
    image = np.full((SIDE, SIDE, 3), skin, np.uint8)
    image[40 : 40 + height, 22:42] = 20
    image[40 : 40 + height // 2, 22:42] = teeth
    return image, labels


class _Groups:
    """Pictures in groups."""

    def __init__(self, groups: list[list[Picture]]) -> None:
        self.groups = groups

    def __len__(self) -> int:
        return len(self.groups)

    def images_in(self, group: int) -> int:
        return len(self.groups[group])

    def read(self, group: int, index: int) -> Picture:
        return self.groups[group][index]

    def read_labels(self, group: int, index: int) -> np.ndarray:
        return self.groups[group][index][1]


def test_higher_mouths_with_more_teeth_show_more() -> None:
    assert shown_teeth(*_person(10)) > shown_teeth(*_person(5)) > 0
    assert shown_teeth(*_person(10)) > shown_teeth(*_person(10, teeth=100))


@pytest.mark.parametrize(
    "picture",
    [_person(0), _person(10, teeth=60), _person(18), _person(10, nose=46)],
    ids=["shut", "no teeth", "a shout", "turned away"],
)
def test_what_shows_no_teeth_counts_nothing(picture: Picture) -> None:
    assert shown_teeth(*picture) == 0.0


def test_coloured_lips_and_tongues_are_no_teeth() -> None:
    image, labels = _person(10)
    image[40:50, 22:42] = (230, 120, 120)
    assert shown_teeth(image, labels) == 0.0


def test_the_best_of_people_whose_skins_differ_are_taken() -> None:
    groups = _Groups([[_person(6, skin=120)], [_person(10), _person(4)], [_person(9, skin=152)], [_person(0, skin=90)]])
    heights = [np.count_nonzero(labels == MOUTH) // 20 for _, labels in open_mouths(groups, 8)]
    assert heights == [10, 6]
    assert [np.count_nonzero(labels == MOUTH) // 20 for _, labels in open_mouths(groups, 1)] == [10]
    assert open_mouths(groups, 0) == []
