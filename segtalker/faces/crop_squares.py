"""The square that is cut out of each frame of a clip, and the warp into it.

One size a clip. The square stands still as long as the face stays inside it, for a still background is easier to
learn and to watch; where the head moves farther, it follows slowly. It never leaves the picture.

Coordinates: (x, y) pixels with integers at pixel centres, so a picture reaches from -0.5 to its width - 0.5.
"""

import cv2
import numpy as np

from segtalker.regions import NUM_REGIONS

_WHOLE = 0.9  # a square that takes this share of a square picture is taken to be all of it
_SIZE_PERCENTILE = 90
_REACH = 4  # standard deviations a Gaussian is computed to
_CHANNELS = 4  # OpenCV warps so many planes at once


def clip_squares(
    landmarks: np.ndarray, width: int, height: int, margin: float, lift: float, follow_frames: int
) -> np.ndarray:
    """Places the square of each frame.

    Args:
        landmarks: of the whole clip, `(T, 68, 2)`, pixels of the source.
        width: of the source.
        height: of the source.
        margin: share of the face's size added on each side, at least.
        lift: how far the square stands above the middle of the face (brows to chin), as a share of its size.
        follow_frames: time constant of following a head that moves far.

    Returns:
        Left and upper edge and side of each square, `(T, 3)`, float64; equal rows where it stands still.
    """
    low, high = landmarks.min(axis=1).astype(np.float64), landmarks.max(axis=1).astype(np.float64)
    face = float(np.percentile((high - low).max(axis=1), _SIZE_PERCENTILE))
    side = min(face * (1.0 + 2.0 * margin), width, height)
    if width == height and side >= _WHOLE * width:
        return np.tile([-0.5, -0.5, float(width)], (len(landmarks), 1))
    middles = (low + high) / 2 - np.array([0.0, lift * face])
    corners = _place(np.median(middles, axis=0), len(middles), side, width, height)
    if not _holds(corners, side, low, high):
        corners = _place(_slowly(middles, follow_frames), len(middles), side, width, height)
    return np.concatenate([corners, np.full((len(corners), 1), side)], axis=1)


def published_square(box: tuple[float, float, float, float]) -> np.ndarray:
    """A square published as x, y, width, height in whole pixels: left and upper edge and side, `(3,)`, float64."""
    x, y, width, height = box
    return np.array([x - 0.5, y - 0.5, max(width, height)])


def union_square(landmarks: np.ndarray, width: int, height: int, ratio: float) -> np.ndarray:
    """HDTF's square: around the faces of all frames together, enlarged (README of its repository, second way).

    Args:
        landmarks: of the whole clip, `(T, 68, 2)`, pixels of the source.
        width: of the source.
        height: of the source.
        ratio: published enlargement.

    Returns:
        Left and upper edge and side, `(3,)`, float64.
    """
    low, high = landmarks.min(axis=(0, 1)).astype(np.float64), landmarks.max(axis=(0, 1)).astype(np.float64)
    side = min(float((high - low).max()) * ratio, width, height)
    return np.append(_place((low + high) / 2, 1, side, width, height)[0], side)


def _slowly(middles: np.ndarray, frames: int) -> np.ndarray:
    """A path smoothed by a Gaussian of so many frames, `(T, 2)`."""
    kernel = (1, 2 * _REACH * frames + 1)
    smooth_path = cv2.GaussianBlur(middles[:, None], kernel, 0, sigmaY=frames, borderType=cv2.BORDER_REPLICATE)
    return smooth_path.reshape(middles.shape)


def _place(middles: np.ndarray, count: int, side: float, width: int, height: int) -> np.ndarray:
    """Upper left corners around the middles, pushed into the picture: `(T, 2)`."""
    furthest = np.array([width, height]) - 0.5 - side
    return np.broadcast_to(np.clip(middles - side / 2, -0.5, furthest), (count, 2))


def _holds(corners: np.ndarray, side: float, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether the face lies inside the square in every frame."""
    return bool((low >= corners).all() and (high <= corners + side).all())


def square_transform(square: np.ndarray, size: int) -> np.ndarray:
    """The similarity from source pixels to pixels of a crop of `size`: `(2, 3)`, float64."""
    left, top, side = square
    scale = size / side
    return np.array([[scale, 0.0, -scale * left - 0.5], [0.0, scale, -scale * top - 0.5]])


def map_points(points: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Points of the source in the crop: `(..., 2)`, float32."""
    return (points @ transform[:, :2].T + transform[:, 2]).astype(np.float32)


def warp_image(image: np.ndarray, square: np.ndarray, size: int) -> np.ndarray:
    """Cuts a square out and scales it, averaging the pixels that fall together where it shrinks.

    Args:
        image: `(H, W)` or `(H, W, C)` with C up to 4, uint8.
        square: left, top, side.
        size: side of the result.

    Returns:
        `(size, size[, C])`, uint8; the very image where the square is all of it and sizes are equal.
    """
    if image.shape[:2] == (size, size) and np.array_equal(square, [-0.5, -0.5, size]):
        return image
    factor = max(int(np.ceil(square[2] / size)), 1)
    transform, sides = square_transform(square, size * factor), (size * factor, size * factor)
    if factor == 1:
        return cv2.warpAffine(image, transform, sides, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    large = warp_linear(image, transform, sides, cv2.BORDER_REPLICATE)
    return cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)


def warp_linear(image: np.ndarray, transform: np.ndarray, size: tuple[int, int], border: int) -> np.ndarray:
    """OpenCV's linear warp; it takes four channels in half the time of three, and gives the same pixels."""
    if image.ndim == 2 or image.shape[2] != 3:
        return cv2.warpAffine(image, transform, size, borderMode=border)
    rgba = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    return cv2.cvtColor(cv2.warpAffine(rgba, transform, size, borderMode=border), cv2.COLOR_RGBA2RGB)


def warp_regions(regions: np.ndarray, square: np.ndarray, size: int) -> np.ndarray:
    """Cuts a square out of a region map; each pixel gets the region that covers most of it.

    Args:
        regions: `(H, W)`, uint8 in 0-11.
        square: left, top, side.
        size: side of the result.

    Returns:
        `(size, size)`, uint8.
    """
    present = np.flatnonzero(np.bincount(regions.ravel(), minlength=NUM_REGIONS)).astype(np.uint8)
    cover = []
    for start in range(0, len(present), _CHANNELS):
        region_chunk = present[start : start + _CHANNELS]
        one_hot = np.zeros((256, _CHANNELS), np.uint8)
        one_hot[region_chunk, np.arange(len(region_chunk))] = 255
        # four planes of one byte are looked up as one number of four
        planes = one_hot.view(np.uint32)[:, 0][regions].view(np.uint8).reshape(*regions.shape, _CHANNELS)
        cover.append(warp_image(planes, square, size)[..., : len(region_chunk)])
    return present[np.concatenate(cover, axis=2).argmax(axis=2)]
