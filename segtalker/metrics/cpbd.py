"""CPBD, sharpness without a reference: the share of edges whose blur people do not notice.

N. D. Narvekar and L. J. Karam, "A No-Reference Image Blur Metric Based on the Cumulative Probability of Blur
Detection (CPBD)", IEEE Transactions on Image Processing 20(9), 2011; edge widths after P. Marziliano et al., "A
no-reference perceptual blur metric", ICIP 2002. Edges are those of the authors' MATLAB release, to the pixel:
`edge(luma, 'canny')`, which says what blocks have edges, and `edge(luma, 'sobel', 2, 'vertical')`, whose widths are
measured. (Ports with another Canny or another Sobel threshold give other scores.)
"""

from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage

from segtalker.metrics.areas import Areas
from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk
from segtalker.metrics.images import own_luma
from segtalker.metrics.registry import AREAS, FrameMeasure, finite_mean, metric

BLOCK = 64  # px
_EDGE_SHARE = 0.002  # of a block's pixels
_BETA = 3.6
_LOW_CONTRAST = 50
_JUST_NOTICEABLE = (5.0, 3.0)  # px, edge width at low and at higher contrast
_NOTICED_PERCENT = 63
_MAX_REACH = 101  # px, to either side of an edge

_CANNY_SIGMA = np.sqrt(2.0)
_CANNY_TAPS = 16
_CANNY_BINS = 64
_NOT_EDGES = 0.7  # share of pixels, sets the upper threshold
_THRESHOLD_RATIO = 0.4
_SOBEL_THRESHOLD = 2.0


