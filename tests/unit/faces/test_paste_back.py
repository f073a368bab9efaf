"""A crop put back where it was cut."""

import numpy as np
import pytest

from segtalker.faces.crop_squares import square_transform, warp_image
from segtalker.faces.paste_back import border_share, paste_back, soft_share


def _picture(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [127 + 80 * np.sin(x / 17 + k) * np.cos(y / 13 - k) for k in range(3)]
    return np.stack(waves, axis=2).astype(np.uint8)


@pytest.mark.parametrize("square", [(20.3, 10.7, 90.0), (-0.5, -0.5, 100.0), (60.5, 19.5, 100.0), (30.0, 30.0, 40.0)])
def test_an_unchanged_crop_leaves_the_picture(square: tuple[float, float, float]) -> None:
    picture, size = _picture(120, 160), 96
    crop = warp_image(picture, np.array(square), size)
    share = np.ones((size, size), np.float32)
    result = paste_back(picture, crop, share, square_transform(np.array(square), size))
    assert np.abs(result.astype(int) - picture).max() <= 3


def test_only_what_changed_is_touched() -> None:
    picture, square, size = _picture(200, 200), np.array([49.5, 29.5, 128.0]), 64
    changed = np.zeros((size, size), bool)
    changed[24:40, 28:36] = True
    red = np.zeros((size, size, 3), np.uint8) + np.array((255, 0, 0), np.uint8)
    result = paste_back(picture, red, soft_share(changed), square_transform(square, size))
    np.testing.assert_array_equal(result[82:106, 108:118], np.broadcast_to(np.array((255, 0, 0)), (24, 10, 3)))
    touched = (result != picture).any(axis=2)
    rows, columns = np.nonzero(touched)
    assert (rows.min(), rows.max()) > (30 + 2 * 24 - 20, 0)
    assert rows.max() < 30 + 2 * 40 + 20
    assert columns.min() > 50 + 2 * 28 - 20
    assert columns.max() < 50 + 2 * 36 + 20


def test_the_share_fades_and_ends_before_the_border() -> None:
    share = np.minimum(soft_share(np.ones((64, 64), bool)), border_share(64, 64))
    assert share[32, 32] == 1.0
    assert share[0].max() == share[:, -1].max() == 0.0
    assert np.abs(np.diff(share, axis=0)).max() < 0.5
    assert soft_share(np.zeros((64, 64), bool)).max() == 0.0
