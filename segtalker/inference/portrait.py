"""A portrait, picture or video, as a face to bring to speech: the crop, its landmarks and its regions.

Crops are cut exactly as the `crop` stage cuts training clips. They are kept as packs in a folder, and of a video no
more frames are read than are needed, so memory does not grow with its length. Without loss, for what is not painted has
to be the source's own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Literal

import numpy as np
from torch import nn

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.config.data import Crop
from segtalker.faces.crop_squares import clip_squares, map_points, square_transform, warp_image
from segtalker.faces.detectors import Detector, make_detector
from segtalker.faces.landmarks import bridge, check_never_lost, smooth
from segtalker.faces.parser_detector import ParserDetector
from segtalker.faces.parsing import parse_frames
from segtalker.inference.talk_inputs import open_portrait
from segtalker.inference.talk_model import back_and_forth
from segtalker.inference.talk_options import Report, quiet
from segtalker.media.video import Video
from segtalker.utils.errors import BadClipError, BadInputError
from segtalker.utils.progress import reported

DetectorName = Literal["parser", "mediapipe", "face_alignment"]
_PARSED_AT_ONCE = 32
_HINTS = {
    "parser": ", which knows the people it was trained on; mediapipe and face_alignment know photographs",
    "mediapipe": "",
    "face_alignment": "",
}

Frames = Callable[[], Iterator[np.ndarray]]


@dataclass(frozen=True)
class PortraitReader:
    """How portraits are read.

    Args:
        crop: how training crops were cut.
        image_size: px, side of a crop.
        fps: frames a second wanted of a video.
        parser: names the regions of a crop, RGB `(B, 3, H, W)` in [-1, 1] -> logits `(B, K, H, W)`.
        detector: finds the face.
        weights: of the detector, empty for the cache.
    """

    crop: Crop
    image_size: int
    fps: int
    parser: nn.Module
    detector: DetectorName
    weights: str

    def make_detector(self) -> Detector:
        """A detector for one portrait."""
        if self.detector == "parser":
            return ParserDetector(self.parser, self.image_size, self.crop.margin, self.crop.lift)
        return make_detector(self.detector, self.weights)


@dataclass(frozen=True)
class Portrait:
    """A face cut out of its source; see `segtalker.inference.talk_model.Face`.

    Args:
        path: the source.
        frames: RGB crops, `(T, h, w, 3)`, uint8.
        masks: their regions, `(T, h, w)`, uint8.
        landmarks: `(T, 68, 2)`, float32, pixels of the crop.
        squares: where each crop lies in the source, `(T, 3)`, see `segtalker.faces.crop_squares.clip_squares`.
        pictures: reads the uncropped source, forwards.
        folder: where packs are kept.
    """

    path: Path
    frames: ImagePack
    masks: ImagePack
    landmarks: np.ndarray
    squares: np.ndarray
    pictures: Frames
    folder: Path

    def walk(self, count: int) -> Iterator[np.ndarray]:
        """Uncropped pictures back and forth, RGB, `(H, W, 3)`, uint8."""
        available = len(self.frames)
        if available == 1:
            return repeat(next(self.pictures()), count)
        if count <= available:
            return islice(self.pictures(), count)
        # a video is read forwards; to walk back, it is kept picture by picture
        picture_pack = self.folder / "pictures.zip"
        write_images(picture_pack, islice(self.pictures(), available), ".png")
        pack = ImagePack(picture_pack)
        return (pack.read([int(index)])[0] for index in back_and_forth(available, count))


def _pictures(source: np.ndarray | Video, fps: int) -> Frames:
    """How to read a source from its start."""
    return (lambda: _rgb(source, fps)) if isinstance(source, Video) else (lambda: iter([source]))


def _rgb(video: Video, fps: int) -> Iterator[np.ndarray]:
    return (frame.image for frame in video.at_rate(fps, video.start_s))


def _find_faces(pictures: Iterable[np.ndarray], detector: Detector, every: int) -> tuple[list, tuple[int, int]]:
    """Landmarks of each picture that was looked at, and the pictures' height and width."""
    frame_landmarks, shape = [], (0, 0)
    try:
        for index, picture in enumerate(pictures):
            shape = picture.shape[:2]
            frame_landmarks.append(None if index % every else detector.landmarks(picture))
    finally:
        detector.close()
    return frame_landmarks, shape


def _masks(parser: nn.Module, frames: ImagePack) -> Iterator[np.ndarray]:
    for first in range(0, len(frames), _PARSED_AT_ONCE):
        part = frames.read(range(first, min(first + _PARSED_AT_ONCE, len(frames))))
        yield from parse_frames(parser, part, _PARSED_AT_ONCE)


def read_portrait(
    reader: PortraitReader, path: Path, max_frames: int, folder: Path, report: Report = quiet
) -> Portrait:
    """Finds the face in a picture or video, follows it, cuts it out and names its regions.

    Args:
        reader: how.
        path: an image or a video.
        max_frames: of a video, no more are read.
        folder: an existing one for the packs.
        report: hears what is being done.

    Raises:
        BadInputError: missing, unreadable, or no face in it.
    """
    crop, size = reader.crop, reader.image_size
    source = open_portrait(path, crop.decoder)
    pictures = _pictures(source, reader.fps)
    expected = min(max_frames, round(source.seconds * reader.fps)) if isinstance(source, Video) else 1
    try:
        frame_landmarks, (height, width) = _find_faces(
            reported(islice(pictures(), max_frames), expected, "finding the face", report),
            reader.make_detector(),
            crop.detect_every,
        )
        if all(points is None for points in frame_landmarks):
            raise BadClipError("no face found")
        check_never_lost(frame_landmarks, crop.detect_every, crop.max_lost_frames, reader.fps)
        points = smooth(bridge(frame_landmarks), crop.smooth_frames)
    except BadClipError as error:
        raise BadInputError(f"{path}: {error} by --detector {reader.detector}{_HINTS[reader.detector]}") from error
    squares = clip_squares(points, width, height, crop.margin, crop.lift, crop.follow_frames)
    frames, masks = ImagePack(folder / "frames.zip"), ImagePack(folder / "masks.zip")
    cut = (warp_image(picture, square, size) for picture, square in zip(pictures(), squares, strict=False))
    write_images(frames.path, cut, ".png")
    write_images(masks.path, reported(_masks(reader.parser, frames), len(frames), "parsing", report), ".pgm")
    crop_points = [
        map_points(point, square_transform(square, size)) for point, square in zip(points, squares, strict=True)
    ]
    return Portrait(path, frames, masks, np.stack(crop_points), squares, pictures, folder)
