"""A portrait, picture or video, as a face to bring to speech: the crop, its landmarks and its regions.

Crops are cut exactly as the `crop` stage cuts training clips. They are kept as packs in a folder, and of a video no
more frames are read than are needed, so memory does not grow with its length. Without loss, for what is not painted has
to be the source's own. Where a video shows no face for long, its frames are kept as they are.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from torch import nn

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.config.data import Crop
from segtalker.faces.crop_squares import clip_squares, map_points, square_transform, warp_image
from segtalker.faces.detectors import Detector, FaceFinder, make_detector
from segtalker.faces.landmarks import follow_face, nearest_seen
from segtalker.faces.parser_detector import ParserDetector
from segtalker.faces.parsing import parse_frames
from segtalker.inference.face_choice import choose_face
from segtalker.inference.pictures import Pictures, open_pictures
from segtalker.inference.talk_model import Images
from segtalker.inference.talk_options import PLAIN, FaceChoice, Report, TalkOptions, quiet
from segtalker.inference.timeline import Loop, Timeline, at_rate, frames_of_source, source_order
from segtalker.utils.errors import BadClipError, BadInputError
from segtalker.utils.progress import reported

DetectorName = Literal["parser", "mediapipe", "face_alignment"]
_PARSED_AT_ONCE = 32
_HINTS = {
    "parser": ", which knows the people it was trained on; mediapipe and face_alignment know photographs",
    "mediapipe": "",
    "face_alignment": "",
}


PortraitFinder = ParserDetector | FaceFinder


@dataclass(frozen=True)
class PortraitReader:
    """How portraits are read.

    Args:
        crop: how training crops were cut.
        image_size: px, side of a crop.
        fps: frames a second of training clips.
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

    def open(self, path: Path, options: TalkOptions) -> Pictures:
        """The pictures of a source.

        Raises:
            BadInputError: it cannot be read.
        """
        pictures = open_pictures(path, self.crop.decoder, self.fps, options.from_s, options.to_s)
        return pictures.still() if options.head == "still" else pictures

    def choose(self, pictures: Pictures, choice: FaceChoice | None) -> PortraitFinder:
        """A detector for one portrait, told which face to follow.

        Raises:
            BadClipError: there is no such face.
        """
        detector = self.make_detector()
        if choice is not None:
            detector.follow(choose_face(pictures, float(pictures.rate), choice, self.make_detector))
        return detector

    def make_detector(self) -> PortraitFinder:
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
        masks: their regions, `(T, h, w)`, uint8; where no face is seen, those of the nearest frame that shows one.
        landmarks: `(T, 68, 2)`, float32, pixels of the crop; likewise.
        squares: where each crop lies in the source, `(T, 3)`, see `segtalker.faces.crop_squares.clip_squares`.
        seen: which frames show a face, `(T,)`, bool; short losses are bridged and count as seen.
        pictures: the uncropped source.
        loop: what follows its end.
    """

    path: Path
    frames: Images
    masks: Images
    landmarks: np.ndarray
    squares: np.ndarray
    seen: np.ndarray
    pictures: Pictures
    loop: Loop

    def timeline(self, count: int) -> Timeline:
        """Which of its frames a video of `count` frames moves like."""
        return Timeline(self.pictures.rate, source_order(len(self.frames), count, self.loop))

    def walk(self, count: int | None) -> Iterator[np.ndarray]:
        """Uncropped pictures in the order of `timeline`, endlessly where `count` is None: RGB, `(H, W, 3)`, uint8."""
        if count is not None:
            return self.pictures.walk(self.timeline(count).order)
        numbers = (np.array([number]) for number in itertools.count())
        return self.pictures.walk(int(frames_of_source(len(self.frames), own, self.loop)[0]) for own in numbers)

    def face(self) -> "FoundFace":
        """Its frames that show a face, to see who it is."""
        shown = np.flatnonzero(self.seen)
        return FoundFace(Subset(self.frames, shown), Subset(self.masks, shown), self.landmarks[shown])


@dataclass(frozen=True)
class Subset:
    """Some of the pictures of a pack, see `segtalker.inference.talk_model.Images`.

    Args:
        pack: all of them.
        chosen: the numbers of these, `(T,)`, int.
    """

    pack: Images
    chosen: np.ndarray

    def __len__(self) -> int:
        return len(self.chosen)

    def read(self, indices: Sequence[int] | None = None) -> np.ndarray:
        """`(T, H, W, 3)` or `(T, H, W)`, uint8."""
        return self.pack.read((self.chosen if indices is None else self.chosen[list(indices)]).tolist())


@dataclass(frozen=True)
class FoundFace:
    """Frames of a face, see `segtalker.inference.talk_model.Face`."""

    frames: Subset
    masks: Subset
    landmarks: np.ndarray


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


def _masks(parser: nn.Module, frames: ImagePack, seen: np.ndarray) -> Iterator[np.ndarray]:
    """Regions of each crop; of one without a face, those of the nearest that has one."""
    nearest = nearest_seen(seen)
    for first in range(0, len(frames), _PARSED_AT_ONCE):
        wanted = nearest[first : first + _PARSED_AT_ONCE]
        numbers, places = np.unique(wanted, return_inverse=True)
        yield from np.stack(list(parse_frames(parser, frames.read(numbers.tolist()), _PARSED_AT_ONCE)))[places]


def read_portrait(
    reader: PortraitReader,
    path: Path,
    max_frames: int,
    folder: Path,
    report: Report = quiet,
    options: TalkOptions = PLAIN,
) -> Portrait:
    """Finds the face in a picture or video, follows it, cuts it out and names its regions.

    Args:
        reader: how.
        path: an image or a video.
        max_frames: of a video, no more are read.
        folder: an existing one for the packs.
        report: hears what is being done.
        options: which part of a video is read, and how.

    Raises:
        BadInputError: missing, unreadable, or no face in it.
    """
    crop, size = reader.crop, reader.image_size
    pictures = reader.open(path, options)
    filters = _Filters.of(crop, pictures.rate, reader.fps)
    expected = min(max_frames, pictures.expected)
    try:
        frame_landmarks, (height, width) = _find_faces(
            reported(itertools.islice(pictures, max_frames), expected, "finding the face", report),
            reader.choose(pictures, options.face),
            crop.detect_every,
        )
        points, seen = follow_face(frame_landmarks, crop.detect_every, filters.lost, filters.smooth)
    except BadClipError as error:
        raise BadInputError(f"{path}: {error} by --detector {reader.detector}{_HINTS[reader.detector]}") from error
    squares = clip_squares(points, width, height, crop.margin, crop.lift, filters.follow)
    frames, masks = ImagePack(folder / "frames.zip"), ImagePack(folder / "masks.zip")
    cut = (warp_image(picture, square, size) for picture, square in zip(pictures, squares, strict=False))
    write_images(frames.path, cut, ".png")
    parsed_masks = reported(_masks(reader.parser, frames, seen), len(frames), "parsing", report)
    write_images(masks.path, parsed_masks, ".pgm")
    crop_points = [
        map_points(point, square_transform(square, size)) for point, square in zip(points, squares, strict=True)
    ]
    return Portrait(path, frames, masks, np.stack(crop_points), squares, seen, pictures, options.loop)


@dataclass(frozen=True)
class _Filters:
    """Lengths of time in frames of a source, see `segtalker.config.data.Crop`."""

    lost: int
    smooth: int
    follow: int

    @classmethod
    def of(cls, crop: Crop, rate: Fraction, trained_fps: int) -> "_Filters":
        return cls(
            lost=round(crop.max_lost_frames * rate / trained_fps),
            smooth=at_rate(crop.smooth_frames, rate, trained_fps),
            follow=max(1, round(crop.follow_frames * rate / trained_fps)),
        )
