"""Distances of landmarks: of a detector's, and of mouth points read off region masks."""

from functools import partial
from typing import NamedTuple

import numpy as np

from segtalker.metrics.frame_chunks import FrameChunk
from segtalker.metrics.registry import FrameMeasure, LandmarkDetector, finite_mean, frame_metric, metric
from segtalker.regions import LIP, MOUTH

_EDGE_POINTS = 7
MOUTH_POINTS = 4 * _EDGE_POINTS
_SHARES = np.linspace(0.0, 1.0, _EDGE_POINTS)
_MOUTH_LANDMARKS = slice(48, 68)  # of 68 in iBUG order
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
    shapes = [face_points - face_points.mean(axis=1, keepdims=True) for face_points in (reference, points)]
    return np.linalg.norm(shapes[0] - shapes[1], axis=-1).mean(axis=1)


_UNIT = "% of eye distance"
_CHEN = "Chen et al., ECCV 2018"
_FRAMES_WITH_FACES = (
    "mean distance to those found in the reference's frames, centres laid over each other, over frames with a face in"
    " both, whose share is {}"
)


@frame_metric(
    over_frames=finite_mean("no frame has a mouth in both masks"),
    compares_masks=True,
    unit=_UNIT,
    higher_is_better=False,
    protocol="distance of 28 mouth points read off region masks, the parsed frames' against the reference masks', "
    "centres laid over each other, mean over frames with a mouth",
    source=f"after {_CHEN}",
)
def lmd_mouth(chunk: FrameChunk) -> np.ndarray:
    """Of each frame, `(T,)`, float64, % of eye distance; NaN where a mask has no mouth."""
    distances = landmark_distance(mouth_points(chunk.reference_masks), mouth_points(chunk.video.parsed))
    return distances / chunk.reference.clip.eye_distance * 100.0


class LandmarkErrors(NamedTuple):
    """Of a detector's landmarks in a video against those in its reference, `(T,)` each, float64.

    Args:
        mouth: distance of the 20 mouth landmarks, % of eye distance; NaN where either has no face.
        face: likewise of all 68.
        is_seen: 1 where the video has a face, 0 where it is lost; NaN where the reference has none either.
    """

    mouth: np.ndarray
    face: np.ndarray
    is_seen: np.ndarray


def _landmark_errors(detector: LandmarkDetector, chunk: FrameChunk) -> LandmarkErrors:
    reference, video = chunk.reference.landmarks(detector), chunk.video.landmarks(detector)
    eyes = chunk.reference.clip.eye_distance
    mouth = landmark_distance(reference[:, _MOUTH_LANDMARKS], video[:, _MOUTH_LANDMARKS])
    is_seen, was_seen = (np.isfinite(landmarks[:, 0, 0]) for landmarks in (video, reference))
    return LandmarkErrors(
        mouth=mouth / eyes * 100.0,
        face=landmark_distance(reference, video) / eyes * 100.0,
        is_seen=np.where(was_seen, is_seen, np.nan),
    )


_UNSEEN = "the detector finds no face in it"
MEDIAPIPE = LandmarkDetector("mediapipe", {"mediapipe_face_landmarker": "mediapipe_weights"})
FAN = LandmarkDetector("face_alignment", {"face_alignment_s3fd": "fan_weights", "face_alignment_2dfan4": "fan_weights"})
POINTS_MEDIAPIPE = FrameMeasure("points_mediapipe", partial(_landmark_errors, MEDIAPIPE), MEDIAPIPE)
POINTS_FAN = FrameMeasure("points_fan", partial(_landmark_errors, FAN), FAN)


def mouth_distance(errors: LandmarkErrors) -> float:
    """Of the mouth landmarks of a clip, over the frames with a face in both."""
    return finite_mean(_UNSEEN)(errors.mouth)


def face_distance(errors: LandmarkErrors) -> float:
    """Of all landmarks of a clip, over the frames with a face in both."""
    return finite_mean(_UNSEEN)(errors.face)


def share_of_faces(errors: LandmarkErrors) -> float:
    """Of the frames in which the reference has a face."""
    return finite_mean("the reference has no face")(errors.is_seen)


for _suffix, _measure, _by in (("mediapipe", POINTS_MEDIAPIPE, "MediaPipe"), ("fan", POINTS_FAN, "S3FD and 2DFAN-4")):
    _protocol = _FRAMES_WITH_FACES.format(f"faces_{_suffix}")
    metric(
        _measure,
        name=f"lmd_mouth_{_suffix}",
        unit=_UNIT,
        higher_is_better=False,
        protocol=f"20 mouth landmarks by {_by}: {_protocol}",
        source=_CHEN,
    )(mouth_distance)
    metric(
        _measure,
        name=f"lmd_face_{_suffix}",
        unit=_UNIT,
        higher_is_better=False,
        protocol=f"68 landmarks by {_by}: {_protocol}",
        source=_CHEN,
    )(face_distance)

for _suffix, _measure, _by in (("mediapipe", POINTS_MEDIAPIPE, "MediaPipe"), ("fan", POINTS_FAN, "S3FD")):
    metric(
        _measure,
        name=f"faces_{_suffix}",
        unit="",
        higher_is_better=True,
        protocol=f"share of the reference's frames with a face by {_by} in which it finds one in the video too",
    )(share_of_faces)
