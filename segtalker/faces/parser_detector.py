"""Faces found by the project's own parser, so that a portrait needs no other network.

Squares of several sizes all over the picture are parsed until one holds eyes, nose and lips where a face has them;
then the square is centred on that face, as training crops are, and parsed again. From one frame of a video to the
next the square is kept. The parser knows the kind of people it was trained on and nobody else.
"""

from collections.abc import Iterator

import numpy as np
from torch import nn

from segtalker.faces.crop_squares import clip_squares, map_points, square_transform, warp_image
from segtalker.faces.mask_landmarks import landmarks_from_mask
from segtalker.faces.parsing import parse_frames

_SCALES = (1.0, 0.7, 0.5, 0.35, 0.25)  # of the picture's shorter side
_STEP = 0.3  # from one square to the next, in sides
_REFINEMENTS = 3
_SIZE_AGREEMENT = 1.5  # factor by which a square may be too large or too small for the face it shows
_BATCH = 16
_SAME_PLACE = 0.5  # in sizes of the face


class ParserDetector:
    """Reads landmarks off the parser's masks.

    Args:
        parser: trained, in evaluation mode.
        size: px, side of the crops it was trained on.
        margin: see `segtalker.faces.crop_squares.clip_squares`.
        lift: likewise.
    """

    def __init__(self, parser: nn.Module, size: int, margin: float, lift: float) -> None:
        self._parser, self._size, self._margin, self._lift = parser, size, margin, lift
        self._known: np.ndarray | None = None
        self._followed: np.ndarray | None = None

    def follow(self, points: np.ndarray) -> None:
        """See `segtalker.faces.detectors.FaceFinder`."""
        self._followed = np.asarray(points, np.float64)

    def faces(self, frame: np.ndarray) -> list[np.ndarray]:
        """See `segtalker.faces.detectors.FaceFinder`."""
        found_faces: list[np.ndarray] = []
        for squares in _all_squares(*frame.shape[:2]):
            for _, candidate in sorted(self._looks(frame, squares), key=lambda look: look[0]):
                if any(_is_near(candidate, points) for points in found_faces):
                    continue
                points = self._refined(frame, candidate)
                if points is not None and not any(_is_near(points, other) for other in found_faces):
                    found_faces.append(points)
        return found_faces

    def landmarks(self, frame: np.ndarray) -> np.ndarray | None:
        """See `segtalker.faces.detectors.Detector`."""
        if self._followed is not None:
            return self._followed_landmarks(frame, self._followed)
        points = None if self._known is None else self._look(frame, self._known[None])
        if points is None:
            points = self._search(frame)
        self._known = None if points is None else self._square(frame, points)
        return points

    def _followed_landmarks(self, frame: np.ndarray, last: np.ndarray) -> np.ndarray | None:
        """Those of the face that is followed, where it was seen last or not far from there."""
        points = self._look(frame, self._square(frame, last)[None])
        if points is None or not _is_near(points, last):
            points = next((face for face in self.faces(frame) if _is_near(face, last)), None)
        if points is not None:
            self._followed = points
        return points

    def close(self) -> None:
        """See `segtalker.faces.detectors.Detector`."""

    def _square(self, frame: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Where a training crop of this face would lie: left, top, side."""
        height, width = frame.shape[:2]
        return clip_squares(points[None], width, height, self._margin, self._lift, follow_frames=1)[0]

    def _look(self, frame: np.ndarray, squares: np.ndarray) -> np.ndarray | None:
        """Landmarks of the most face-like of some squares whose size fits the face, `(68, 2)` pixels of the frame."""
        return min(self._looks(frame, squares), key=lambda look: look[0], default=(0.0, None))[1]

    def _looks(self, frame: np.ndarray, squares: np.ndarray) -> list[tuple[float, np.ndarray]]:
        """Of each square whose size fits the face in it, how unlike a face that is, and its landmarks."""
        face_looks = []
        crops = np.stack([warp_image(frame, square, self._size) for square in squares])
        for square, mask in zip(squares, parse_frames(self._parser, crops, _BATCH), strict=True):
            mask_points = landmarks_from_mask(mask)
            if mask_points is None:
                continue
            points = _to_frame(mask_points.points, square, self._size)
            if abs(np.log(self._square(frame, points)[2] / square[2])) < np.log(_SIZE_AGREEMENT):
                face_looks.append((float(mask_points.misfit), points))
        return face_looks

    def _search(self, frame: np.ndarray) -> np.ndarray | None:
        """Landmarks at the largest scale that shows a face, also on closer view."""
        looks = (self._look(frame, squares) for squares in _all_squares(*frame.shape[:2]))
        close_looks = (self._refined(frame, points) for points in looks if points is not None)
        return next((points for points in close_looks if points is not None), None)

    def _refined(self, frame: np.ndarray, points: np.ndarray) -> np.ndarray | None:
        """Looks again where the face was found; what is gone then was none."""
        face_points: np.ndarray | None = points
        for _ in range(_REFINEMENTS):
            if face_points is not None:
                face_points = self._look(frame, self._square(frame, face_points)[None])
        return face_points


def _is_near(points: np.ndarray, other: np.ndarray) -> bool:
    """Whether two faces lie in the same place: their middles are less than half of the other's size apart."""
    middles = [(face.min(axis=0) + face.max(axis=0)) / 2 for face in (points, other)]
    return bool(np.linalg.norm(middles[0] - middles[1]) < _SAME_PLACE * np.ptp(other, axis=0).max())


def _to_frame(points: np.ndarray, square: np.ndarray, size: int) -> np.ndarray:
    """Points of a crop in its source, `(68, 2)`, float32."""
    crop_to_frame = np.linalg.inv(np.vstack([square_transform(square, size), [0.0, 0.0, 1.0]]))
    return map_points(points, crop_to_frame[:2])


def _all_squares(height: int, width: int) -> Iterator[np.ndarray]:
    """Squares that cover a picture, `(N, 3)`, one scale after the other."""
    for scale in _SCALES:
        side = scale * min(height, width)
        lefts, tops = (
            np.linspace(-0.5, extent - 0.5 - side, 1 + int(np.ceil((extent - side) / (_STEP * side) - 1e-9)))
            for extent in (width, height)
        )
        x, y = np.meshgrid(lefts, tops)
        yield np.stack([x.ravel(), y.ravel(), np.full(x.size, side)], axis=1)
