"""Distances between frames and the frames they should be."""

import cv2
import numpy as np

from segtalker.metrics.areas import Areas
from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk, rgb_in_areas
from segtalker.metrics.registry import AREAS, finite_mean, frame_metric

PEAK = 255.0
_BT601 = np.array([0.299, 0.587, 0.114])
_SSIM_TAPS = 11
_SSIM_EDGE = _SSIM_TAPS // 2
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


def own_luma(frames: ChunkFrames) -> np.ndarray:
    """Likewise without the context, `(T, H, W)`."""
    return chunk_luma(frames)[frames.context :]


def luma_in_areas(chunk: FrameChunk) -> tuple[np.ndarray, np.ndarray, Areas]:
    """As `rgb_in_areas`, luma, `(T, H, W)` each, float64 in [0, 255]."""
    return own_luma(chunk.reference), own_luma(chunk.video), chunk.reference.own_areas


@frame_metric(
    rgb_in_areas,
    over_frames=finite_mean("the frames are the reference's: infinite"),
    areas=AREAS,
    unit="dB",
    higher_is_better=True,
    protocol="peak signal-to-noise ratio of RGB frames, mean over the frames that differ from the reference at all",
)
def psnr(reference: np.ndarray, frames: np.ndarray, areas: Areas) -> np.ndarray:
    """Peak signal-to-noise ratio of RGB frames.

    Args:
        reference: RGB, `(T, H, W, 3)`, uint8.
        frames: likewise.
        areas: where.

    Returns:
        dB, `(T, A)`, float64; infinite for equal frames.
    """
    assert reference.shape == frames.shape, (reference.shape, frames.shape)
    assert frames.ndim == 4, frames.shape
    assert frames.shape[3] == 3, frames.shape
    error = areas.means(np.square(reference.astype(np.float32) - frames))
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(PEAK**2 / error)


@frame_metric(
    luma_in_areas,
    over_frames=finite_mean("no frame has any of it"),
    areas=AREAS,
    unit="",
    higher_is_better=True,
    protocol="structural similarity of luma as pyiqa's `ssim`: Gaussian window 11, sigma 1.5, mean over frames",
    source="Wang et al., IEEE TIP 13(4), 2004",
)
def ssim(reference: np.ndarray, frames: np.ndarray, areas: Areas) -> np.ndarray:
    """Structural similarity of luma (Z. Wang et al., IEEE Transactions on Image Processing 13(4), 2004).

    Gaussian window of 11 pixels and sigma 1.5, no padding, no downsampling, C1 and C2 from 0.01 and 0.03; equal to
    pyiqa's `ssim`, at a hundredth of its time. The window of a pixel at the edge of an area sees what lies beyond it.

    Args:
        reference: luma, `(T, H, W)`, float64 in [0, 255].
        frames: likewise.
        areas: where.

    Returns:
        `(T, A)`, float64, at most 1; NaN where a frame has nothing of an area.
    """
    assert reference.shape == frames.shape, (reference.shape, frames.shape)
    return areas.inner(_SSIM_EDGE).means(np.prod(_similarities(reference, frames), axis=0))


def _similarities(reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Of each frame, both factors of SSIM, see `_similarity`: `(2, T, H - 10, W - 10)`."""
    return np.stack([_similarity(*pair) for pair in zip(reference, frames, strict=True)], axis=1)


def _similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The two factors of SSIM, of brightness and of contrast and structure: `(2, H - 10, W - 10)`, without padding.

    What is opposed counts as unlike, as in pyiqa: the second is at least 0.
    """
    bell = cv2.getGaussianKernel(_SSIM_TAPS, _SSIM_SIGMA, cv2.CV_64F)
    edge = _SSIM_EDGE
    moments = cv2.sepFilter2D(np.stack([a, b, a * a, b * b, a * b], axis=-1), cv2.CV_64F, bell, bell)
    mean_a, mean_b, aa, bb, ab = np.moveaxis(moments[edge:-edge, edge:-edge], -1, 0)
    variances, covariance = aa - mean_a**2 + bb - mean_b**2, ab - mean_a * mean_b
    floor, contrast_floor = _SSIM_FLOORS
    brightness = (2 * mean_a * mean_b + floor) / (mean_a**2 + mean_b**2 + floor)
    contrast = np.maximum((2 * covariance + contrast_floor) / (variances + contrast_floor), 0.0)
    return np.stack([brightness, contrast])


@frame_metric(
    luma_in_areas,
    over_frames=finite_mean("frames are smaller than 176 px"),
    areas=AREAS,
    unit="",
    higher_is_better=True,
    protocol="structural similarity of luma at five scales as pyiqa's `ms_ssim`, mean over frames",
    source="Wang et al., Asilomar 2003",
)
def ms_ssim(reference: np.ndarray, frames: np.ndarray, areas: Areas) -> np.ndarray:
    """Multi-scale structural similarity of luma (Z. Wang et al., Asilomar 2003).

    Five scales, each half of the one before; an area has the pixels of which half or more are in it.

    Args:
        reference: luma, `(T, H, W)`, float64 in [0, 255].
        frames: likewise.
        areas: where.

    Returns:
        `(T, A)`, float64 in [0, 1]; NaN where the smallest scale does not hold the window (sides below 176 px).
    """
    assert reference.shape == frames.shape, (reference.shape, frames.shape)
    if min(frames.shape[1:]) < _SSIM_TAPS * 2 ** (len(_SCALE_WEIGHTS) - 1):
        return np.full((len(frames), len(areas.masks)), np.nan)
    product = np.ones(1)
    for weight in _SCALE_WEIGHTS[:-1]:
        contrast = _similarities(reference, frames)[1]
        product = product * areas.inner(_SSIM_EDGE).means(contrast) ** weight
        reference, frames, areas = _half(reference), _half(frames), Areas(_half(areas.masks) >= 0.5)
    return product * ssim(reference, frames, areas) ** _SCALE_WEIGHTS[-1]


def _half(maps: np.ndarray) -> np.ndarray:
    """Means of blocks of 2 x 2 px, `(..., H, W)`; an odd side is padded with zeros on both ends, as the field's
    libraries do."""
    *rest, height, width = maps.shape
    padded_maps = np.pad(maps, [(0, 0)] * len(rest) + [(height % 2,) * 2, (width % 2,) * 2])
    height, width = (side // 2 * 2 for side in padded_maps.shape[-2:])
    return padded_maps[..., :height, :width].reshape(*rest, height // 2, 2, width // 2, 2).mean(axis=(-3, -1))
