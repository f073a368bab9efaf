"""Painted regions enlarged: smooth borders, the same colours; and no line where a region ended before."""

import numpy as np

from segtalker.inference.region_layers import enlarged_crop, enlarged_transform, without_old_borders
from segtalker.regions import BACKGROUND, REGION_INDEX

HAIR, SKIN = REGION_INDEX["hair"], REGION_INDEX["skin"]


def test_a_slanted_border_is_a_line_and_not_stairs() -> None:
    rows, columns = np.mgrid[:32, :32]
    mask = np.where(columns > 8 + rows / 3, np.uint8(HAIR), np.uint8(SKIN))
    crop = np.where((mask == HAIR)[..., None], np.uint8(30), np.uint8(210)).repeat(3, axis=2)
    large = enlarged_crop(crop, mask, 4).astype(int)
    assert large.shape == (128, 128, 3)
    # where each row crosses the middle level, in large pixels: a line, to a pixel
    crossings = [np.interp(120.0, row[::-1], np.arange(128)[::-1]) for row in large[16:112, :, 0]]
    slope = np.polyfit(np.arange(16, 112), crossings, 1)
    assert np.abs(np.polyval(slope, np.arange(16, 112)) - crossings).max() < 1.2
    assert (large[10, :20] == 210).all()
    assert (large[10, 100:] == 30).all()


def test_the_enlarged_crop_lies_where_the_crop_does() -> None:
    to_crop = np.array([[0.5, 0.0, -3.0], [0.0, 0.5, 2.0]])
    large = enlarged_transform(to_crop, 4)
    x = 10.0
    # the middle of pixel c of the crop is the middle of its four of the enlarged one
    np.testing.assert_allclose(large[0, 0] * x + large[0, 2], 4 * (0.5 * x - 3.0) + 1.5)


def test_the_line_where_hair_ended_is_closed() -> None:
    before = np.full((40, 40), BACKGROUND, np.uint8)
    before[:, :20] = HAIR
    after = before.copy()
    after[:, :28] = HAIR
    crop = np.full((40, 40, 3), 40, np.uint8)
    crop[:, 28:] = 200
    line = crop.copy()
    line[:, 19:21] = 255
    closed = without_old_borders(line, before, after)
    assert np.abs(closed.astype(int) - crop).max() <= 2
    np.testing.assert_array_equal(without_old_borders(line, before, before), line)
