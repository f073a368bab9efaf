"""Mouth landmarks read off region masks, and their distance."""

import numpy as np

from segtalker.regions import LIP, MOUTH

_EDGE_POINTS = 7
MOUTH_POINTS = 4 * _EDGE_POINTS
_SHARES = np.linspace(0.0, 1.0, _EDGE_POINTS)
_TRIM = 0.02  # of the mouth's pixels, at either end: stray ones do not move the corners


def _corners(mouth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left and right end of each mouth, `(T,)` each, float64, px."""
    columns = mouth.sum(axis=1)
    share = columns.cumsum(axis=1) / np.maximum(columns.sum(axis=1, keepdims=True), 1)
    left = (share > _TRIM).argmax(axis=1)
    right = (share >= 1.0 - _TRIM).argmax(axis=1)
    return left.astype(np.float64), right.astype(np.float64)


def _edges(region: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper and lower edge of a region in each column, and whether it is there, `(T, W)` each."""
    present = np.asarray(region.any(axis=1))
    top = region.argmax(axis=1).astype(np.float64)
    bottom = region.shape[1] - region[:, ::-1].argmax(axis=1).astype(np.float64)
    return top, bottom, present


def _sample(values: np.ndarray, present: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Values at fractional columns, between the columns that have one, `(P,)`."""
    columns = np.flatnonzero(present)
    return np.interp(positions, columns, values[columns]) if len(columns) else np.full(len(positions), np.nan)


def mouth_points(masks: np.ndarray) -> np.ndarray:
    """Points on the outer edge of the lips and on the edge of what they leave open.

    At equal steps from corner to corner: seven on the upper lip's upper edge, seven on the lower lip's lower edge,
    seven above and seven below the opening. Where the mouth is closed, the last two are both the middle between the
    outer edges.

    Args:
        masks: region indices, `(T, H, W)`, uint8.

    Returns:
        (x, y) in pixels, `(T, 28, 2)`, float64; NaN for a frame without a mouth.
    """
    assert masks.ndim == 3, masks.shape
    interior = masks == MOUTH
    mouth = interior | (masks == LIP)
    left, right = _corners(mouth)
    top, bottom, present = _edges(mouth)
    open_top, open_bottom, is_open = _edges(interior)
    middle = (top + bottom) / 2
    open_top, open_bottom = np.where(is_open, open_top, middle), np.where(is_open, open_bottom, middle)
    points = np.full((len(masks), MOUTH_POINTS, 2), np.nan)
    for index in np.flatnonzero(present.any(axis=1)):
        x = left[index] + _SHARES * (right[index] - left[index])
        rows = [_sample(edge[index], present[index], x) for edge in (top, bottom, open_top, open_bottom)]
        points[index] = np.stack([np.tile(x, 4), np.concatenate(rows)], axis=-1)
    return points


def landmark_distance(reference: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Mean distance of landmarks once their centres are laid over each other (L. Chen et al., ECCV 2018: LMD).

    Args:
        reference: `(T, P, 2)`, float, px.
        points: likewise.

    Returns:
        px, `(T,)`, float64; NaN where a frame has no landmarks.
    """
    assert reference.shape == points.shape, (reference.shape, points.shape)
    shapes = [found - found.mean(axis=1, keepdims=True) for found in (reference, points)]
    return np.linalg.norm(shapes[0] - shapes[1], axis=-1).mean(axis=1)


def eye_distance(landmarks: np.ndarray) -> float:
    """Distance between the eye centres of 68 landmarks, `(T, 68, 2)`, mean over frames, px."""
    right, left = landmarks[:, [36, 39]].mean(axis=1), landmarks[:, [42, 45]].mean(axis=1)
    return float(np.linalg.norm(left - right, axis=-1).mean())
