"""Measures every method's video of a clip against the clip itself, frame stretch by frame stretch.

The ground truth is measured like any method. Each clip's numbers and features are kept in its folder
(`scores.json`, `features.npz`); whoever wants the table reads them from there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import Facts
from segtalker.clips.store import Clip, processed_clip
from segtalker.evaluation.measures import AGAINST_SOUND, MEASURE, Pictures, Speaker, Stretch
from segtalker.evaluation.metric_nets import InstrumentChoice, Instruments, load_instruments, make_finders
from segtalker.faces.detectors import FaceFinder
from segtalker.metrics import inception
from segtalker.metrics.feature_cache import FeatureCache, feature_key
from segtalker.metrics.registry import Metric, NotMeasurable, Track, chosen_metrics, clip_value
from segtalker.utils.atomic import atomic_file, write_text
from segtalker.utils.errors import BadClipError, BadInputError
from segtalker.utils.hashing import file_sha256

GROUND_TRUTH = "ground_truth"
SCORES_FILE = "scores.json"
FEATURES_FILE = "features.npz"
Tracks = dict[Track, np.ndarray | NotMeasurable]
FEATURE_TRACKS: tuple[Track, ...] = ("features_seeded", "features_inception", "features_clean")
_KEPT: dict[Track, str] = {"features_inception": "fid_inception_legacy", "features_clean": "fid_inception_clean"}
Known = dict[Track, np.ndarray]


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
class EvaluationPlan:
    """How clips are measured.

    Args:
        data: the folder `data`.
        dataset: its name.
        generated: `results/<experiment>/generate`.
        cache: folder of features kept by content.
        reference_masks: `truth` (the dataset's own) or `parsed`.
        choice: the networks that measure.
        fps: frames a second.
        sample_rate_hz: of the sound.
        mel_rate: mel columns a second.
        smooth_frames: of the mouth box.
        batch_size: frames of a stretch.
    """

    data: Path
    dataset: str
    generated: Path
    cache: Path
    reference_masks: Literal["truth", "parsed"]
    choice: InstrumentChoice
    fps: int
    sample_rate_hz: int
    mel_rate: float
    smooth_frames: int
    batch_size: int


@dataclass
class _Row:
    """One method's video of the clip and what has been measured of it so far."""

    frames: ImagePack
    masks: ImagePack | None
    tracks: dict[Track, list[np.ndarray]]
    finders: dict[str, FaceFinder]
    previous: np.ndarray | None = None
    failure: str = ""

    def close(self) -> None:
        """Frees its detectors."""
        for finder in self.finders.values():
            finder.close()

    def read(self, numbers: Sequence[int], context: int, tools: Instruments) -> Pictures:
        """The next stretch, with the end of the one before."""
        own = self.frames.read(numbers)
        before = own[:0] if self.previous is None else self.previous[-context:]
        frames = np.concatenate([before, own])
        self.previous = frames
        return Pictures(frames, len(before), tools, self.finders)


def _reference_masks(plan: EvaluationPlan, clip: Clip) -> ImagePack:
    if plan.reference_masks == "parsed":
        return clip.masks
    if clip.truth_masks is None:
        raise BadClipError("the dataset brings no masks for it; set evaluate.reference_masks to parsed")
    return clip.truth_masks


def _speaker(plan: EvaluationPlan, clip: Clip) -> Speaker:
    return Speaker(
        landmarks=np.array(clip.landmarks),
        mel=np.array(clip.mel),
        audio=clip.audio,
        fps=plan.fps,
        mel_rate=plan.mel_rate,
        sample_rate_hz=plan.sample_rate_hz,
        smooth_frames=plan.smooth_frames,
    )


def _open_row(plan: EvaluationPlan, clip: Clip, method: str, tracks: Sequence[Track], count: int) -> _Row:
    """A method's video; one that is missing, or of another length, is a row that has failed already."""
    folder = plan.generated / method / clip.clip_id
    masks = ImagePack(folder / "masks.zip") if (folder / "masks.zip").is_file() else None
    row = _Row(ImagePack(folder / "frames.zip"), masks, {track: [] for track in tracks}, make_finders(plan.choice))
    try:
        lengths = [len(pack) for pack in (row.frames, row.masks) if pack is not None]
    except BadInputError as error:
        row.failure = str(error)
    else:
        if set(lengths) != {count}:
            row.failure = f"{folder}: {lengths} frames and masks where the clip has {count}"
    return row


def _measure(row: _Row, stretch: Stretch) -> None:
    for track, values in row.tracks.items():
        values.append(MEASURE[track](stretch))


def _stretches(count: int, size: int) -> Iterator[list[int]]:
    return (list(range(first, min(first + size, count))) for first in range(0, count, size))


@torch.inference_mode()
def measure_clip(
    plan: EvaluationPlan, tools: Instruments, clip: Clip, speaker: Speaker, rows: Mapping[str, _Row], count: int
) -> None:
    """Fills the tracks of every row; the stretch of the reference is read and computed once for all of them."""
    reference_masks = _reference_masks(plan, clip)
    truth = rows[GROUND_TRUTH]
    for numbers in _stretches(count, plan.batch_size):
        reference, wanted = truth.read(numbers, tools.context, tools), reference_masks.read(numbers)
        reference.parsed = clip.masks.read(numbers)  # the stage parse has done this
        for method, row in rows.items():
            if row.failure:
                continue
            try:
                video = reference if method == GROUND_TRUTH else row.read(numbers, tools.context, tools)
                masks = row.masks.read(numbers) if row.masks else None
            except BadInputError as error:
                row.failure = str(error)
                continue
            if video.own.shape != reference.own.shape:
                row.failure = f"{row.frames.path}: frames of another size than the clip's"
                continue
            _measure(row, Stretch(reference, video, wanted, masks, speaker, numbers[0], tools))


def finish_tracks(row: _Row, speaker: Speaker, tools: Instruments) -> Tracks:
    """The whole clip's tracks; sync is compared with the sound."""
    tracks: Tracks = {}
    for track, parts in row.tracks.items():
        values = np.concatenate(parts)
        try:
            tracks[track] = AGAINST_SOUND[track](values, speaker, tools) if track in AGAINST_SOUND else values
        except NotMeasurable as reason:
            tracks[track] = reason
    return tracks


def _score(metric: Metric, values: np.ndarray | NotMeasurable | None, missing: str) -> dict[str, Any]:
    """Value or reason of a metric of a clip."""
    if values is None:
        return {"value": None, "reason": missing}
    if isinstance(values, NotMeasurable):
        return {"value": None, "reason": str(values)}
    try:
        return {"value": clip_value(metric, values), "reason": ""}
    except NotMeasurable as reason:
        return {"value": None, "reason": str(reason)}


def _scores(tracks: Tracks, choice: InstrumentChoice) -> dict[str, dict]:
    missing = choice.missing()
    return {
        metric.name: _score(metric, tracks.get(metric.track), missing.get(metric.track, ""))
        for metric in chosen_metrics(choice.stand_ins)
        if callable(metric.value)
    }


def _feature_keys(plan: EvaluationPlan, clip: Clip) -> dict[Track, str]:
    """Under which keys the reference's features by the large network are kept."""
    weights = plan.choice.weights.get("fid_inception")
    if weights is None:
        return {}
    video, code, network = map(file_sha256, (clip.frames.path, Path(inception.__file__), weights))
    return {track: feature_key(video, extractor, code, network) for track, extractor in _KEPT.items()}


def _keep_features(cache: FeatureCache, keys: Mapping[Track, str], known: Known, tracks: Tracks) -> None:
    """Adds the features known of the reference to its tracks, and keeps those that were measured now."""
    for track, key in keys.items():
        if track in known:
            tracks[track] = known[track]
        else:
            features = tracks[track]
            assert isinstance(features, np.ndarray)
            cache.save(key, features)


def _open_rows(plan: EvaluationPlan, clip: Clip, methods: Sequence[str], known: Known, count: int) -> dict[str, _Row]:
    tracks = plan.choice.tracks()
    own: dict[Track, list[np.ndarray]] = {track: [] for track in tracks if track not in known}
    truth = _Row(clip.frames, None, own, make_finders(plan.choice))
    return {GROUND_TRUTH: truth} | {method: _open_row(plan, clip, method, tracks, count) for method in methods}


def evaluate_clip(plan: EvaluationPlan, record: EvaluationRecord, folder: Path) -> Facts:
    """Measures one clip by every method; for `segtalker.clips.runner.run_clips`.

    Args:
        plan: how.
        record: of the clip.
        folder: gets `scores.json` and `features.npz`.

    Returns:
        The number of frames.

    Raises:
        BadClipError: the clip itself cannot be measured. A method that cannot is noted in `scores.json`.
    """
    tools = load_instruments(plan.choice)
    clip = processed_clip(plan.data, plan.dataset, record.clip_id, record.subject)
    speaker = _speaker(plan, clip)
    if len({len(clip.frames), len(clip.masks), len(speaker.landmarks)}) > 1:
        raise BadClipError("frames, masks and landmarks differ in number")
    cache, keys = FeatureCache(plan.cache), _feature_keys(plan, clip)
    known = {track: kept for track, key in keys.items() if (kept := cache.load(key)) is not None}
    count = min(record.compared or len(clip.frames), len(clip.frames))
    if count < len(clip.frames):
        keys, known = {}, {}
    rows = _open_rows(plan, clip, record.methods, known, count)
    try:
        measure_clip(plan, tools, clip, speaker, rows, count)
    finally:
        for made in rows.values():
            made.close()
    tracks = {method: finish_tracks(made, speaker, tools) for method, made in rows.items() if not made.failure}
    _keep_features(cache, keys, known, tracks[GROUND_TRUTH])
    _write(folder, rows, tracks, plan.choice)
    return {"frames": count}


def _write(
    folder: Path,
    rows: Mapping[str, _Row],
    tracks: Mapping[str, Tracks],
    choice: InstrumentChoice,
) -> None:
    scores = {method: _scores(measured, choice) for method, measured in tracks.items()}
    failures = {method: row.failure for method, row in rows.items() if row.failure}
    write_text(folder / SCORES_FILE, json.dumps({"scores": scores, "failures": failures}, indent=1))
    features = {
        f"{method}/{track}": measured[track]
        for method, measured in tracks.items()
        for track in FEATURE_TRACKS
        if track in measured
    }
    with atomic_file(folder / FEATURES_FILE) as temporary:
        np.savez(temporary, **features)  # type: ignore[arg-type]
