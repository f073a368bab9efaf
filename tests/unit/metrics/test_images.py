"""PSNR, SSIM and temporal error against independent implementations."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio

from segtalker.metrics.functional.images import luma, psnr, ssim, temporal_error


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


def test_temporal_error_sees_change_not_colour(pair):
    video = np.stack([np.full((8, 8, 3), 10 * step, np.uint8) for step in range(5)])
    assert temporal_error(video, video + 7).max() == 0.0
    np.testing.assert_allclose(temporal_error(video, video[:1].repeat(5, axis=0)), 10.0)
    flicker = video + np.array([0, 4, 0, 4, 0], np.uint8)[:, None, None, None]
    np.testing.assert_allclose(temporal_error(video, flicker), 4.0)


def test_shapes_must_match(pair):
    for metric in (psnr, temporal_error):
        with pytest.raises(AssertionError):
            metric(pair[0], pair[1][:, 1:])
