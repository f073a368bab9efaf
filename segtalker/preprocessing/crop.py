"""One clip from its video to what the networks see: frames, sound, mel and landmarks, all on one clock."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask, Facts, run_clips, task_key
from segtalker.clips.store import write_array
from segtalker.clips.worker_pools import Pool
from segtalker.config.base import Base
from segtalker.config.data import Crop
from segtalker.config.params import Params
from segtalker.faces.crop_squares import (
    clip_squares,
    map_points,
    published_square,
    square_transform,
    union_square,
    warp_image,
    warp_regions,
)
from segtalker.faces.detectors import FaceFinder, make_detector
from segtalker.faces.landmarks import bridge, longest_run, read_annotated, smooth
from segtalker.media.audio import Sound
from segtalker.media.video import TimedFrame, Video, open_video
from segtalker.preprocessing.clip_sound import load_stretch, write_sound
from segtalker.utils.atomic import write_text
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadClipError
from segtalker.utils.hashing import file_sha256

_MAX_MISSING_SOUND_S = 0.2  # shorter ends are filled with silence, longer ones cut the picture
_RIM_PX = 2  # more than the square, for interpolation looks over its edge
_SLACK = 1.1  # more than a square may need
_MIB = 2**20
_NO_LIMIT = 2**40


@dataclass(frozen=True)
class Timeline:
    """The stretch of a video that becomes a clip.

    Args:
        video: the picture.
        sound: its sound.
        start_s: container time of frame 0.
        fps: frames a second of the clip.
        max_frames: where it ends at the latest.
    """

    video: Video
    sound: Sound
    start_s: float
    fps: int
    max_frames: int

    def frames(self, first: int = 0) -> Iterator[TimedFrame]:
        """The source frame of each frame of the clip, but for the `first` ones."""
        return islice(self.video.at_rate(self.fps, self.start_s, first), self.max_frames - first)


@dataclass(frozen=True)
class Passage:
    """What one pass through a clip found.

    Args:
        landmarks: of each frame from `first` on, `(T, 68, 2)`, float32, pixels of the source.
        first: frames before it are left out.
        indices: which frame of the source each is, -1 where that is not known.
        buffer: frames still in memory, or the part around the face, from the very first on; the others have to be
            decoded again.
    """

    landmarks: np.ndarray
    first: int
    indices: list[int]
    buffer: list[TimedFrame]

    def frames(self, timeline: Timeline, squares: np.ndarray) -> Iterator[TimedFrame]:
        """The frames that have landmarks, each with its square in memory."""
        boxes = _boxes(squares)
        enough = takewhile(lambda pair: pair[0].holds(*pair[1]), zip(self.buffer[self.first :], boxes, strict=False))
        usable = [frame for frame, _ in enough]
        again = timeline.frames(self.first + len(usable)) if len(usable) < len(boxes) else iter(())
        return islice(chain(usable, again), len(boxes))


def crop_clip(base: Base, crop: Crop, buffer_mib: int, record: ClipRecord, folder: Path) -> Facts:
    """Crops one clip; see `segtalker.clips.runner.run_clips` and, for what is written, `segtalker.clips.store`.

    Args:
        base: sizes and rates.
        crop: how to find the face.
        buffer_mib: memory for decoded frames; those that do not fit are decoded again.
        record: of `data/cut/<dataset>/clips.csv`.
        folder: empty folder of the clip.

    Returns:
        `frames` and `seconds` of the clip.

    Raises:
        BadClipError: it cannot be used, and why.
    """
    timeline = make_timeline(record, base, crop)
    passage = find_landmarks(timeline, crop, buffer_mib, record)
    count = len(passage.landmarks)
    if count < crop.min_seconds * base.fps:
        raise BadClipError(f"{count / base.fps:.2f} s long, less than crop.min_seconds {crop.min_seconds}")
    squares = place_squares(passage.landmarks, timeline.video, crop, record)
    size, suffix = base.image_size, ".png" if is_lossless(crop, record) else ".jpg"
    write_images(folder / "frames.zip", _crops(passage.frames(timeline, squares), squares, size), suffix)
    crop_points = [
        map_points(points, square_transform(square, size))
        for points, square in zip(passage.landmarks, squares, strict=True)
    ]
    write_array(folder / "landmarks.npy", np.stack(crop_points))
    start_s = timeline.start_s + passage.first / base.fps
    write_sound(folder, timeline.sound.cut(start_s, count / base.fps), base)
    if truth := _truth_masks(record):
        _check_places(passage.indices)
        masks = (truth.read([index])[0] for index in passage.indices)
        mask_crops = (warp_regions(mask, square, size) for mask, square in zip(masks, squares, strict=True))
        write_images(folder / "truth_masks.zip", mask_crops, ".pgm")
    write_text(
        folder / "crop.json", json.dumps(_facts(timeline, start_s, _detector_name(crop, record), squares), indent=1)
    )
    return {"frames": count, "seconds": count / base.fps}


def make_timeline(record: ClipRecord, base: Base, crop: Crop) -> Timeline:
    """Lays picture and sound on one clock.

    Frame 0 is the first frame of the stretch, or, where the sound begins more than a frame later, the moment it does.

    Raises:
        BadClipError: picture or sound cannot be read, or there is no sound.
    """
    video = open_video(record.source, crop.decoder)
    from_s = video.start_s + (record.start_s or 0.0)
    to_s = np.inf if record.end_s is None else video.start_s + record.end_s
    sound = load_stretch(video, record.audio, base.sample_rate_hz, from_s, to_s)
    start_s = from_s if sound.start_s <= from_s + 1.0 / base.fps else sound.start_s
    sound_frames = (sound.end_s - start_s + _MAX_MISSING_SOUND_S) * base.fps
    limits = [to_s - start_s, crop.max_seconds or np.inf]
    frames = min(int(sound_frames), *(round(limit * base.fps) for limit in limits if np.isfinite(limit)), _NO_LIMIT)
    return Timeline(video, sound, start_s, base.fps, max(frames, 0))


def find_landmarks(timeline: Timeline, crop: Crop, buffer_mib: int, record: ClipRecord) -> Passage:
    """Landmarks of each frame of the clip; where a face is lost for long, of the longest part that has one.

    Raises:
        BadClipError: no face, or no annotations where they are to be used.
    """
    if _detector_name(crop, record) == "annotations":
        return _annotated(timeline, record)
    detector = make_detector(crop.detector, crop.weights)
    if record.face:
        x, y, size = record.face
        detector.follow(np.array([[x - size / 2, y - size / 2], [x + size / 2, y + size / 2]]))
    try:
        landmarks: list[np.ndarray | None] = []
        indices: list[int] = []
        buffer: list[TimedFrame] = []
        queue: dict[int, TimedFrame] = {}
        budget, last = buffer_mib * _MIB, None
        for count, frame in enumerate(timeline.frames()):
            landmarks.append(None)
            indices.append(frame.index)
            if count % crop.detect_every == 0:
                queue[count] = frame
            if len(queue) == detector.batch_frames:
                last = _answer(detector, queue, landmarks, last)
            face_part = frame if last is None or budget < 0 else frame.part(*_around(last, crop, record))
            budget -= face_part.memory
            if budget >= 0:
                buffer.append(face_part)
        _answer(detector, queue, landmarks, last)
    finally:
        detector.close()
    first, end = longest_run(landmarks, crop.detect_every, crop.max_lost_frames)
    return Passage(smooth(bridge(landmarks[first:end]), crop.smooth_frames), first, indices[first:end], buffer)


def _detector_name(crop: Crop, record: ClipRecord) -> str:
    """Where a clip's landmarks come from: of several sources one may bring its own and others need a detector."""
    return "annotations" if crop.annotated and record.annotations else crop.detector


