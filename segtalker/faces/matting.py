"""Soft edges at a picture's own resolution from maps of a small one, and what a soft edge is a mixture of.

The guided filter (He, Sun, Tang 2013) with a colour guide explains a map, in every small window, as a linear function
of the picture's colours; so its edge follows hair strands that the map itself is too coarse for. The functions are
found small and applied large (He, Sun 2015).
"""

import cv2
import numpy as np

_FIRM = 0.98  # share above which a pixel is taken to show one thing alone
_TRUSTED = 0.15  # least share by which a mixture is divided


def refined_share(picture: np.ndarray, small_picture: np.ndarray, small_map: np.ndarray, radius: int) -> np.ndarray:
    """A map's share of each pixel of a picture, its edge along the picture's own.

    Args:
        picture: RGB, `(H, W, 3)`, uint8.
        small_picture: the same scaled down, `(h, w, 3)`, uint8.
        small_map: a share of each of its pixels, `(h, w)`, float32 in [0, 1].
        radius: px of the small picture: how wide an edge may be.

    Returns:
        `(H, W)`, float32 in [0, 1]; exactly 0 and 1 farther from an edge than the radius.
    """
    functions = _linear_functions(small_picture.astype(np.float32) / 255.0, small_map, radius)
    size = picture.shape[1::-1]
    large = cv2.resize(functions, size, interpolation=cv2.INTER_LINEAR)
    share = (large[..., :3] * picture).sum(axis=2) / 255.0 + large[..., 3]
    # the filter leaves a few hundredths on flat ground
    share = ((share - 0.5) * 1.1 + 0.5).clip(0.0, 1.0)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    least = cv2.resize(cv2.erode(small_map, kernel), size, interpolation=cv2.INTER_LINEAR)
    most = cv2.resize(cv2.dilate(small_map, kernel), size, interpolation=cv2.INTER_LINEAR)
    return np.where(least >= _FIRM, 1.0, np.where(most <= 1.0 - _FIRM, 0.0, share)).astype(np.float32)


_REGULARISER = 4e-4  # of colours in [0, 1]: contrasts below its root are no edges


def _linear_functions(guide: np.ndarray, values: np.ndarray, radius: int) -> np.ndarray:
    """Factors of red, green and blue and a constant for each pixel, `(h, w, 4)`, float32."""

    def mean(array: np.ndarray) -> np.ndarray:
        return cv2.blur(array, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_values = mean(guide), mean(values)
    covariance = mean(guide * values[..., None]) - mean_guide * mean_values[..., None]
    moments = mean(np.stack([guide[..., i] * guide[..., j] for i, j in _PAIRS], axis=2))
    spread = [moments[..., n] - mean_guide[..., i] * mean_guide[..., j] for n, (i, j) in enumerate(_PAIRS)]
    factors = _solve(spread, covariance)
    constant = mean_values - (factors * mean_guide).sum(axis=2)
    return mean(np.concatenate([factors, constant[..., None]], axis=2))


_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def _solve(spread: list[np.ndarray], right: np.ndarray) -> np.ndarray:
    """Solves a symmetric system of three for every pixel, by cofactors: `(h, w, 3)`."""
    a, b, c, d, e, f = spread
    a, d, f = a + _REGULARISER, d + _REGULARISER, f + _REGULARISER
    c11, c12, c13 = d * f - e * e, c * e - b * f, b * e - c * d
    c22, c23, c33 = a * f - c * c, b * c - a * e, a * d - b * b
    x, y, z = np.moveaxis(right, 2, 0)
    determinant = a * c11 + b * c12 + c * c13
    rows = (c11 * x + c12 * y + c13 * z, c12 * x + c22 * y + c23 * z, c13 * x + c23 * y + c33 * z)
    return np.stack(rows, axis=2) / determinant[..., None]


def fill(image: np.ndarray, known_pixels: np.ndarray) -> np.ndarray:
    """Continues a picture into its unknown part, coarser with distance (pull-push).

    Args:
        image: `(H, W, 3)`, uint8.
        known_pixels: `(H, W)`, bool; these pixels stay as they are.

    Returns:
        `(H, W, 3)`, uint8; the picture itself where nothing of it is known.
    """
    if not known_pixels.any():
        return image
    colours: list[np.ndarray] = [image.astype(np.float32) * known_pixels[..., None]]
    weights: list[np.ndarray] = [known_pixels.astype(np.float32)]
    while max(weights[-1].shape) > 1:
        size = (max(1, weights[-1].shape[1] // 2), max(1, weights[-1].shape[0] // 2))
        colours.append(cv2.resize(colours[-1], size, interpolation=cv2.INTER_AREA))
        weights.append(cv2.resize(weights[-1], size, interpolation=cv2.INTER_AREA))
    picture = colours[-1] / np.maximum(weights[-1], 1e-6).reshape(*colours[-1].shape[:2], 1)
    for colour, weight in zip(colours[-2::-1], weights[-2::-1], strict=True):
        around = cv2.resize(picture, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        picture = colour + around * (1 - weight[..., None])
    return picture.round().clip(0, 255).astype(np.uint8)


def unmixed_foreground(picture: np.ndarray, share: np.ndarray, small_picture: np.ndarray) -> np.ndarray:
    """The colours of what stands in front, without what shines through at its edge.

    An edge pixel is a mixture: what is behind is continued from around, taken off by its share, and where little of
    the front is left to divide by, the colours of the front nearby take over.

    Args:
        picture: RGB, `(H, W, 3)`, uint8.
        share: of the front, `(H, W)`, float32 in [0, 1].
        small_picture: the picture scaled down, `(h, w, 3)`, uint8.

    Returns:
        RGB, `(H, W, 3)`, float32; the picture's own where the share is 1.
    """
    small_share = cv2.resize(share, small_picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    size = picture.shape[1::-1]
    behind, front = (
        cv2.resize(fill(small_picture, known_pixels), size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
        for known_pixels in (small_share <= 1.0 - _FIRM, small_share >= _FIRM)
    )
    colours, weight = picture.astype(np.float32), share[..., None]
    divided = ((colours - (1.0 - weight) * behind) / np.maximum(weight, _TRUSTED)).clip(0.0, 255.0)
    return np.where(weight >= _FIRM, colours, weight * divided + (1.0 - weight) * front)
