"""Mouths of clips on disk: what is cut is what is there, cached or not."""

import numpy as np
import pytest

from datamodules.mouth_clips import shifted
from segtalker.clips.store import Clip
from segtalker.faces.mouth_box import box_transforms, extract_boxes

from .speaking_clips import FRAMES, SIZE, open_mouths


@pytest.mark.parametrize("content", ["frames", "masks"])
def test_boxes_are_the_same_with_and_without_a_cache(clips: list[Clip], content: str) -> None:
    indices = np.array([3, 3, 19, 0])
    cached, uncached = open_mouths(clips), open_mouths(clips, cache_mib=0)
    for _ in range(2):
        np.testing.assert_array_equal(cached.boxes(1, content, indices), uncached.boxes(1, content, indices))  # type: ignore[arg-type]
    assert not uncached._boxes


def test_the_border_surrounds_the_box(clips: list[Clip]) -> None:
    boxes = shifted(open_mouths(clips, border=3).boxes(0, "masks", np.arange(FRAMES)), 3, (0, 0), flip=False)
    transforms = box_transforms(clips[0].landmarks, SIZE, 3)
    np.testing.assert_array_equal(boxes, extract_boxes(clips[0].masks.read(), transforms, SIZE))


def test_shifts_move_and_flips_mirror() -> None:
    boxes = np.arange(2 * 8 * 10).reshape(2, 8, 10)
    np.testing.assert_array_equal(shifted(boxes, 2, (1, -2), flip=False), boxes[:, 3:7, 0:6])
    np.testing.assert_array_equal(shifted(boxes, 2, (0, 0), flip=True), boxes[:, 2:6, 2:8][:, :, ::-1])
