"""Landmarks of a whole clip: gaps bridged, jitter smoothed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segtalker.utils.errors import BadClipError

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


def longest_run(frame_landmarks: Sequence[np.ndarray | None], spacing: int, max_lost_frames: int) -> tuple[int, int]:
    """The longest stretch in which a face is never lost for long.

    Args:
        frame_landmarks: landmarks where the detector was asked and found a face, `(68, 2)`.
        spacing: frames from one question to the next; those between do not count as lost.
        max_lost_frames: longest loss that is bridged, also at either end.

    Returns:
        Its first frame and the one after its last.

    Raises:
        BadClipError: no face anywhere.
    """
    start, end = max(_runs(frame_landmarks, spacing, max_lost_frames), key=lambda run: run[1] - run[0])
    return start, min(end, len(frame_landmarks))


def _runs(frame_landmarks: Sequence[np.ndarray | None], spacing: int, max_lost_frames: int) -> list[tuple[int, int]]:
    """All stretches in which a face is never lost for long, the last perhaps longer than the clip."""
    face_indices = np.array([index for index, points in enumerate(frame_landmarks) if points is not None], dtype=int)
    if not len(face_indices):
        raise BadClipError(f"no face found in {len(frame_landmarks)} frames")
    breaks = np.flatnonzero(np.diff(face_indices) - spacing > max_lost_frames)
    starts, ends = (
        face_indices[np.append(0, breaks + 1)],
        face_indices[np.append(breaks, len(face_indices) - 1)] + spacing,
    )
    if starts[0] <= max_lost_frames:
        starts[0] = 0
    if len(frame_landmarks) - ends[-1] <= max_lost_frames:
        ends[-1] = len(frame_landmarks)
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def bridge(frame_landmarks: Sequence[np.ndarray | None]) -> np.ndarray:
    """Fills frames without landmarks by straight lines between their neighbours.

    Args:
        frame_landmarks: landmarks where they are known, `(68, 2)`; at least one.

    Returns:
        `(T, 68, 2)`, float32.
    """
    face_indices = np.array([index for index, points in enumerate(frame_landmarks) if points is not None], dtype=int)
    values = np.stack([points for points in frame_landmarks if points is not None]).reshape(len(face_indices), -1)
    columns = [np.interp(np.arange(len(frame_landmarks)), face_indices, column) for column in values.T]
    return np.stack(columns, axis=1).reshape(-1, 68, 2).astype(np.float32)


def nearest_seen(seen: np.ndarray) -> np.ndarray:
    """For each frame the nearest that shows a face, itself where it does: `(T,)`, int; `seen`, `(T,)`, bool."""
    shown = np.flatnonzero(seen)
    place = np.searchsorted(shown, np.arange(len(seen))).clip(max=len(shown) - 1)
    before, after = shown[(place - 1).clip(min=0)], shown[place]
    numbers = np.arange(len(seen))
    return np.where(np.abs(numbers - before) < np.abs(after - numbers), before, after)


def follow_face(
    frame_landmarks: Sequence[np.ndarray | None], spacing: int, max_lost_frames: int, smooth_frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of a clip that may lose its face: each stretch that shows one is bridged and smoothed for itself.

    Args:
        frame_landmarks: landmarks where the detector was asked and found a face, `(68, 2)`.
        spacing: frames from one question to the next; those between do not count as lost.
        max_lost_frames: longest loss that is bridged, also at either end.
        smooth_frames: see `smooth`.

    Returns:
        Landmarks, `(T, 68, 2)`, float32, where no face is seen those of the nearest frame that shows one; and whether
        one is seen, `(T,)`, bool.

    Raises:
        BadClipError: no face anywhere.
    """
    count = len(frame_landmarks)
    points, seen = np.zeros((count, 68, 2), np.float32), np.zeros(count, bool)
    for first, last in _runs(frame_landmarks, spacing, max_lost_frames):
        points[first:last] = smooth(bridge(frame_landmarks[first:last]), smooth_frames)
        seen[first:last] = True
    return points[nearest_seen(seen)], seen


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
    fit = powers @ np.linalg.pinv(powers)  # row r gives place r of the parabola through a stretch
    tracks = landmarks.reshape(len(landmarks), -1).astype(np.float64)
    stretches = np.lib.stride_tricks.sliding_window_view(tracks, length, axis=0)  # (T - length + 1, 136, length)
    smooth_tracks = np.concatenate(
        [fit[:half] @ tracks[:length], stretches @ fit[half], fit[half + 1 :] @ tracks[-length:]]
    )
    return smooth_tracks.reshape(landmarks.shape).astype(np.float32)


def eye_distance(landmarks: np.ndarray) -> float:
    """Distance between the eye centres of 68 landmarks, `(T, 68, 2)`, mean over frames, px."""
    right, left = landmarks[:, [36, 39]].mean(axis=1), landmarks[:, [42, 45]].mean(axis=1)
    return float(np.linalg.norm(left - right, axis=-1).mean())