def _gradients(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical derivatives of Gaussians, each `(T, H, W)`."""
    x = np.arange(_CANNY_TAPS) - (_CANNY_TAPS - 1) / 2
    bell = np.exp(-(x**2) / (2 * _CANNY_SIGMA**2))
    bell /= bell.sum()
    slope = np.gradient(bell)
    slope[slope > 0] /= slope[slope > 0].sum()
    slope[slope < 0] /= -slope[slope < 0].sum()
    # in OpenCV a kernel is not turned round, and one of even length stands as SciPy's convolution puts it
    kernels = [np.ascontiguousarray(kernel[::-1]) for kernel in (bell, slope)]
    middle = (_CANNY_TAPS // 2 - 1,) * 2
    along, across = (
        np.stack(
            [
                cv2.sepFilter2D(frame, cv2.CV_64F, x_kernel, y_kernel, anchor=middle, borderType=cv2.BORDER_REPLICATE)
                for frame in luma
            ]
        )
        for x_kernel, y_kernel in (kernels[::-1], kernels)
    )
    return along, across


def _thresholds(magnitude: np.ndarray) -> np.ndarray:
    """Upper Canny threshold of each frame, from the histogram of its magnitudes in [0, 1]: `(T,)`."""
    frames = len(magnitude)
    bins = np.floor(magnitude * (_CANNY_BINS - 1) + 0.5).astype(np.int64).reshape(frames, -1)
    bins += np.arange(frames)[:, None] * _CANNY_BINS
    counts = np.bincount(bins.ravel(), minlength=frames * _CANNY_BINS).reshape(frames, _CANNY_BINS)
    enough = counts.cumsum(axis=1) > _NOT_EDGES * magnitude[0].size
    return (enough.argmax(axis=1) + 1) / _CANNY_BINS


def _ridge(magnitude: np.ndarray, along: np.ndarray, across: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Which candidates are highest along the gradient, between interpolated neighbours.

    Args:
        magnitude: of the gradient, `(T, H, W)`.
        along: horizontal gradient, likewise.
        across: vertical gradient, likewise.
        candidates: flat indices away from the border, `(N,)`.

    Returns:
        `(N,)`, bool.
    """
    width = magnitude.shape[2]
    flat, x, y = magnitude.ravel(), along.ravel()[candidates], across.ravel()[candidates]
    to_left = x * y > 0  # up and to the left, or up and to the right
    step = np.where(to_left, -1, 1)
    flatter = np.abs(x) > np.abs(y)
    straight, diagonal = np.where(flatter, step, -width), step - width
    share = np.minimum(np.abs(x), np.abs(y)) / np.maximum(np.abs(x), np.abs(y))
    sides = [
        flat[candidates + sign * straight] * (1 - share) + flat[candidates + sign * diagonal] * share
        for sign in (1, -1)
    ]
    here = flat[candidates]
    return (here >= sides[0]) & (here >= sides[1])


def canny_edges(luma: np.ndarray) -> np.ndarray:
    """MATLAB's `edge(luma, 'canny')` of each frame.

    Args:
        luma: `(T, H, W)`, float64 in [0, 255].

    Returns:
        `(T, H, W)`, bool.
    """
    along, across = _gradients(luma)
    magnitude = np.sqrt(along**2 + across**2)
    peak = magnitude.max(axis=(1, 2), keepdims=True)
    magnitude /= np.where(peak > 0, peak, 1.0)
    high = _thresholds(magnitude)[:, None, None]
    above = magnitude > _THRESHOLD_RATIO * high
    above[:, [0, -1]] = above[:, :, [0, -1]] = False
    candidates = np.flatnonzero(above)
    weak = np.zeros(luma.shape, dtype=bool)
    weak.flat[candidates[_ridge(magnitude, along, across, candidates)]] = True
    within_frame = np.zeros((3, 3, 3), dtype=bool)
    within_frame[1] = True
    labels, count = ndimage.label(weak, within_frame)
    kept_components = np.zeros(count + 1, dtype=bool)
    kept_components[labels[weak & (magnitude > high)]] = True
    return kept_components[labels]


def sobel_edges(luma: np.ndarray) -> np.ndarray:
    """MATLAB's `edge(luma, 'sobel', 2, 'vertical')` of each frame.

    Args:
        luma: `(T, H, W)`, float64 in [0, 255].

    Returns:
        `(T, H, W)`, bool.
    """
    edges = np.zeros(luma.shape, dtype=bool)
    for frame, frame_edges in zip(luma, edges, strict=True):
        horizontal, vertical = (
            cv2.Sobel(frame, cv2.CV_64F, *order, ksize=3, borderType=cv2.BORDER_REPLICATE) for order in ((1, 0), (0, 1))
        )
        strength = np.pad((horizontal / 8) ** 2, 1)
        width = strength.shape[1]
        rows, columns = np.nonzero(strength[1:-1, 1:-1] > _SOBEL_THRESHOLD**2)
        here = (rows + 1) * width + columns + 1
        value, left, right, above, below = (strength.ravel()[here + step] for step in (0, -1, 1, -width, width))
        steep = np.abs(horizontal[rows, columns]) >= np.abs(vertical[rows, columns])
        thin = (left <= value) & (value > right) & steep | (above <= value) & (value > below)
        frame_edges[rows[thin], columns[thin]] = True
    return edges


def _walk(values: np.ndarray, start: np.ndarray, direction: int, sign: np.ndarray, room: np.ndarray) -> np.ndarray:
    """How many steps values go on rising or falling.

    Args:
        values: `(P,)`, float64.
        start: index of the first value of each walk, `(N,)`.
        direction: 1 to the right, -1 to the left.
        sign: 1 where values rise from left to right, -1 where they fall, `(N,)`.
        room: steps to the end of the row, `(N,)`.

    Returns:
        Steps, `(N,)`, int, at most 100.
    """
    steps = np.zeros(len(start), dtype=np.int64)
    going = np.flatnonzero(room > 0)
    for step in range(_MAX_REACH - 1):
        place = start[going] + direction * step
        on = (sign[going] * direction * (values[place + direction] - values[place]) > 0) & (room[going] > step)
        going = going[on]
        if not len(going):
            break
        steps[going] += 1
        going = going[room[going] > step + 1]
    return steps


def edge_widths(luma: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How far the luma rises or falls across each edge whose gradient is horizontal.

    Args:
        luma: `(T, H, W)`, float64 in [0, 255].
        edges: see `sobel_edges`, `(T, H, W)`, bool.

    Returns:
        Widths in pixels, `(T, H, W)`, int; 0 where there is none.
    """
    inside = np.zeros(luma.shape, dtype=bool)
    inside[:, 1:-1, 1:-1] = edges[:, 1:-1, 1:-1]
    place, width, values = np.flatnonzero(inside), luma.shape[2], np.ascontiguousarray(luma).ravel()
    across = values[place + 1] - values[place - 1]
    down = values[place + width] - values[place - width]
    horizontal = np.abs(down) <= np.tan(np.pi / 8) * np.abs(across)
    # as in the release, a vertical gradient counts as rising
    edge_pixels = horizontal | (across == 0)
    place, sign = place[edge_pixels], np.where(across[edge_pixels] < 0, -1, 1)
    column = place % width
    to_left = _walk(values, place - 1, -1, sign, column - 1)
    to_right = _walk(values, place + 1, 1, sign, width - 2 - column)
    widths = np.zeros(luma.shape, dtype=np.int64)
    widths.flat[place] = to_left + to_right + 2
    return widths


def _blocks(frames: np.ndarray) -> np.ndarray:
    """Whole blocks, `(T, N, 64 * 64)`; what is left over at the right and below is dropped."""
    count, rows, columns = len(frames), frames.shape[1] // BLOCK, frames.shape[2] // BLOCK
    cut = frames[:, : rows * BLOCK, : columns * BLOCK].reshape(count, rows, BLOCK, columns, BLOCK)
    return cut.swapaxes(2, 3).reshape(count, rows * columns, BLOCK * BLOCK)


def blur_score(luma: np.ndarray, canny: np.ndarray, widths: np.ndarray, areas: Areas) -> np.ndarray:
    """The cumulative probability of blur detection from its parts.

    Args:
        luma: `(T, H, W)`, float64 in [0, 255].
        canny: see `canny_edges`, `(T, H, W)`, bool.
        widths: see `edge_widths`, `(T, H, W)`, int.
        areas: whose edges count; blocks are those of the frame, as published.

    Returns:
        Share of the edges whose probability of being seen as blurred is at most 63 %, `(T, A)`, float64 in [0, 1]; 0
        where an area has no edges, NaN where nothing of it lies in a whole block.
    """
    pixels = _blocks(luma)
    has_edges = np.count_nonzero(_blocks(canny), axis=2) > _EDGE_SHARE * BLOCK**2
    contrast = np.floor(pixels.max(axis=2) - pixels.min(axis=2))
    frame, block, pixel = np.nonzero(_blocks(widths) * has_edges[:, :, None])
    noticeable = np.where(contrast[frame, block] <= _LOW_CONTRAST, *_JUST_NOTICEABLE)
    probability = 1.0 - np.exp(-((_blocks(widths)[frame, block, pixel] / noticeable) ** _BETA))
    is_sharp = np.rint(probability * 100) <= _NOTICED_PERCENT
    shares = []
    for mask in areas.masks:
        mask_blocks = _blocks(mask)
        is_inside = mask_blocks[frame, block, pixel].astype(bool)
        edges, sharp = (np.bincount(frame[chosen], minlength=len(luma)) for chosen in (is_inside, is_inside & is_sharp))
        is_measurable = mask_blocks.any(axis=(1, 2))
        shares.append(np.where(is_measurable, sharp / np.maximum(edges, 1), np.nan))
    return np.stack(shares, axis=1)


def cpbd_frames(luma: np.ndarray, areas: Areas) -> np.ndarray:
    """CPBD of each frame.

    Args:
        luma: `(T, H, W)`, any real type, in [0, 255].
        areas: whose edges count.

    Returns:
        `(T, A)`, float64 in [0, 1], higher is sharper; NaN where a frame does not hold a block of 64 x 64, or
        nothing of an area lies in one.
    """
    assert luma.ndim == 3, luma.shape
    if min(luma.shape[1:]) < BLOCK:
        return np.full((len(luma), len(areas.masks)), np.nan)
    values = luma.astype(np.float64)
    return blur_score(values, canny_edges(values), edge_widths(values, sobel_edges(values)), areas)


def cpbd(luma: np.ndarray) -> float:
    """CPBD of one image, see `cpbd_frames`: luma `(H, W)` in [0, 255] in, a share out."""
    return float(cpbd_frames(luma[None], Areas.whole(luma[None]))[0, 0])


@once_per_chunk
def chunk_cpbd(frames: ChunkFrames) -> np.ndarray:
    """Of a chunk, `(T, A)`."""
    return cpbd_frames(own_luma(frames), frames.own_areas)


class Sharpness(NamedTuple):
    """CPBD of a video's frames and of its reference's, `(T, A)` each, float64.

    Args:
        video: of the video.
        reference: of the reference.
    """

    video: np.ndarray
    reference: np.ndarray


def _sharpness(chunk: FrameChunk) -> Sharpness:
    return Sharpness(chunk_cpbd(chunk.video), chunk_cpbd(chunk.reference))


SHARPNESS = FrameMeasure("cpbd", _sharpness, areas=AREAS)
_mean_sharpness = finite_mean("frames are smaller than a block of 64 x 64")


@metric(
    SHARPNESS,
    name="cpbd",
    unit="",
    higher_is_better=True,
    protocol="sharpness without a reference, of luma at the size of the crop, mean over frames",
    source="Narvekar and Karam, IEEE TIP 20(9), 2011",
)
def mean_cpbd(sharpness: Sharpness) -> float:
    """Of a clip."""
    return _mean_sharpness(sharpness.video)


@metric(
    SHARPNESS,
    unit="",
    higher_is_better=False,
    protocol="how far cpbd is from the reference's, either way, mean over frames: a noisy picture is no sharper one",
    source="after Narvekar and Karam, IEEE TIP 20(9), 2011",
)
def cpbd_error(sharpness: Sharpness) -> float:
    """Of a clip."""
    return _mean_sharpness(np.abs(sharpness.video - sharpness.reference))
