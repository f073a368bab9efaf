"""Images in memory that stand for clips, and small clips on disk."""

import numpy as np
import pytest

from segtalker.clips.store import Clip
from segtalker.regions import MOUTH, PALETTE, REGION_INDEX

from .speaking_clips import write_clip

SIDE = 32


class PaintedFaces:
    """Groups of frames whose colours are their regions' palette colours; the mouth opens frame by frame."""

    def __init__(self, groups: int, frames: int) -> None:
        self.groups = groups
        self.frames = frames

    def __len__(self) -> int:
        return self.groups

    def images_in(self, group: int) -> int:
        return self.frames

    def read_labels(self, group: int, index: int) -> np.ndarray:
        labels = np.zeros((SIDE, SIDE), np.uint8)
        labels[4:28, 6 + group : 26 + group] = REGION_INDEX["skin"]
        labels[2:8, 6 + group : 26 + group] = REGION_INDEX["hair"]
        labels[20 : 20 + (index * 3) % 7, 12:20] = MOUTH
        return labels

    def read(self, group: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        labels = self.read_labels(group, index)
        return PALETTE[labels], labels


@pytest.fixture
def faces() -> PaintedFaces:
    return PaintedFaces(groups=3, frames=5)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder = tmp_path_factory.mktemp("clips")
    return [write_clip(folder, seed) for seed in range(3)]
