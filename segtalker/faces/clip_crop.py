"""One clip from its video to what the networks see: frames, sound, mel and landmarks, all on one clock."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from segtalker.atomic import atomic_file, write_text
from segtalker.clips import ImagePack, write_images, write_wav
from segtalker.errors import BadClipError
from segtalker.faces.detect import make_detector
from segtalker.faces.landmarks import bridge, read_annotated, smooth
from segtalker.faces.squares import clip_squares, map_points, square_transform, warp_image, warp_regions
from segtalker.media.audio import Sound, load_sound
from segtalker.media.mel import log_mel
from segtalker.media.video import TimedFrame, Video, open_video
from segtalker.params import Base, Crop

_MAX_MISSING_SOUND_S = 0.2  # shorter ends are filled with silence, longer ones cut the picture


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

    def frames(self) -> Iterator[TimedFrame]:
        """The source frame of each frame of the clip."""
        return islice(self.video.at_rate(self.fps, self.start_s), self.max_frames)


def crop_clip(base: Base, crop: Crop, row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Crops one clip; see `segtalker.clip_runner.run_clips` and, for what is written, `segtalker.clips`.

    Args:
        base: sizes and rates.
        crop: how to find the face.
        row: of `data/download/<dataset>/clips.csv`.
        folder: empty folder of the clip.

    Returns:
        `frames` and `seconds` of the clip.

    Raises:
        BadClipError: it cannot be used, and why.
    """
    timeline = make_timeline(row, base, crop)
    found, indices = find_landmarks(timeline, crop, row)
    count = len(found)
    if count < crop.min_seconds * base.fps:
        raise BadClipError(f"{count / base.fps:.2f} s long, less than crop.min_seconds {crop.min_seconds}")
    squares = clip_squares(
        found, timeline.video.width, timeline.video.height, crop.margin, crop.lift, crop.follow_frames
    )
    size = base.image_size
    write_images(folder / "frames.zip", _crops(timeline.frames(), squares, size), ".jpg")
    mapped = [map_points(points, square_transform(square, size)) for points, square in zip(found, squares, strict=True)]
    _write_array(folder / "landmarks.npy", np.stack(mapped))
    _write_sound(folder, timeline.sound.cut(timeline.start_s, count / base.fps), base)
    if truth := _truth_masks(row):
        masks = (truth.read([index])[0] for index in indices)
        warped = (warp_regions(mask, square, size) for mask, square in zip(masks, squares, strict=True))
        write_images(folder / "truth_masks.zip", warped, ".png")
    write_text(folder / "crop.json", json.dumps(_facts(timeline, crop, squares), indent=1))
    return {"frames": count, "seconds": count / base.fps}


def make_timeline(row: dict[str, Any], base: Base, crop: Crop) -> Timeline:
    """Lays picture and sound on one clock.

    Frame 0 is the first frame of the video, or, where the sound begins more than a frame later, the moment it does.

    Raises:
        BadClipError: picture or sound cannot be read, or there is no sound.
    """
    video = open_video(Path(row["source"]), crop.decoder)
    beside = row.get("audio", "")
    if not beside and not video.has_sound:
        raise BadClipError(f"{video.path.name}: no sound track, and no sound file beside it")
    sound = load_sound(Path(beside), base.sample_rate_hz) if beside else load_sound(video.path, base.sample_rate_hz)
    if beside:
        sound = Sound(sound.samples, sound.sample_rate_hz, video.start_s)
    start_s = video.start_s if sound.start_s <= video.start_s + 1.0 / base.fps else sound.start_s
    heard = (sound.end_s - start_s + _MAX_MISSING_SOUND_S) * base.fps
    wanted = crop.max_seconds * base.fps if crop.max_seconds else np.inf
    return Timeline(video, sound, start_s, base.fps, max(int(min(heard, wanted)), 0))


def find_landmarks(timeline: Timeline, crop: Crop, row: dict[str, Any]) -> tuple[np.ndarray, list[int]]:
    """Landmarks of each frame of the clip, and which source frame it is.

    Returns:
        `(T, 68, 2)`, float32, pixels of the source, and T indices.
    """
    if crop.detector == "annotations":
        annotated = read_annotated(Path(row["annotations"])) if row.get("annotations") else None
        if annotated is None:
            raise BadClipError("the source brings no landmarks; choose another crop.detector")
        indices = [frame.index for frame in timeline.frames()]
        if indices and indices[-1] >= len(annotated):
            raise BadClipError(f"landmarks of {len(annotated)} frames for a video of {indices[-1] + 1}")
        return annotated[indices], indices
    detector = make_detector(crop.detector, crop.weights)
    try:
        indices, found = [], []
        for count, frame in enumerate(timeline.frames()):
            indices.append(frame.index)
            found.append(None if count % crop.detect_every else detector.landmarks(frame.image))
    finally:
        detector.close()
    bridged = bridge(found, crop.detect_every, crop.max_lost_frames, timeline.fps)
    return smooth(bridged, crop.smooth_frames), indices


def _crops(frames: Iterable[TimedFrame], squares: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for frame, square in zip(frames, squares, strict=True):
        yield warp_image(frame.image, square, size)


def _truth_masks(row: dict[str, Any]) -> ImagePack | None:
    path = Path(row["annotations"]) / "masks.zip" if row.get("annotations") else None
    return ImagePack(path) if path is not None and path.is_file() else None


def _write_array(path: Path, values: np.ndarray) -> None:
    with atomic_file(path) as temporary, temporary.open("wb") as out:
        np.save(out, values)


def _write_sound(folder: Path, samples: np.ndarray, base: Base) -> None:
    write_wav(folder / "audio.wav", samples, base.sample_rate_hz)
    _write_array(folder / "mel.npy", log_mel(samples, base.sample_rate_hz, base.mel))


def _facts(timeline: Timeline, crop: Crop, squares: np.ndarray) -> dict[str, Any]:
    """What a later stage or a person wants to know of how the clip was cut."""
    video = timeline.video
    stands = bool((squares == squares[0]).all())
    return {
        "source_width": video.width,
        "source_height": video.height,
        "source_fps": video.fps,
        "source_codec": video.codec,
        "decoder": video.decoder,
        "decoder_reason": video.decoder_reason,
        "detector": crop.detector,
        "start_s": timeline.start_s,
        "squares": np.round(squares[:1] if stands else squares, 3).tolist(),
    }
