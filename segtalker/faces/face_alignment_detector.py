"""The face-alignment package: S3FD finds faces, 2DFAN-4 their landmarks (arXiv 1703.07332)."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from segtalker.media.decoders import TimedFrame, whole


class FaceAlignmentDetector:
    """The face-alignment package: S3FD finds faces, 2DFAN-4 the landmarks of the largest (arXiv 1703.07332).

    Args:
        s3fd: weights of the face detector.
        fan: weights of the landmark network.
    """

    def __init__(self, s3fd: Path, fan: Path) -> None:
        self._net = _face_alignment(s3fd, fan)
        self._near: np.ndarray | None = None

    def follow(self, points: np.ndarray) -> None:
        """See `segtalker.faces.detect.FaceFinder`."""
        self._near = (points.min(axis=0) + points.max(axis=0)) / 2

    def landmarks(self, frame: np.ndarray | TimedFrame) -> np.ndarray | None:
        """See `segtalker.faces.detect.FaceFinder`."""
        frame = whole(frame)
        boxes = self._boxes(frame)
        if not boxes:
            return None
        return self._points(frame, self._choose(boxes))

    def faces(self, frame: np.ndarray) -> list[np.ndarray]:
        """See `segtalker.faces.detect.FaceFinder`."""
        found = [self._points(frame, box) for box in self._boxes(frame)]
        return [points for points in found if points is not None]

    def close(self) -> None:
        """See `segtalker.faces.detect.Detector`."""

    def _boxes(self, frame: np.ndarray) -> list[np.ndarray]:
        return list(self._net.face_detector.detect_from_image(frame.copy()))

    def _choose(self, boxes: list[np.ndarray]) -> np.ndarray:
        """The box around the face that is followed, or the largest."""
        if self._near is None:
            return max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        middles = [(box[:2] + box[2:4]) / 2 for box in boxes]
        nearest = min(range(len(boxes)), key=lambda index: float(np.linalg.norm(middles[index] - self._near)))
        self._near = middles[nearest]
        return boxes[nearest]

    def _points(self, frame: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        found = self._net.get_landmarks_from_image(frame, detected_faces=[box])
        return None if not found else np.asarray(found[0], np.float32)


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
