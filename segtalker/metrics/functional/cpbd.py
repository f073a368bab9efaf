"""CPBD, sharpness without a reference: the share of edges whose blur people do not notice.

N. D. Narvekar and L. J. Karam, "A No-Reference Image Blur Metric Based on the Cumulative Probability of Blur
Detection (CPBD)", IEEE Transactions on Image Processing 20(9), 2011; edge widths after P. Marziliano et al., "A
no-reference perceptual blur metric", ICIP 2002. Edges are those of the authors' MATLAB release, to the pixel:
`edge(luma, 'canny')`, which says what blocks have edges, and `edge(luma, 'sobel', 2, 'vertical')`, whose widths are
measured. (Ports with another Canny or another Sobel threshold give other scores.)
"""

import numpy as np
from scipy import ndimage

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
    along, across = (
        ndimage.convolve1d(
            ndimage.convolve1d(luma, bell, axis=smooth, mode="nearest"), slope, axis=axis, mode="nearest"
        )
        for smooth, axis in ((1, 2), (2, 1))
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
    kept = np.zeros(count + 1, dtype=bool)
    kept[labels[weak & (magnitude > high)]] = True
    return kept[labels]


def sobel_edges(luma: np.ndarray) -> np.ndarray:
    """MATLAB's `edge(luma, 'sobel', 2, 'vertical')` of each frame.

    Args:
        luma: `(T, H, W)`, float64 in [0, 255].

    Returns:
        `(T, H, W)`, bool.
    """
    bell, slope = (1.0, 2.0, 1.0), (-1.0, 0.0, 1.0)
    horizontal, vertical = (
        ndimage.correlate1d(
            ndimage.correlate1d(luma, slope, axis=axis, mode="nearest"), bell, axis=other, mode="nearest"
        )
        for axis, other in ((2, 1), (1, 2))
    )
    strength = (horizontal / 8) ** 2
    around = np.pad(strength, ((0, 0), (1, 1), (1, 1)))
    left, right = around[:, 1:-1, :-2], around[:, 1:-1, 2:]
    above, below = around[:, :-2, 1:-1], around[:, 2:, 1:-1]
    thin = (left <= strength) & (strength > right) & (np.abs(horizontal) >= np.abs(vertical))
    thin |= (above <= strength) & (strength > below)
    return thin & (strength > _SOBEL_THRESHOLD**2)


def _reach(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many steps in a row are true up to each column from its left, and from each column to its right.

    Args:
        steps: `steps[..., c]` belongs to the columns c and c + 1, `(T, H, W - 1)`, bool.

    Returns:
        Two counts, `(T, H, W)`, int.
    """
    column = np.arange(steps.shape[-1])
    before = np.maximum.accumulate(np.where(steps, -1, column), axis=-1)
    after = np.minimum.accumulate(np.where(steps, len(column), column)[..., ::-1], axis=-1)[..., ::-1]
    edge = ((0, 0), (0, 0))
    return np.pad(column - before, (*edge, (1, 0))), np.pad(after - column, (*edge, (0, 1)))


def edge_widths(luma: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How far the luma rises or falls across each edge whose gradient is horizontal.

    Args:
        luma: `(T, H, W)`, float64 in [0, 255].
        edges: see `sobel_edges`, `(T, H, W)`, bool.

    Returns:
        Widths in pixels, `(T, H, W)`, int; 0 where there is none.
    """
    down, right = np.gradient(luma, axis=(1, 2))
    horizontal = np.abs(down) <= np.tan(np.pi / 8) * np.abs(right)
    rising = (right > 0) & horizontal | (right == 0)  # as in the release, a vertical gradient counts as rising
    falling = (right < 0) & horizontal
    steps = np.diff(luma, axis=2)
    widths = np.zeros(luma.shape, dtype=np.int64)
    for kind, run in ((rising, steps > 0), (falling, steps < 0)):
        to_left, to_right = (np.minimum(count + 1, _MAX_REACH) for count in _reach(run))
        total = to_left[:, :, :-2] + to_right[:, :, 2:]  # of the columns 1 to W - 2
        widths[:, :, 1:-1] += total * (edges & kind)[:, :, 1:-1]
    widths[:, [0, -1]] = 0
    return widths


def _blocks(frames: np.ndarray) -> np.ndarray:
    """Whole blocks, `(T, N, 64 * 64)`; what is left over at the right and below is dropped."""
    count, rows, columns = len(frames), frames.shape[1] // BLOCK, frames.shape[2] // BLOCK
    cut = frames[:, : rows * BLOCK, : columns * BLOCK].reshape(count, rows, BLOCK, columns, BLOCK)
    return cut.swapaxes(2, 3).reshape(count, rows * columns, BLOCK * BLOCK)


def blur_score(luma: np.ndarray, canny: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The cumulative probability of blur detection from its parts.

    Args:
        luma: `(T, H, W)`, float64 in [0, 255].
        canny: see `canny_edges`, `(T, H, W)`, bool.
        widths: see `edge_widths`, `(T, H, W)`, int.

    Returns:
        Share of the edges whose probability of being seen as blurred is at most 63 %, `(T,)`, float64 in [0, 1]; 0
        for a frame without edges.
    """
    pixels, spread = _blocks(luma), _blocks(widths)
    has_edges = np.count_nonzero(_blocks(canny), axis=2) > _EDGE_SHARE * BLOCK**2
    contrast = np.floor(pixels.max(axis=2) - pixels.min(axis=2))
    noticeable = np.where(contrast <= _LOW_CONTRAST, *_JUST_NOTICEABLE)[:, :, None]
    measured = has_edges[:, :, None] & (spread > 0)
    probability = 1.0 - np.exp(-((spread / noticeable) ** _BETA))
    sharp = measured & (np.rint(probability * 100) <= _NOTICED_PERCENT)
    edges = np.count_nonzero(measured, axis=(1, 2))
    return np.count_nonzero(sharp, axis=(1, 2)) / np.maximum(edges, 1)


def cpbd_frames(luma: np.ndarray) -> np.ndarray:
    """CPBD of each frame.

    Args:
        luma: `(T, H, W)`, any real type, in [0, 255].

    Returns:
        `(T,)`, float64 in [0, 1], higher is sharper; NaN where a frame does not hold a block of 64 x 64.
    """
    assert luma.ndim == 3, luma.shape
    if min(luma.shape[1:]) < BLOCK:
        return np.full(len(luma), np.nan)
    values = luma.astype(np.float64)
    return blur_score(values, canny_edges(values), edge_widths(values, sobel_edges(values)))


def cpbd(luma: np.ndarray) -> float:
    """CPBD of one image, see `cpbd_frames`: luma `(H, W)` in [0, 255] in, a share out."""
    return float(cpbd_frames(luma[None])[0])
