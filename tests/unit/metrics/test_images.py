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

from segtalker.metrics.images import luma, ms_ssim, psnr, ssim


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
    found = pyiqa_psnr(*(torch.from_numpy(images).movedim(-1, 1).double() for images in pair), data_range=255, eps=0)
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
        a, b = (torch.from_numpy(images).movedim(-1, 1) / 255 for images in (frames, reference))
        expected = pyiqa.create_metric("ssim", device="cpu")(a, b).numpy()
        np.testing.assert_allclose(
            ssim(luma(reference), luma(frames)), expected, atol=5e-5
        )  # float32 rounds a luma of .5 the other way


def test_frames_too_small_for_five_scales_have_no_ms_ssim():
    assert np.isnan(ms_ssim(np.zeros((2, 175, 300)), np.zeros((2, 175, 300)))).all()
