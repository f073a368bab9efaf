"""Measures every method's video of a clip against the clip itself, chunk of frames by chunk of frames.

The ground truth is measured like any method. Each clip's numbers and features are kept in its folder
(`scores.json`, `features.npz`); whoever wants the table reads them from there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import Facts
from segtalker.clips.store import Clip, processed_clip
from segtalker.config.base import Clock
from segtalker.evaluation.metric_nets import MetricNetsConfig, load_metric_nets, make_finders
from segtalker.faces.detectors import FaceFinder
from segtalker.metrics.catalogue import chosen_metrics, clip_value
from segtalker.metrics.feature_cache import FeatureCache, feature_key
from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, MetricNets, ReferenceClip
from segtalker.metrics.registry import FrameMeasure, LandmarkDetector, Metric, MetricNet, NotMeasurable
from segtalker.utils.atomic import atomic_file, write_text
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadClipError, BadInputError
from segtalker.utils.hashing import file_sha256

GROUND_TRUTH = "ground_truth"
# the truth held against itself, as far as metrics of a whole set go: one half of the people against the other, and the
# first half of every clip against its second
TRUTH_HALVES, TRUTH_MOMENTS = "truth_halves", "truth_moments"
SCORES_FILE = "scores.json"
FEATURES_FILE = "features.npz"
# what a measure gave for a clip: an array, a named tuple of arrays, sync scores, or why it gave nothing
ClipValues = dict[FrameMeasure, Any]


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord(ClipRecord):
    """A clip whose videos are measured.

    Args:
        methods: those that made a video of it.
        compared: frames from the start that are measured, where not all are.
    """

    methods: tuple[str, ...]
    compared: int | None = None


@dataclass(frozen=True)
class EvaluateConfig:
    """How clips are measured.

    Args:
        data: the folder `data`.
        dataset: its name.
        generate_folder: `results/<experiment>/generate`.
        cache: folder of features kept by content.
        reference_masks: `truth` (the dataset's own) or `parsed`.
        nets: the networks that measure.
        clock: of frames and sound.
        batch_size: frames of a chunk.
    """

    data: Path
    dataset: str
    generate_folder: Path
    cache: Path
    reference_masks: Literal["truth", "parsed"]
    nets: MetricNetsConfig
    clock: Clock
    batch_size: int


@dataclass
class MethodVideo:
    """One method's video of the clip and what has been measured of it so far.

    Args:
        frames: of the video.
        masks: the method's talking masks, or None where it has none.
        chunks: what each measure gave, chunk by chunk.
        finders: landmark detectors.
        failure: why it cannot be measured; empty where it can.
    """

    frames: ImagePack
    masks: ImagePack | None
    chunks: dict[FrameMeasure, list[Any]]
    finders: dict[LandmarkDetector, FaceFinder]
    failure: str = ""
    _last_frames: np.ndarray | None = field(default=None, repr=False)

    def close(self) -> None:
        """Frees its detectors."""
        for finder in self.finders.values():
            finder.close()

    def read(self, numbers: Sequence[int], lookback: int, clip: ReferenceClip, nets: MetricNets) -> ChunkFrames:
        """The next chunk, with up to `lookback` frames of the one before."""
        own = self.frames.read(numbers)
        before = own[:0] if self._last_frames is None or not lookback else self._last_frames[-lookback:]
        frames = np.concatenate([before, own])
        self._last_frames = frames
        return ChunkFrames(frames, len(before), numbers[0], clip, nets, self.finders)


def _reference_masks(config: EvaluateConfig, clip: Clip) -> ImagePack:
    if config.reference_masks == "parsed":
        return clip.masks
    if clip.truth_masks is None:
        raise BadClipError("the dataset brings no masks for it; set evaluate.reference_masks to parsed")
    return clip.truth_masks


def _reference_clip(config: EvaluateConfig, clip: Clip) -> ReferenceClip:
    return ReferenceClip(
        landmarks=np.array(clip.landmarks),
        mel=np.array(clip.mel),
        audio=clip.audio,
        clock=config.clock,
    )


def _open_video(
    config: EvaluateConfig, clip: Clip, method: str, measures: Sequence[FrameMeasure], count: int
) -> MethodVideo:
    """A method's video; one that is missing, or of another length, has failed already."""
    folder = config.generate_folder / method / clip.clip_id
    masks = ImagePack(folder / "masks.zip") if (folder / "masks.zip").is_file() else None
    chunks: dict[FrameMeasure, list[Any]] = {measure: [] for measure in measures}
    video = MethodVideo(ImagePack(folder / "frames.zip"), masks, chunks, make_finders(config.nets))
    try:
        lengths = [len(pack) for pack in (video.frames, video.masks) if pack is not None]
    except BadInputError as error:
        video.failure = str(error)
    else:
        if set(lengths) != {count}:
            video.failure = f"{folder}: {lengths} frames and masks where the clip has {count}"
    return video


def _open_videos(
    config: EvaluateConfig, clip: Clip, methods: Sequence[str], cached_values: ClipValues, count: int
) -> dict[str, MethodVideo]:
    """The reference itself, less what is known of it, and every method's video."""
    measures = config.nets.measures()
    chunks: dict[FrameMeasure, list[Any]] = {measure: [] for measure in measures if measure not in cached_values}
    truth = MethodVideo(clip.frames, None, chunks, make_finders(config.nets))
    return {GROUND_TRUTH: truth} | {method: _open_video(config, clip, method, measures, count) for method in methods}


def _chunk_numbers(count: int, size: int) -> Iterator[list[int]]:
    return (list(range(first, min(first + size, count))) for first in range(0, count, size))


def _lookback(measures: Sequence[FrameMeasure], nets: MetricNets) -> int:
    """Frames before a chunk that any measure sees too."""
    frames = (measure.lookback for measure in measures)
    return max((count(nets) if callable(count) else count for count in frames), default=0)


@torch.inference_mode()
def measure_clip(
    config: EvaluateConfig,
    nets: MetricNets,
    clip: Clip,
    reference_clip: ReferenceClip,
    videos: Mapping[str, MethodVideo],
    count: int,
) -> None:
    """Measures every video; each chunk of the reference is read and computed once for all of them."""
    reference_masks, lookback = _reference_masks(config, clip), _lookback(config.nets.measures(), nets)
    for numbers in _chunk_numbers(count, config.batch_size):
        reference = videos[GROUND_TRUTH].read(numbers, lookback, reference_clip, nets)
        true_masks = reference_masks.read(numbers)
        reference.parsed = clip.masks.read(numbers)  # the stage parse has done this
        for method, video in videos.items():
            if video.failure:
                continue
            try:
                frames = reference
                if method != GROUND_TRUTH:
                    frames = video.read(numbers, lookback, reference_clip, nets)
                    frames.areas, frames.own_areas = reference.areas, reference.own_areas  # not found once more
                masks = video.masks.read(numbers) if video.masks else None
            except BadInputError as error:
                video.failure = str(error)
                continue
            if frames.own.shape != reference.own.shape:
                video.failure = f"{video.frames.path}: frames of another size than the clip's"
                continue
            chunk = FrameChunk(reference, frames, true_masks, masks)
            for measure, parts in video.chunks.items():
                parts.append(measure.of_chunk(chunk))


def join_chunks(parts: Sequence[Any]) -> Any:
    """What a measure gave for the chunks of a clip as one: an array, or a named tuple of arrays."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return type(parts[0])(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def clip_measured(video: MethodVideo, reference_clip: ReferenceClip, nets: MetricNets) -> ClipValues:
    """What each measure gave for the whole clip, or `NotMeasurable`."""
    clip_values: ClipValues = {}
    for measure, parts in video.chunks.items():
        values = join_chunks(parts)
        try:
            against_sound = measure.against_sound
            clip_values[measure] = against_sound(values, reference_clip, nets) if against_sound else values
        except NotMeasurable as reason:
            clip_values[measure] = reason
    return clip_values


def _score(metric: Metric, values: Any, missing: str) -> dict[str, Any]:
    """Value or reason of a metric of a clip."""
    if missing:
        return {"value": None, "reason": missing}
    if isinstance(values, NotMeasurable):
        return {"value": None, "reason": str(values)}
    try:
        return {"value": clip_value(metric, values), "reason": ""}
    except NotMeasurable as reason:
        return {"value": None, "reason": str(reason)}


def _scores(clip_values: ClipValues, nets: MetricNetsConfig) -> dict[str, dict]:
    return {
        metric.name: _score(metric, clip_values.get(metric.measure), nets.missing(metric.measure.needs))
        for metric in chosen_metrics(nets.stand_ins)
        if metric.scope == "clip"
    }


def _feature_keys(config: EvaluateConfig, clip: Clip) -> dict[FrameMeasure, str]:
    """Under which keys the reference's features by large networks are kept."""
    keys = {}
    for measure in config.nets.measures():
        if measure.cache_name and isinstance(measure.needs, MetricNet):
            video, code = file_sha256(clip.frames.path), code_hash(measure.needs.load.__module__)
            weights = " ".join(map(file_sha256, config.nets.paths(measure.needs)))
            keys[measure] = feature_key(video, measure.cache_name, code, weights)
    return keys


def evaluate_clip(config: EvaluateConfig, record: EvaluationRecord, folder: Path) -> Facts:
    """Measures one clip by every method; for `segtalker.clips.runner.run_clips`.

    Args:
        config: how.
        record: of the clip.
        folder: gets `scores.json` and `features.npz`.

    Returns:
        The number of frames.

    Raises:
        BadClipError: the clip itself cannot be measured. A method that cannot is noted in `scores.json`.
    """
    nets = load_metric_nets(config.nets)
    clip = processed_clip(config.data, config.dataset, record.clip_id, record.subject)
    reference_clip = _reference_clip(config, clip)
    if len({len(clip.frames), len(clip.masks), len(reference_clip.landmarks)}) > 1:
        raise BadClipError("frames, masks and landmarks differ in number")
    count = min(record.compared or len(clip.frames), len(clip.frames))
    cache, keys = FeatureCache(config.cache), _feature_keys(config, clip) if count == len(clip.frames) else {}
    cached_values = {measure: values for measure, key in keys.items() if (values := cache.load(key)) is not None}
    videos = _open_videos(config, clip, record.methods, cached_values, count)
    try:
        measure_clip(config, nets, clip, reference_clip, videos, count)
    finally:
        for video in videos.values():
            video.close()
    method_values = {
        method: clip_measured(video, reference_clip, nets) for method, video in videos.items() if not video.failure
    }
    method_values[GROUND_TRUTH] |= cached_values
    for measure in keys.keys() - cached_values.keys():
        cache.save(keys[measure], method_values[GROUND_TRUTH][measure])
    _write(folder, videos, method_values, config.nets)
    return {"frames": count}


def _write(
    folder: Path, videos: Mapping[str, MethodVideo], method_values: Mapping[str, ClipValues], nets: MetricNetsConfig
) -> None:
    scores = {method: _scores(values, nets) for method, values in method_values.items()}
    failures = {method: video.failure for method, video in videos.items() if video.failure}
    write_text(folder / SCORES_FILE, json.dumps({"scores": scores, "failures": failures}, indent=1))
    sets = dict.fromkeys(metric.measure for metric in chosen_metrics(nets.stand_ins) if metric.scope == "dataset")
    features = {
        f"{method}/{measure.name}": values[measure]
        for method, values in method_values.items()
        for measure in sets
        if measure in values
    }
    with atomic_file(folder / FEATURES_FILE) as temporary:
        np.savez(temporary, **features)
