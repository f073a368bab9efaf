"""Landmarks of a whole clip: gaps bridged, jitter smoothed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segtalker.errors import BadClipError

_ORDER = 2


def read_annotated(folder: Path) -> np.ndarray:
    """A dataset's own landmarks, one set a frame of the source: `(F, 68, 2)`, float32.

    Raises:
        BadClipError: missing or of another shape.
    """
    path = folder / "landmarks.npy"
    try:
        points = np.load(path)
    except (OSError, ValueError) as error:
        raise BadClipError(f"{path}: no readable landmarks; crop.detector annotations needs them") from error
    if points.ndim != 3 or points.shape[1:] != (68, 2):
        raise BadClipError(f"{path}: shape {points.shape}, expected (frames, 68, 2)")
    return points.astype(np.float32)


def bridge(found: Sequence[np.ndarray | None], spacing: int, max_lost_frames: int, fps: float) -> np.ndarray:
    """Fills frames without landmarks by straight lines between their neighbours.

    Args:
        found: landmarks where the detector was asked and found a face, `(68, 2)`.
        spacing: frames from one question to the next; those between do not count as lost.
        max_lost_frames: longest stretch to bridge.
        fps: for the message.

    Returns:
        `(T, 68, 2)`, float32.

    Raises:
        BadClipError: no face anywhere, or lost for longer.
    """
    known = np.array([index for index, points in enumerate(found) if points is not None], dtype=int)
    if not len(known):
        raise BadClipError(f"no face found in {len(found)} frames")
    edges = np.concatenate([[-spacing], known, [len(found) - 1 + spacing]])
    gaps = np.diff(edges) - spacing
    worst = int(gaps.argmax())
    if gaps[worst] > max_lost_frames:
        since = (edges[worst] + spacing) / fps
        raise BadClipError(
            f"face lost for {gaps[worst]} frames from {since:.1f} s on,"
            f" more than crop.max_lost_frames {max_lost_frames}"
        )
    values = np.stack([points for points in found if points is not None]).reshape(len(known), -1)
    filled = [np.interp(np.arange(len(found)), known, column) for column in values.T]
    return np.stack(filled, axis=1).reshape(-1, 68, 2).astype(np.float32)


def smooth(landmarks: np.ndarray, frames: int) -> np.ndarray:
    """Takes the jitter out without flattening the mouth's movement.

    Savitzky and Golay's filter (1964): each point moves onto the parabola that fits its neighbours best.

    Args:
        landmarks: `(T, 68, 2)`, float32.
        frames: odd length of the filter; below 4 nothing is done.

    Returns:
        Same shape, float32.
    """
    length = min(frames, len(landmarks) - 1 + len(landmarks) % 2)
    if length <= _ORDER + 1:
        return landmarks
    half = length // 2
    powers = np.vander(np.arange(-half, half + 1), _ORDER + 1)
    fitted = powers @ np.linalg.pinv(powers)  # row r gives place r of the parabola through a stretch
    tracks = landmarks.reshape(len(landmarks), -1).astype(np.float64)
    stretches = np.lib.stride_tricks.sliding_window_view(tracks, length, axis=0)  # (T - length + 1, 136, length)
    smoothed = np.concatenate(
        [fitted[:half] @ tracks[:length], stretches @ fitted[half], fitted[half + 1 :] @ tracks[-length:]]
    )
    return smoothed.reshape(landmarks.shape).astype(np.float32)
