"""What is shown behind a person in place of the source's own surroundings."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import repeat
from math import ceil
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from segtalker.inference.talk_inputs import open_portrait, read_background_colour
from segtalker.media.encodings import ENCODINGS
from segtalker.media.video import Video

TRANSPARENT = "transparent"
_ALPHA_SUFFIXES = tuple(suffix for suffix, encoding in ENCODINGS.items() if encoding.has_alpha)
_UNSIGNED = ".webm"  # holds no content credentials


class Backdrop(Protocol):
    """Gives what is behind each frame."""

    def pictures(self, height: int, width: int, rate: Fraction | int) -> Iterator[np.ndarray | None]:
        """As many pictures as are asked for.

        Args:
            height: px, of the frames.
            width: px.
            rate: frames a second.

        Yields:
            RGB, `(H, W, 3)`, uint8; None for nothing, which is transparent.
        """


class NoBackdrop:
    """Nothing: what is behind turns transparent."""

    def pictures(self, height: int, width: int, rate: Fraction | int) -> Iterator[np.ndarray | None]:
        """See `Backdrop`."""
        while True:
            yield None


class StillBackdrop:
    """A picture, RGB, `(H, W, 3)`, uint8; one pixel is a colour."""

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture

    def pictures(self, height: int, width: int, rate: Fraction | int) -> Iterator[np.ndarray | None]:
        """See `Backdrop`."""
        fitted_picture = cover(self.picture, height, width)
        while True:
            yield fitted_picture


class VideoBackdrop:
    """A video, shown at its own speed, again from its start where it ends."""

    def __init__(self, video: Video) -> None:
        self.video = video

    def pictures(self, height: int, width: int, rate: Fraction | int) -> Iterator[np.ndarray | None]:
        """See `Backdrop`."""
        has_pictures = True
        while has_pictures:
            has_pictures = False
            for frame in self.video.at_rate(float(rate), self.video.start_s):
                has_pictures = True
                yield cover(frame.image, height, width)
        # shorter than half of one frame that is asked for
        yield from repeat(cover(next(self.video.frames(self.video.start_s)).image, height, width))


def open_backdrop(value: str) -> Backdrop:
    """A backdrop as it is asked for.

    Args:
        value: `#rrggbb`, `transparent`, or an image or video file.

    Raises:
        BadInputError: no colour, or a file that cannot be used.
    """
    if value == TRANSPARENT:
        return NoBackdrop()
    if value.startswith("#"):
        return StillBackdrop(read_background_colour(value))
    source = open_portrait(Path(value), "pyav")
    return VideoBackdrop(source) if isinstance(source, Video) else StillBackdrop(source)


def video_suffixes(background: str | None, is_signed: bool = False) -> tuple[str, ...]:
    """What the file of a video before a background may end in.

    Args:
        background: as it is asked for, see `open_backdrop`; None for the source's own.
        is_signed: whether the file gets content credentials.
    """
    if background != TRANSPARENT:
        return (".mp4",)
    return tuple(suffix for suffix in _ALPHA_SUFFIXES if not (is_signed and suffix == _UNSIGNED))


def cover(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scales a picture until it covers a frame and cuts off what reaches out on both sides: `(height, width, 3)`."""
    factor = max(height / picture.shape[0], width / picture.shape[1])
    shown = (ceil(height / factor), ceil(width / factor))
    # as many pixels are cut off on one side as on the other
    part = _middle(picture, *(side + (whole - side) % 2 for side, whole in zip(shown, picture.shape[:2], strict=True)))
    size = (max(width, round(part.shape[1] * factor)), max(height, round(part.shape[0] * factor)))
    large = cv2.resize(part, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return _middle(large, height, width)


def _middle(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """What is cut out of the middle of a picture, `(height, width, 3)`."""
    top, left = max(0, picture.shape[0] - height) // 2, max(0, picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]
