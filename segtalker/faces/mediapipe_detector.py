"""MediaPipe's Face Landmarker: faces in a frame, and one face followed through a clip."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segtalker.faces.crop_squares import warp_linear
from segtalker.media.decoders import TimedFrame, whole
from segtalker.utils.errors import SegTalkerError

_JAW_RIGHT = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
_JAW_LEFT = (152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356)
_INNER = (
    70, 63, 105, 66, 107,                                    # right brow
    336, 296, 334, 293, 300,                                 # left brow
    168, 6, 195, 4,                                          # bridge of the nose
    240, 99, 2, 328, 460,                                    # nostrils
    33, 160, 158, 133, 153, 144,                             # right eye
    362, 385, 387, 263, 373, 380,                            # left eye
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,      # outer lip
    78, 82, 13, 312, 308, 317, 14, 87,                       # inner lip
)  # fmt: skip


def to_ibug(points: np.ndarray) -> np.ndarray:
    """Picks and places the 68 points.

    Args:
        points: MediaPipe's, `(478, 2)` or `(468, 2)`, pixels.

    Returns:
        `(68, 2)`, float32.
    """
    right, left = _evenly(points[list(_JAW_RIGHT)]), _evenly(points[list(_JAW_LEFT)])
    return np.concatenate([right, left[1:], points[list(_INNER)]]).astype(np.float32)


def _evenly(line: np.ndarray) -> np.ndarray:
    """Nine points at equal distances along a line of many, `(9, 2)`."""
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1)))
    distances = np.linspace(0.0, length[-1], 9)
    return np.stack([np.interp(distances, length, line[:, axis]) for axis in (0, 1)], axis=1)


_WINDOW = 2.0  # side of the window around a known face, in sizes of the face
_MAX_WINDOW = 448  # px; the network looks at 256 px around the face, which is half of the window
_FIRST_CONFIDENCE = 0.85  # measured at this window: people, paintings and statues 0.9 and above, a dog 0.7
_FOLLOW_CONFIDENCE = 0.5
_MAX_FACES = 4
_NEAR = 1.0  # how far a face may have gone while it was lost, in its sizes


class MediaPipeDetector:
    """MediaPipe's Face Landmarker, looking at a window around the face it follows.

    The window makes small faces large enough and keeps to one person. A new face must be found again, with more
    confidence, in its own window: that turns away animals.

    Args:
        weights: `face_landmarker.task`.
    """

    batch_frames = 1  # each window lies where the frame before had the face

    def __init__(self, weights: Path) -> None:
        _outlive_profiling_ticks()
        with _stderr_silenced():
            self._finder = _landmarker(weights, _FOLLOW_CONFIDENCE)
            self._judge = _landmarker(weights, _FIRST_CONFIDENCE)
        self._known: np.ndarray | None = None
        self._last: np.ndarray | None = None
        self._faithful = False

    def follow(self, points: np.ndarray) -> None:
        """See `segtalker.faces.detectors.FaceFinder`."""
        self._known = self._last = np.asarray(points, np.float64)
        self._faithful = True

    def landmarks(self, frame: np.ndarray | TimedFrame) -> np.ndarray | None:
        """See `segtalker.faces.detectors.Detector`."""
        with _stderr_silenced():
            if self._known is not None:
                self._known = self._in_window(self._finder, frame, self._known)
            if self._known is None:
                face_points = self._again(_all(self._finder, whole(frame)))
                self._known = None if face_points is None else self._in_window(self._judge, frame, face_points)
        if self._known is None:
            return None
        self._last = self._known
        return to_ibug(self._known)

    def landmarks_batch(self, frames: Sequence[np.ndarray | TimedFrame]) -> list[np.ndarray | None]:
        """See `segtalker.faces.detectors.FaceFinder`."""
        return [self.landmarks(frame) for frame in frames]

    def faces(self, frame: np.ndarray) -> list[np.ndarray]:
        """See `segtalker.faces.detectors.FaceFinder`."""
        with _stderr_silenced():
            judged_faces = [self._in_window(self._judge, frame, points) for points in _all(self._finder, frame)]
        return [to_ibug(points) for points in judged_faces if points is not None]

    def close(self) -> None:
        """See `segtalker.faces.detectors.Detector`."""
        _outlive_profiling_ticks()
        with _stderr_silenced():
            self._finder.close()
            self._judge.close()

    def _again(self, face_candidates: list[np.ndarray]) -> np.ndarray | None:
        """Of the faces found, the one that was followed, or the largest."""
        if self._last is None:
            return max(face_candidates, key=_size, default=None)
        middle, size = _middle(self._last), _size(self._last)
        nearest = min(face_candidates, key=lambda points: float(np.linalg.norm(_middle(points) - middle)), default=None)
        if nearest is None or (self._faithful and np.linalg.norm(_middle(nearest) - middle) > _NEAR * size):
            return None
        return nearest

    def _in_window(self, landmarker: Any, frame: np.ndarray | TimedFrame, points: np.ndarray) -> np.ndarray | None:
        """Points of the face around known ones, `(478, 2)`, float64 pixels of the frame."""
        side = max(int(np.ceil(_WINDOW * _size(points))), 16)
        corner = np.round(_middle(points) - side / 2)
        scale = min(_MAX_WINDOW / side, 1.0)
        pixels = max(round(side * scale), 16)
        picture, origin = (frame, (0, 0)) if isinstance(frame, np.ndarray) else frame.region(*corner, *(corner + side))
        shift = (0.5 - corner) * scale - 0.5
        place = np.array([[scale, 0.0, shift[0] + scale * origin[0]], [0.0, scale, shift[1] + scale * origin[1]]])
        window = warp_linear(picture, place, (pixels, pixels), cv2.BORDER_CONSTANT)
        window_faces = _all(landmarker, window)
        middle = np.full(2, (pixels - 1) / 2)
        nearest = min(window_faces, key=lambda face: float(np.linalg.norm(_middle(face) - middle)), default=None)
        return None if nearest is None else (nearest - shift) / scale


def _all(landmarker: Any, image: np.ndarray) -> list[np.ndarray]:
    """Points of every face, `(478, 2)`, float64 pixels of the image."""
    from mediapipe import Image, ImageFormat

    result = landmarker.detect(Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image)))
    size = np.array(image.shape[1::-1])
    return [np.array([(point.x, point.y) for point in face]) * size - 0.5 for face in result.face_landmarks]


def _middle(points: np.ndarray) -> np.ndarray:
    return (points.min(axis=0) + points.max(axis=0)) / 2


def _size(points: np.ndarray) -> float:
    return float(np.ptp(points, axis=0).max())


def _landmarker(weights: Path, confidence: float) -> Any:
    try:
        from mediapipe.tasks.python import vision
        from mediapipe.tasks.python.core.base_options import BaseOptions

        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(weights)),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=_MAX_FACES,
            min_face_detection_confidence=confidence,
        )
        return vision.FaceLandmarker.create_from_options(options)
    except ModuleNotFoundError as error:
        raise SegTalkerError("mediapipe is not installed; install the extra: segtalker[mediapipe]") from error
    except OSError as error:
        raise SegTalkerError(
            f"mediapipe cannot load a system library ({error}); install it: apt-get install libegl1 libgles2"
        ) from error
    except (RuntimeError, ValueError) as error:
        raise SegTalkerError(f"{weights}: mediapipe cannot read it; is it face_landmarker.task?") from error


def _outlive_profiling_ticks() -> None:
    """Makes Python know that SIGPROF is ignored.

    MediaPipe starts a profiling timer and ignores the signal behind Python's back. Whoever restores the handlers Python
    knew of, as Lightning does after training, would have the next tick kill the process.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGPROF) == signal.SIG_DFL:
        signal.signal(signal.SIGPROF, signal.SIG_IGN)


@contextmanager
def _stderr_silenced() -> Iterator[None]:
    """Keeps what native code prints off the terminal; Python's own errors are raised, not printed."""
    sys.stderr.flush()
    stderr_copy, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr_copy, 2)
        os.close(stderr_copy)
        os.close(nowhere)
