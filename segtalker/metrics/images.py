"""Distances between frames and the frames they should be."""

import cv2
import numpy as np

from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk, rgb_pair
from segtalker.metrics.registry import finite_mean, frame_metric

PEAK = 255.0
_BT601 = np.array([0.299, 0.587, 0.114])
_SSIM_TAPS = 11
_SSIM_SIGMA = 1.5
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_SSIM_FLOORS = ((0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2)


def luma(frames: np.ndarray) -> np.ndarray:
    """BT.601 luma, rounded: RGB `(T, H, W, 3)` uint8 to `(T, H, W)`, float64 in [0, 255]."""
    return np.rint(frames @ _BT601)


@once_per_chunk
def chunk_luma(frames: ChunkFrames) -> np.ndarray:
    """Luma of a chunk with its context, `(C + T, H, W)`, float64 in [0, 255]."""
    return luma(frames.frames)


def video_luma(chunk: FrameChunk) -> tuple[np.ndarray]:
    """Luma of the video's frames, `(T, H, W)`, float64 in [0, 255]."""
    return (chunk_luma(chunk.video)[chunk.video.context :],)


def luma_pair(chunk: FrameChunk) -> tuple[np.ndarray, np.ndarray]:
    """As `rgb_pair`, luma, `(T, H, W)` each, float64 in [0, 255]."""
    return chunk_luma(chunk.reference)[chunk.reference.context :], *video_luma(chunk)


@frame_metric(
    rgb_pair,
    over_frames=finite_mean("the frames are the reference's: infinite"),
    unit="dB",
    higher_is_better=True,
    protocol="peak signal-to-noise ratio of RGB frames, mean over the frames that differ from the reference at all",
)
def psnr(reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of RGB frames.

    Args:
        reference: RGB, `(T, H, W, 3)`, uint8.
        frames: likewise.

    Returns:
        dB, `(T,)`, float64; infinite for equal frames.
    """
    assert reference.shape == frames.shape, (reference.shape, frames.shape)
    assert frames.ndim == 4, frames.shape
    assert frames.shape[3] == 3, frames.shape
    difference = reference.astype(np.float32) - frames
    error = np.square(difference).mean(axis=(1, 2, 3), dtype=np.float64)
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(PEAK**2 / error)


@frame_metric(
    luma_pair,
    unit="",
    higher_is_better=True,
    protocol="structural similarity of luma as pyiqa's `ssim`: Gaussian window 11, sigma 1.5, mean over frames",
    source="Wang et al., IEEE TIP 13(4), 2004",
)
def ssim(reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Structural similarity of luma (Z. Wang et al., IEEE Transactions on Image Processing 13(4), 2004).

    Gaussian window of 11 pixels and sigma 1.5, no padding, no downsampling, C1 and C2 from 0.01 and 0.03; equal to
    pyiqa's `ssim`, at a hundredth of its time.

    Args:
        reference: luma, `(T, H, W)`, float64 in [0, 255].
        frames: likewise.

    Returns:
        `(T,)`, float64, at most 1.
    """
    assert reference.shape == frames.shape, (reference.shape, frames.shape)
    return np.array([_ssim(a, b) for a, b in zip(reference, frames, strict=True)])


def _ssim(a: np.ndarray, b: np.ndarray) -> float:
    brightness, contrast = _similarity(a, b)
    return float((brightness * contrast).mean())


def _similarity(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two factors of SSIM, of brightness and of contrast and structure, at every pixel without padding.

    What is opposed counts as unlike, as in pyiqa: the second is at least 0.
    """
    bell = cv2.getGaussianKernel(_SSIM_TAPS, _SSIM_SIGMA, cv2.CV_64F)
    edge = _SSIM_TAPS // 2
    moments = cv2.sepFilter2D(np.stack([a, b, a * a, b * b, a * b], axis=-1), cv2.CV_64F, bell, bell)
    mean_a, mean_b, aa, bb, ab = np.moveaxis(moments[edge:-edge, edge:-edge], -1, 0)
    variances, covariance = aa - mean_a**2 + bb - mean_b**2, ab - mean_a * mean_b
    floor, contrast_floor = _SSIM_FLOORS
    brightness = (2 * mean_a * mean_b + floor) / (mean_a**2 + mean_b**2 + floor)
    return brightness, np.maximum((2 * covariance + contrast_floor) / (variances + contrast_floor), 0.0)


@frame_metric(
    luma_pair,
    over_frames=finite_mean("frames are smaller than 176 px"),
    unit="",
    higher_is_better=True,
    protocol="structural similarity of luma at five scales as pyiqa's `ms_ssim`, mean over frames",
    source="Wang et al., Asilomar 2003",
)
def ms_ssim(reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Multi-scale structural similarity of luma (Z. Wang et al., Asilomar 2003).

    Five scales, each half of the one before.

    Args:
        reference: luma, `(T, H, W)`, float64 in [0, 255].
        frames: likewise.

    Returns:
        `(T,)`, float64 in [0, 1]; NaN where the smallest scale does not hold the window (sides below 176 px).
    """
    assert reference.shape == frames.shape, (reference.shape, frames.shape)
    if min(frames.shape[1:]) < _SSIM_TAPS * 2 ** (len(_SCALE_WEIGHTS) - 1):
        return np.full(len(frames), np.nan)
    return np.array([_ms_ssim(a, b) for a, b in zip(reference, frames, strict=True)])


def _ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    product = 1.0
    for weight in _SCALE_WEIGHTS[:-1]:
        contrast = _similarity(a, b)[1].mean()
        product *= contrast**weight
        a, b = _half(a), _half(b)
    brightness, contrast = _similarity(a, b)
    return float(product * (brightness * contrast).mean() ** _SCALE_WEIGHTS[-1])


def _half(luma: np.ndarray) -> np.ndarray:
    """Means of blocks of 2 x 2 px; an odd side is padded with zeros on both ends, as the field's libraries do."""
    height, width = luma.shape
    padded_luma = np.pad(luma, [(height % 2,) * 2, (width % 2,) * 2])
    height, width = (side // 2 * 2 for side in padded_luma.shape)
    return padded_luma[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
