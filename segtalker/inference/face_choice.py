"""Which of several faces speaks: one by its number from the left, the largest, or the one whose mouth moves."""

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np

from segtalker.faces.detectors import FaceFinder
from segtalker.faces.parser_detector import ParserDetector
from segtalker.inference.talk_inputs import FaceChoice
from segtalker.utils.errors import BadClipError

MakeFinder = Callable[[], FaceFinder | ParserDetector]
_SEARCHED_S = 4  # of a video, in which that many faces are looked for
_WATCHED_S = 3  # in which mouths are compared
_INNER_LIP = ([61, 62, 63], [67, 66, 65])
_EYES = ([36, 39], [42, 45])


def choose_face(
    pictures: Iterable[np.ndarray],
    fps: float,
    choice: FaceChoice,
    make_finder: MakeFinder,
) -> np.ndarray:
    """Landmarks of the chosen face where it is seen first, to be followed.

    Args:
        pictures: of the source, RGB, `(H, W, 3)`, uint8; read several times.
        fps: pictures a second.
        choice: which one.
        make_finder: gives a new finder.

    Returns:
        `(68, 2)`, float32, pixels.

    Raises:
        BadClipError: there are not so many faces.
    """
    wanted = choice if isinstance(choice, int) else 2
    faces = _most_faces(islice(pictures, round(_SEARCHED_S * fps) or 1), wanted, make_finder)
    if not faces:
        raise BadClipError("no face found")
    if choice == "largest":
        return max(faces, key=lambda points: float(np.ptp(points, axis=0).max()))
    if choice == "talking":
        return max(faces, key=lambda points: _mouth_motion(pictures, fps, points, make_finder))
    if choice > len(faces):
        count = "1 face is" if len(faces) == 1 else f"{len(faces)} faces are"
        raise BadClipError(f"{count} seen, so there is no --face {choice}; they are counted from the left")
    return faces[choice - 1]


def _most_faces(pictures: Iterable[np.ndarray], wanted: int, make_finder: MakeFinder) -> list[np.ndarray]:
    """Faces of the first picture that shows as many as wanted, else of the one that shows most, from left to right."""
    finder, most = make_finder(), list[np.ndarray]()
    try:
        for picture in pictures:
            faces = finder.faces(picture)
            most = faces if len(faces) > len(most) else most
            if len(most) >= wanted:
                break
    finally:
        finder.close()
    return sorted(most, key=lambda points: float(points[:, 0].mean()))


def _mouth_motion(
    pictures: Iterable[np.ndarray],
    fps: float,
    points: np.ndarray,
    make_finder: MakeFinder,
) -> float:
    """How much the mouth of a face opens and shuts: deviation of the lips' distance, in distances of the eyes."""
    finder, openings = make_finder(), []
    finder.follow(points)
    try:
        for picture in islice(pictures, round(_WATCHED_S * fps) or 1):
            found = finder.landmarks(picture)
            if found is not None:
                upper, lower, right, left = (found[part].mean(axis=0) for part in (*_INNER_LIP, *_EYES))
                openings.append(float(np.linalg.norm(lower - upper) / np.linalg.norm(left - right)))
    finally:
        finder.close()
    return float(np.std(openings)) if openings else 0.0
