"""Areas: means of pixels against plain NumPy, at the size of the frame and at another."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segtalker.metrics.areas import Areas

FRAMES, HEIGHT, WIDTH = 3, 20, 24


@pytest.fixture
def masks() -> np.ndarray:
    """Two areas; the second is not in the last frame."""
    masks = np.random.default_rng(0).random((2, FRAMES, HEIGHT, WIDTH)) < 0.3
    masks[1, -1] = False
    return masks


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_means_are_those_of_the_pixels(masks: np.ndarray, kind: type, channels: tuple[int, ...]) -> None:
    values = (np.random.default_rng(1).random((FRAMES, HEIGHT, WIDTH, *channels)) * 200).astype(kind)
    found = Areas(masks).means(values)
    for area, mask in enumerate(masks):
        for frame in range(FRAMES):
            pixels = values[frame][mask[frame]].astype(np.float64)
            expected = pixels.mean() if len(pixels) else np.nan
            assert found[frame, area] == pytest.approx(expected, rel=1e-12, nan_ok=True)
    sums = Areas(masks).sums(values)
    np.testing.assert_allclose(sums, np.nan_to_num(found) * masks.sum(axis=(2, 3)).T)
    assert sums[-1, 1] == 0.0
    assert np.isnan(found).sum() == 1


def test_frames_and_margins_are_left_out(masks: np.ndarray) -> None:
    areas = Areas(masks)
    np.testing.assert_array_equal(areas[1:].masks, masks[:, 1:])
    np.testing.assert_array_equal(areas.last(1).masks, masks[:, -1:])
    assert areas.last(0).masks.shape[1] == 0
    np.testing.assert_array_equal(areas.inner(2).masks, masks[:, :, 2:-2, 2:-2])
    seen = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    seen[:, 5:9] = True
    np.testing.assert_array_equal(areas.within(seen).masks, masks & seen)
    assert areas.means(np.zeros((FRAMES, HEIGHT, WIDTH)))[0].tolist() == [0.0, 0.0]


def test_maps_of_another_size_are_weighted_by_what_an_area_covers(masks: np.ndarray) -> None:
    maps = torch.rand(FRAMES, 5, 6)
    found = Areas(masks).map_means(maps, ((4, 4, 0),))
    for area, mask in enumerate(masks):
        shares = F.avg_pool2d(torch.from_numpy(mask).float()[:, None], 4)[:, 0]
        expected = (maps * shares).sum(dim=(1, 2)) / shares.sum(dim=(1, 2))
        torch.testing.assert_close(found[:, area], expected, equal_nan=True)
    whole = Areas.whole(np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8))
    torch.testing.assert_close(whole.map_means(maps, ((4, 4, 0),))[:, 0], maps.mean(dim=(1, 2)))


def test_no_frames_have_no_means() -> None:
    assert Areas(np.ones((3, 0, 4, 4), bool)).means(np.zeros((0, 4, 4))).shape == (0, 3)
