"""Pictures of people with and without teeth, in groups."""

import numpy as np

from segtalker.regions import MOUTH, REGION_INDEX

SIDE = 64
Picture = tuple[np.ndarray, np.ndarray]


def person(height: int, skin: int = 150, teeth: int = 220, nose: int = 30) -> Picture:
    """A face with a mouth of some height, its upper half as bright as `teeth`, the lower one dark."""
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[4:60, 8:56] = REGION_INDEX["skin"]
    labels[24:34, nose : nose + 4] = REGION_INDEX["nose"]
    labels[40 : 40 + height, 22:42] = MOUTH
    image = np.full((SIDE, SIDE, 3), skin, np.uint8)
    image[40 : 40 + height, 22:42] = 20
    image[40 : 40 + height // 2, 22:42] = teeth
    return image, labels


class Groups:
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