def _answer(
    detector: FaceFinder, queue: dict[int, TimedFrame], landmarks: list[np.ndarray | None], last: np.ndarray | None
) -> np.ndarray | None:
    """Asks for the landmarks of frames that wait, and lets them go; the last that are known now."""
    for place, points in zip(queue, detector.landmarks_batch(list(queue.values())), strict=True):
        landmarks[place] = points
        last = last if points is None else points
    queue.clear()
    return last


def _annotated(timeline: Timeline, record: ClipRecord) -> Passage:
    landmarks = read_annotated(record.annotations) if record.annotations else None
    if landmarks is None:
        raise BadClipError("the source brings no landmarks; choose another crop.detector")
    indices = [frame.index for frame in timeline.frames()]
    _check_places(indices)
    if indices and indices[-1] >= len(landmarks):
        raise BadClipError(f"landmarks of {len(landmarks)} frames for a video of {indices[-1] + 1}")
    return Passage(landmarks[indices], 0, indices, [])


def _check_places(indices: list[int]) -> None:
    if -1 in indices:
        raise BadClipError(
            "what is annotated frame by frame is of no use to a stretch from the middle; set cut.mode whole"
        )


def place_squares(landmarks: np.ndarray, video: Video, crop: Crop, record: ClipRecord) -> np.ndarray:
    """The square of each frame: as published with the dataset where it is, else our own; `(T, 3)`, float64."""
    if crop.published and record.box:
        return np.tile(published_square(record.box), (len(landmarks), 1))
    if crop.published and record.ratio:
        square = union_square(landmarks, video.width, video.height, record.ratio)
        return np.tile(square, (len(landmarks), 1))
    return clip_squares(landmarks, video.width, video.height, crop.margin, crop.lift, crop.follow_frames)


