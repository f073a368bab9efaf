"""Where the face is: 68 landmarks in iBUG order, by interchangeable detectors.

A detector follows one face through one clip, so each clip gets its own. All of them are heavy to import, so each
is imported where it is made.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from segtalker.faces.face_alignment_detector import FaceAlignmentDetector
from segtalker.faces.mediapipe_detector import MediaPipeDetector
from segtalker.media.decoders import TimedFrame
from segtalker.nets.pretrained import resolve_weights

WEIGHTS_KEY = "crop.weights"


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


class FaceFinder(Detector, Protocol):
    """Finds every face of a frame, and follows the one it is told to."""

    @property
    def batch_frames(self) -> int:
        """How many frames `landmarks_batch` looks at together; more at once are no faster."""

    def landmarks_batch(self, frames: Sequence[np.ndarray | TimedFrame]) -> list[np.ndarray | None]:
        """What `landmarks` gives for frames that follow each other; all of them stay in memory meanwhile."""

    def landmarks(self, frame: np.ndarray | TimedFrame) -> np.ndarray | None:
        """See `Detector`; of a frame of a video only the part that is needed is converted."""

    def faces(self, frame: np.ndarray) -> list[np.ndarray]:
        """Landmarks of every face, each as `landmarks` gives them; the faces come in any order."""

    def follow(self, points: np.ndarray) -> None:
        """Begins with this face and takes no other, should it get lost.

        Args:
            points: of it or around it, `(N, 2)`, pixels of the next frame.
        """


def make_detector(name: str, weights: str) -> FaceFinder:
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
