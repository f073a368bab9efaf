"""Where the face is: 68 landmarks in iBUG order, by interchangeable detectors.

A detector follows one face through one clip, so each clip gets its own. All of them are heavy to import, so each
is imported where it is made.
"""

import functools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from segtalker.errors import SegTalkerError
from segtalker.faces.mediapipe_points import to_ibug
from segtalker.weights import resolve_weights

WEIGHTS_KEY = "crop.weights"
_WINDOW = 2.0  # side of the window around a known face, in sizes of the face
_FIRST_CONFIDENCE = 0.85  # measured at this window: people, paintings and statues 0.9 and above, a dog 0.7
_FOLLOW_CONFIDENCE = 0.5
_MAX_FACES = 4


class Detector(Protocol):
    """Finds the landmarks of one face, frame by frame."""

    def landmarks(self, frame: np.ndarray) -> np.ndarray | None:
        """Landmarks of the face, of the largest where there are several and none is known yet.

        Args:
            frame: RGB, `(H, W, 3)`, uint8.

        Returns:
            `(68, 2)`, float32, (x, y) pixels with integers at pixel centres; None where no face is found.
        """

    def close(self) -> None:
        """Frees what it holds."""


def make_detector(name: str, weights: str) -> Detector:
    """Makes a detector for one clip.

    Args:
        name: `face_alignment` or `mediapipe`.
        weights: file of its weights or folder that holds them; empty for the cache.

    Raises:
        MissingWeightsError: its weights are not there.
        SegTalkerError: it is not installed.
    """
    if name == "mediapipe":
        return MediaPipeDetector(resolve_weights("mediapipe_face_landmarker", weights, WEIGHTS_KEY))
    if name == "face_alignment":
        return FaceAlignmentDetector(
            resolve_weights("face_alignment_s3fd", weights, WEIGHTS_KEY),
            resolve_weights("face_alignment_2dfan4", weights, WEIGHTS_KEY),
        )
    raise ValueError(f"no detector is called {name!r}")


def check_detector(name: str, weights: str) -> None:
    """Says at once, not clip by clip, if a detector cannot work; errors as `make_detector`."""
    if name != "annotations":
        make_detector(name, weights).close()


class MediaPipeDetector:
    """MediaPipe's Face Landmarker, looking at a window around the face it follows.

    The window makes small faces large enough and keeps to one person. A new face must be found again, with more
    confidence, in its own window: that turns away animals.

    Args:
        weights: `face_landmarker.task`.
    """

    def __init__(self, weights: Path) -> None:
        _outlive_profiling_ticks()
        with _stderr_silenced():
            self._finder = _landmarker(weights, _FOLLOW_CONFIDENCE)
            self._judge = _landmarker(weights, _FIRST_CONFIDENCE)
        self._known: np.ndarray | None = None

    def landmarks(self, frame: np.ndarray) -> np.ndarray | None:
        """See `Detector`."""
        with _stderr_silenced():
            if self._known is not None:
                self._known = self._in_window(self._finder, frame, self._known)
            if self._known is None:
                found = self._largest(self._finder, frame)
                self._known = None if found is None else self._in_window(self._judge, frame, found)
        return None if self._known is None else to_ibug(self._known)

    def close(self) -> None:
        """See `Detector`."""
        _outlive_profiling_ticks()
        with _stderr_silenced():
            self._finder.close()
            self._judge.close()

    def _in_window(self, landmarker: Any, frame: np.ndarray, points: np.ndarray) -> np.ndarray | None:
        low, high = points.min(axis=0), points.max(axis=0)
        side = max(int(np.ceil(_WINDOW * (high - low).max())), 16)
        corner = np.round((low + high) / 2 - side / 2)
        shift = np.array([[1.0, 0.0, -corner[0]], [0.0, 1.0, -corner[1]]])
        found = self._largest(landmarker, cv2.warpAffine(frame, shift, (side, side)))
        return None if found is None else found + corner

    def _largest(self, landmarker: Any, image: np.ndarray) -> np.ndarray | None:
        """Points of the largest face, `(478, 2)`, float64 pixels of the image."""
        from mediapipe import Image, ImageFormat

        result = landmarker.detect(Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image)))
        size = np.array(image.shape[1::-1])
        faces = [np.array([(point.x, point.y) for point in face]) * size - 0.5 for face in result.face_landmarks]
        return max(faces, key=lambda points: float(np.ptp(points, axis=0).max()), default=None)


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
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class FaceAlignmentDetector:
    """The face-alignment package: S3FD finds faces, 2DFAN-4 the landmarks of the largest (arXiv 1703.07332).

    Args:
        s3fd: weights of the face detector.
        fan: weights of the landmark network.
    """

    def __init__(self, s3fd: Path, fan: Path) -> None:
        self._net = _face_alignment(s3fd, fan)

    def landmarks(self, frame: np.ndarray) -> np.ndarray | None:
        """See `Detector`."""
        boxes = self._net.face_detector.detect_from_image(frame.copy())
        if not len(boxes):
            return None
        largest = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        found = self._net.get_landmarks_from_image(frame, detected_faces=[largest])
        return None if not found else np.asarray(found[0], np.float32)

    def close(self) -> None:
        """See `Detector`."""


@functools.cache
def _face_alignment(s3fd: Path, fan: Path) -> Any:
    import face_alignment
    import torch
    from face_alignment.models import FAN

    class LocalFaceAlignment(face_alignment.FaceAlignment):
        """Reads the landmark network from a file where the package would download it."""

        def _load_native(self, network_name: str, network_size: int, device: str, dtype: Any) -> Any:
            net = FAN(network_size)
            net.load_state_dict(torch.load(fan, map_location=device, weights_only=True))
            return net.to(device, dtype=dtype).eval()

    return LocalFaceAlignment(
        face_alignment.LandmarksType.TWO_D,
        device="cuda" if torch.cuda.is_available() else "cpu",
        face_detector="sfd",
        face_detector_kwargs={"path_to_detector": str(s3fd)},
        compile=False,
    )
