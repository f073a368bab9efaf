"""PSNR and SSIM against independent implementations."""

import numpy as np
import pyiqa
import pytest
import torch
from pyiqa.archs.psnr_arch import psnr as pyiqa_psnr
from pyiqa.archs.ssim_arch import ms_ssim as pyiqa_ms_ssim
from pyiqa.archs.ssim_arch import ssim as pyiqa_ssim
from scipy import ndimage
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio

from segtalker.metrics import images
from segtalker.metrics.areas import Areas
from segtalker.metrics.images import luma


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return images.psnr(a, b, Areas.whole(a))[:, 0]


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return images.ssim(a, b, Areas.whole(a))[:, 0]


def ms_ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return images.ms_ssim(a, b, Areas.whole(a))[:, 0]


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 64)[None, None, :, None] + np.linspace(0, 50, 48)[None, :, None, None]
    clean = np.clip(ramp + rng.integers(0, 30, (4, 1, 1, 3)), 0, 255)
    noise = rng.normal(0, 1, (4, 48, 64, 3)) * np.array([1, 4, 16, 40])[:, None, None, None]
    return np.rint(clean).astype(np.uint8), np.rint(np.clip(clean + noise, 0, 255)).astype(np.uint8)


def test_psnr_equals_torchmetrics(pair):
    expected = [
        float(peak_signal_noise_ratio(torch.tensor(b).double(), torch.tensor(a).double(), data_range=255.0))
        for a, b in zip(*pair, strict=True)
    ]
    np.testing.assert_allclose(psnr(*pair), expected, rtol=1e-6)


def test_psnr_of_equal_frames_is_infinite(pair):
    assert np.isposinf(psnr(pair[0], pair[0])).all()


def test_ssim_equals_scikit_image(pair):
    a, b = luma(pair[0]), luma(pair[1])
    expected = [
        structural_similarity(x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255.0)
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(ssim(a, b), expected, atol=1e-9)
    np.testing.assert_allclose(ssim(a, a), 1.0)


def test_luma_is_grey_for_grey():
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    np.testing.assert_array_equal(luma(grey)[0].ravel(), np.arange(256))


def test_shapes_must_match(pair):
    with pytest.raises(AssertionError):
        psnr(pair[0], pair[1][:, 1:])


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values)[:, None]


def test_psnr_and_ssim_equal_pyiqa(pair):
    reference, frames = pair
    found = pyiqa_psnr(*(torch.from_numpy(rgb).movedim(-1, 1).double() for rgb in pair), data_range=255, eps=0)
    np.testing.assert_allclose(psnr(reference, frames), found.numpy(), rtol=1e-6)
    a, b = luma(reference), luma(frames)
    np.testing.assert_allclose(ssim(a, b), pyiqa_ssim(_tensor(a), _tensor(b), data_range=255).numpy(), atol=1e-6)


@pytest.mark.parametrize("size", [(176, 176), (211, 256)])
def test_ms_ssim_equals_pyiqa(size):
    rng = np.random.default_rng(5)
    a = np.rint(ndimage.gaussian_filter(rng.random((2, *size)), (0, 2, 2)) * 255)
    b = np.clip(a + rng.normal(0, 12, a.shape), 0, 255)
    np.testing.assert_allclose(ms_ssim(a, b), pyiqa_ms_ssim(_tensor(a), _tensor(b), data_range=255).numpy(), atol=1e-6)
    assert ms_ssim(a, a) == pytest.approx(1.0)


def test_ssim_of_rgb_frames_is_that_of_pyiqa_also_where_they_are_opposed(pair):
    reference = pair[0]
    for frames in (pair[1], 255 - reference):
        a, b = (torch.from_numpy(rgb).movedim(-1, 1) / 255 for rgb in (frames, reference))
        expected = pyiqa.create_metric("ssim", device="cpu")(a, b).numpy()
        np.testing.assert_allclose(
            ssim(luma(reference), luma(frames)), expected, atol=5e-5
        )  # float32 rounds a luma of .5 the other way


def test_frames_too_small_for_five_scales_have_no_ms_ssim():
    assert np.isnan(ms_ssim(np.zeros((2, 175, 300)), np.zeros((2, 175, 300)))).all()


def rectangle(frames: np.ndarray, rows: slice, columns: slice) -> Areas:
    """All of each frame, and a rectangle of it."""
    masks = np.zeros((2, *frames.shape[:3]), bool)
    masks[0] = masks[1, :, rows, columns] = True
    return Areas(masks)


def test_psnr_of_a_rectangle_is_that_of_its_crop(pair):
    rows, columns = slice(7, 29), slice(11, 40)
    found = images.psnr(*pair, rectangle(pair[0], rows, columns))
    np.testing.assert_allclose(found[:, 0], psnr(*pair), rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], psnr(*(frames[:, rows, columns] for frames in pair)), rtol=1e-9)


def test_an_error_counts_where_it_lies(pair):
    rows, columns = slice(20, 40), slice(8, 24)
    areas, reference = rectangle(pair[0], rows, columns), pair[0]
    inside, outside = reference.copy(), pair[1].copy()
    inside[:, 25:30, 12:18] ^= 32
    outside[:, rows, columns] = reference[:, rows, columns]
    assert (images.psnr(reference, inside, areas)[:, 1] < images.psnr(reference, inside, areas)[:, 0] - 5).all()
    found = images.psnr(reference, outside, areas)
    assert np.isfinite(found[1:, 0]).all()
    assert np.isposinf(found[:, 1]).all()
    inner = rectangle(reference, slice(26, 34), slice(14, 18))  # whose windows see nothing but what is right
    similarity = images.ssim(luma(reference), luma(outside), inner)
    np.testing.assert_allclose(similarity[:, 1], 1.0, rtol=1e-12)
    assert (similarity[1:, 0] < 1).all()


def test_ssim_of_a_rectangle_is_the_mean_of_scikit_images_map(pair):
    a, b = luma(pair[0]), luma(pair[1])
    rows, columns = slice(9, 31), slice(13, 44)
    found = images.ssim(a, b, rectangle(a, rows, columns))[:, 1]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255.0}
    maps = np.stack([structural_similarity(x, y, full=True, **options)[1] for x, y in zip(a, b, strict=True)])
    # scikit-image counts what is opposed below 0, pyiqa as 0
    np.testing.assert_allclose(found, np.maximum(maps, 0.0)[:, rows, columns].mean(axis=(1, 2)), atol=1e-9)
    assert np.ptp(found) > 0.01


def test_ms_ssim_of_an_area_sees_what_is_wrong_there():
    rng = np.random.default_rng(5)
    a = np.rint(ndimage.gaussian_filter(rng.random((1, 256, 256)), (0, 2, 2)) * 255)
    b = a.copy()
    b[:, :128] = np.clip(a + rng.normal(0, 12, a.shape), 0, 255)[:, :128]
    masks = np.zeros((3, 1, 256, 256), bool)
    masks[0], masks[1, :, :128], masks[2, :, 160:] = True, True, True
    whole, wrong, right = images.ms_ssim(a, b, Areas(masks))[0]
    assert wrong < whole < right
    assert whole == pytest.approx(ms_ssim(a, b)[0])
    masks[2], masks[2, :, 250:] = False, True  # no window of the smallest scale has its middle there
    assert np.isnan(images.ms_ssim(a, b, Areas(masks))[0, 2])