def _boxes(squares: np.ndarray) -> np.ndarray:
    """What is needed of each frame for its square, `(T, 4)`: left, top, right, bottom."""
    corners, sides = squares[:, :2], squares[:, 2:]
    return np.concatenate([corners - _RIM_PX, corners + sides + _RIM_PX], axis=1)


def _around(points: np.ndarray, crop: Crop, record: ClipRecord) -> np.ndarray:
    """Where the square will lie, seen from one frame: left, top, right, bottom.

    It will hold the face, so it reaches no farther from it than by both its margins, and a little for other frames.
    """
    if crop.published and record.box:
        return _boxes(published_square(record.box)[None])[0]
    if crop.published and record.ratio:
        return np.array([-_NO_LIMIT, -_NO_LIMIT, _NO_LIMIT, _NO_LIMIT])
    low, high = points.min(axis=0), points.max(axis=0)
    reach = _SLACK * (2 * crop.margin + 0.5) * (high - low).max()
    return np.concatenate([(low + high) / 2 - reach, (low + high) / 2 + reach])


def _crops(frames: Iterable[TimedFrame], squares: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for frame, square, box in zip(frames, squares, _boxes(squares), strict=True):
        picture, (x, y) = frame.region(*box)
        yield warp_image(picture, square - (x, y, 0), size)


def _truth_masks(record: ClipRecord) -> ImagePack | None:
    path = record.annotations / "masks.zip" if record.annotations else None
    return ImagePack(path) if path is not None and path.is_file() else None


def _facts(timeline: Timeline, start_s: float, detector: str, squares: np.ndarray) -> dict[str, Any]:
    """What a later stage or a person wants to know of how the clip was cut."""
    video = timeline.video
    stands = bool((squares == squares[0]).all())
    return {
        "source_width": video.width,
        "source_height": video.height,
        "source_fps": video.fps,
        "source_start_s": video.start_s,
        "source_codec": video.codec,
        "decoder": video.decoder,
        "decoder_reason": video.decoder_reason,
        "sound_choice": video.sound_choice,
        "detector": detector,
        "start_s": start_s,
        "squares": np.round(squares[:1] if stands else squares, 3).tolist(),
    }


def is_lossless(crop: Crop, record: ClipRecord) -> bool:
    """Whether a clip's frames are kept without loss: what methods are measured against, its own flicker included."""
    return crop.lossless in ("all", record.split)


def file_hashes(record: ClipRecord) -> list[str]:
    """Hashes of everything that belongs to a raw clip beside the video, whose own hash stands in the table."""
    files = [record.audio] if record.audio else []
    files += sorted(record.annotations.glob("[!.]*")) if record.annotations else []
    return [record.source_sha256, *(file_sha256(file) for file in files if file.is_file())]


def _place(record: ClipRecord) -> tuple:
    """What `cut` and the dataset say of the clip's place in its recording."""
    return record.start_s, record.end_s, record.face, record.box, record.ratio


def _clip_key(how: str, crop: Crop, record: ClipRecord) -> str:
    return task_key(how, file_hashes(record), _place(record), is_lossless(crop, record))


def crop_clips(params: Params, records: Sequence[ClipRecord], folder: Path) -> list[ClipRecord]:
    """Crops clips into a folder.

    Args:
        params: all of them.
        records: of `data/cut/<dataset>/clips.csv`.
        folder: `data/crop/<dataset>`.

    Returns:
        Records of the clips that passed.
    """
    base, settings = params.base, params.crop
    # whether a clip is kept without loss is part of its own key
    settings_of_all = settings.model_dump(exclude={"lossless"})
    key_settings = [base.image_size, base.fps, base.sample_rate_hz, base.mel.model_dump(), settings_of_all]
    how = task_key(key_settings, code_hash(__name__))
    return run_clips(
        [ClipTask(record, _clip_key(how, settings, record)) for record in records],
        partial(crop_clip, base, settings, params.machine.buffer_mib),
        folder,
        pool=Pool.of(params.machine),
        max_failed_fraction=base.max_failed_fraction,
        label="crop",
    )
