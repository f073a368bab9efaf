"""Videos made by other systems, brought to the clock, size and square of the clips they are of.

A prediction belongs to the clip whose id its file has, or the folder it lies in. Frame rate, size and length may
differ; what was done about it is said of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from segtalker.clips.image_pack import write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import Facts
from segtalker.clips.store import Clip, processed_clip
from segtalker.datasets.file_walk import walk_files
from segtalker.datasets.folder import clip_ids
from segtalker.faces.crop_squares import warp_image
from segtalker.media.video import VIDEO_SUFFIXES, Video, open_video
from segtalker.utils.atomic import atomic_folder
from segtalker.utils.errors import BadClipError, BadInputError

Geometry = Literal["auto", "recording", "crop"]
_SAME_SHAPE = 0.02  # relative difference of aspect ratios that rounding to whole pixels explains
_LEAST_SHARE = 0.5  # of a clip, for a prediction to stand for it


def find_predictions(folder: Path, clips: Sequence[str]) -> tuple[dict[str, list[Path]], list[Path]]:
    """Which video is of which clip.

    Args:
        folder: with `<clip_id>.mp4` or `<clip_id>/<any name>.mp4`, at any depth, or laid out as the folder whose
            videos became the clips; capitals do not matter.
        clips: ids of those of the reference.

    Returns:
        Videos of each clip that has any, and videos of no clip and folders that cannot be opened.

    Raises:
        BadInputError: no such folder, no videos, or none of any clip.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder; --predictions must name one with videos")
    videos, extra = walk_files(folder, VIDEO_SUFFIXES)
    if not videos:
        raise BadInputError(f"{folder}: no videos in it ({', '.join(VIDEO_SUFFIXES)})")
    id_by_name = {clip_id.casefold(): clip_id for clip_id in clips}
    videos_by_clip: dict[str, list[Path]] = {}
    for video in videos:
        names = _names(video.relative_to(folder))
        clip_id = next((id_by_name[name] for name in names if name in id_by_name), None)
        if clip_id is None:
            extra.append(video)
        else:
            videos_by_clip.setdefault(clip_id, []).append(video)
    if not videos_by_clip:
        raise BadInputError(f"{folder}: no video is named after a clip, such as {clips[0]}.mp4")
    return videos_by_clip, extra


def _names(video: Path) -> list[str]:
    """What the clip may be called that a video is of, the likeliest first."""
    as_clips = [clip_ids([path])[0] for path in (video, Path(video.name))]
    return [name.casefold() for name in (as_clips[0], video.stem, as_clips[1], video.parent.name)]


@dataclass(frozen=True)
class PredictionReader:
    """How predictions become frames like the clips' own.

    Args:
        data: the folder `data` of the clips.
        dataset: their name.
        folder: gets `<clip_id>/frames.zip`.
        fps: of the clips.
        size: side of a frame, px.
        geometry: whether a prediction shows the whole recording or the clip's square; `auto` goes by its shape.
        starts_with_clip: predictions are of the clips, so the first frame is the clip's; else of the recordings.
    """

    data: Path
    dataset: str
    folder: Path
    fps: int
    size: int
    geometry: Geometry
    starts_with_clip: bool


@dataclass(frozen=True, kw_only=True)
class PredictionRecord(ClipRecord):
    """A clip and what was predicted of it.

    Args:
        videos: predictions found; one is right.
        notes: what differed and was set right.
    """

    videos: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def read_prediction(reader: PredictionReader, record: PredictionRecord, _output: Path) -> Facts:
    """Reads one prediction; for `segtalker.clips.runner.run_clips`.

    Args:
        reader: how.
        record: of the clip.

    Returns:
        `frames` that can be compared and `notes`, what differed.

    Raises:
        BadClipError: it cannot be read or compared, and why.
    """
    clip = processed_clip(reader.data, reader.dataset, record.clip_id, record.subject)
    videos = record.videos
    if not videos:
        raise BadClipError("no prediction of this clip")
    if len(videos) > 1:
        raise BadClipError(f"{len(videos)} predictions of this clip: {videos[0].name}, {videos[1].name}")
    if not videos[0].stat().st_size:
        raise BadClipError(f"{videos[0].name}: empty file")
    video = open_video(videos[0], "pyav")
    notes = [f"{video.fps:.3g} fps read at {reader.fps}"] if abs(video.fps - reader.fps) > 0.01 else []
    squares = _squares(reader, clip, video, notes)
    with atomic_folder(reader.folder / clip.clip_id) as folder:
        length = len(clip.frames)
        prediction_frames = _frames(reader, clip, video, squares)
        count = write_images(folder / "frames.zip", islice(prediction_frames, length), ".png")
        goes_on = next(prediction_frames, None) is not None
        if count < _LEAST_SHARE * length:
            raise BadClipError(f"{video.path.name}: {count} frames of the clip's {length}, too few to stand for it")
    if count != length:
        notes.append(f"{count} frames, the clip has {length}: the first {count} are compared")
    elif goes_on:
        notes.append(f"goes on after the clip's {length} frames: the rest is left out")
    return {"frames": count, "notes": notes}


def _squares(reader: PredictionReader, clip: Clip, video: Video, notes: list[str]) -> np.ndarray:
    """Left and upper edge and side of the clip's square in the prediction: `(T, 3)` or `(1, 3)`, px."""
    facts, size = clip.facts, len(clip.frames)
    shape = video.width / video.height
    source_shape = facts["source_width"] / facts["source_height"]
    is_whole = abs(shape / source_shape - 1.0) < _SAME_SHAPE
    is_square = abs(shape - 1.0) < _SAME_SHAPE
    showing = reader.geometry
    if showing == "auto":
        # where both are square, a clip's own square was given to whoever made a prediction of the clip
        is_crop = is_square and (reader.starts_with_clip or not is_whole)
        showing = "crop" if is_crop else "recording"
    if not (is_whole if showing == "recording" else is_square):
        raise BadClipError(
            f"{video.path.name}: {video.width}x{video.height} has neither the shape of the recording"
            f" ({facts['source_width']}x{facts['source_height']}) nor of the clip's square"
        )
    if showing == "crop":
        squares, natural = np.array([[-0.5, -0.5, float(video.width)]]), reader.size
    else:
        scale = video.width / facts["source_width"]
        edge = np.array([0.5, 0.5, 0.0])  # integers are pixel centres
        squares = (np.array(facts["squares"]) + edge) * scale - edge
        natural = facts["source_width"]
    if video.width != natural:
        notes.append(f"{video.width}x{video.height}, scaled from the {showing}'s {natural} px")
    assert len(squares) in (1, size), (squares.shape, size)
    return squares


def _frames(reader: PredictionReader, clip: Clip, video: Video, squares: np.ndarray) -> Iterator[np.ndarray]:
    later = 0.0 if reader.starts_with_clip else max(clip.facts["start_s"] - clip.facts["source_start_s"], 0.0)
    for number, frame in enumerate(video.at_rate(reader.fps, video.start_s + later)):
        yield warp_image(frame.image, squares[min(number, len(squares) - 1)], reader.size)
