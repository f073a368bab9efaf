"""Measures every method's video of a clip against the clip itself, frame stretch by frame stretch.

The ground truth is measured like any method. Each clip's numbers and features are kept in its folder
(`scores.json`, `features.npz`); whoever wants the table reads them from there.
"""

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from segtalker.atomic import atomic_file, write_text
from segtalker.checkpoints import load_net
from segtalker.clips import Clip, ImagePack
from segtalker.errors import BadClipError, BadInputError
from segtalker.faces.parsing import ParserChoice, load_parser
from segtalker.metrics.features import FeatureCache, feature_key
from segtalker.metrics.inception import FidInception
from segtalker.metrics.registry import METRICS, Metric, NotMeasurable, Track
from segtalker.nets.external.lpips_alex import LpipsAlex
from segtalker.nets.external.mobilefacenet import load_mobilefacenet
from segtalker.nets.external.syncnet import load_syncnet
from segtalker.nets.seeded_features import SeededFeatures
from segtalker.nets.sync import SyncExpert
from segtalker.provenance import file_sha256
from segtalker.tracks import AGAINST_SOUND, MEASURE, Instruments, Pictures, Speaker, Stretch
from segtalker.weights import METRIC_WEIGHTS

GROUND_TRUTH = "ground_truth"
SCORES_FILE = "scores.json"
FEATURES_FILE = "features.npz"
Tracks = dict[Track, np.ndarray | NotMeasurable]
FEATURE_TRACKS: tuple[Track, ...] = ("features_seeded", "features_inception")


@dataclass(frozen=True)
class WeightFiles:
    """Published weights by path; None where they are not at hand."""

    lpips_trunk: Path | None
    lpips_heads: Path | None
    fid: Path | None
    syncnet: Path | None
    identity: Path | None

    def missing(self) -> dict[Track, str]:
        """Tracks that cannot be measured, each with what it needs."""
        needs: dict[Track, dict[str, tuple[Path | None, str]]] = {
            "lpips_alex": {
                "lpips_weights": (self.lpips_trunk, "lpips_trunk"),
                "lpips_heads": (self.lpips_heads, "lpips_heads"),
            },
            "features_inception": {"fid_weights": (self.fid, "fid_inception")},
            "sync_syncnet": {"syncnet_weights": (self.syncnet, "syncnet")},
            "identity": {"identity_weights": (self.identity, "mobilefacenet")},
        }
        reasons: dict[Track, str] = {}
        for track, files in needs.items():
            absent = [_needed(key, name) for key, (path, name) in files.items() if path is None]
            if absent:
                reasons[track] = "; ".join(absent)
        return reasons


def _needed(key: str, name: str) -> str:
    weights = METRIC_WEIGHTS[name]
    return f"fetch {weights.file} from {weights.url} and say where it is by evaluate.{key}"


@dataclass(frozen=True)
class EvaluationPlan:
    """How clips are measured.

    Args:
        data: the folder `data`.
        dataset: its name.
        generated: `results/<experiment>/generate`.
        cache: folder of features kept by content.
        reference_masks: `truth` (the dataset's own) or `parsed`.
        parser: names regions in generated frames.
        expert: sync expert of the image domain.
        weights: published weights.
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
    parser: ParserChoice
    expert: Path
    weights: WeightFiles
    fps: int
    sample_rate_hz: int
    mel_rate: float
    smooth_frames: int
    batch_size: int


@functools.lru_cache(maxsize=1)
def load_instruments(plan: EvaluationPlan) -> Instruments:
    """Reads the networks once a process. One thread: sums come out the same whatever the machine.

    Raises:
        MissingWeightsError: a file that the params name is not there.
        BadInputError: it holds something else.
    """
    torch.set_num_threads(1)
    files = plan.weights
    return Instruments(
        parser=load_parser(plan.parser),
        expert=load_net(plan.expert, "sync_expert", SyncExpert),
        seeded=SeededFeatures(),
        alex=LpipsAlex(files.lpips_trunk, files.lpips_heads) if files.lpips_trunk and files.lpips_heads else None,
        inception=FidInception(files.fid) if files.fid else None,
        syncnet=load_syncnet(files.syncnet) if files.syncnet else None,
        face_net=load_mobilefacenet(files.identity) if files.identity else None,
    )


@dataclass
class _Row:
    """One method's video of the clip and what has been measured of it so far."""

    frames: ImagePack
    masks: ImagePack | None
    tracks: dict[Track, list[np.ndarray]]
    previous: np.ndarray | None = None
    failure: str = ""

    def read(self, numbers: Sequence[int], context: int, tools: Instruments) -> Pictures:
        """The next stretch, with the end of the one before."""
        own = self.frames.read(numbers)
        before = own[:0] if self.previous is None else self.previous[-context:]
        frames = np.concatenate([before, own])
        self.previous = frames
        return Pictures(frames, len(before), tools)


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


def _open_row(plan: EvaluationPlan, clip: Clip, method: str, tracks: Sequence[Track]) -> _Row:
    """A method's video; one that is missing, or of another length, is a row that has failed already."""
    folder = plan.generated / method / clip.clip_id
    masks = ImagePack(folder / "masks.zip") if (folder / "masks.zip").is_file() else None
    row = _Row(ImagePack(folder / "frames.zip"), masks, {track: [] for track in tracks})
    try:
        lengths = [len(pack) for pack in (row.frames, row.masks) if pack is not None]
    except BadInputError as error:
        row.failure = str(error)
    else:
        if set(lengths) != {len(clip.frames)}:
            row.failure = f"{folder}: {lengths} frames and masks where the clip has {len(clip.frames)}"
    return row


def _measure(row: _Row, stretch: Stretch) -> None:
    for track, values in row.tracks.items():
        values.append(MEASURE[track](stretch))


def _stretches(count: int, size: int) -> Iterator[list[int]]:
    return (list(range(first, min(first + size, count))) for first in range(0, count, size))


@torch.inference_mode()
def measure_clip(
    plan: EvaluationPlan, tools: Instruments, clip: Clip, speaker: Speaker, rows: Mapping[str, _Row]
) -> None:
    """Fills the tracks of every row; the stretch of the reference is read and computed once for all of them."""
    reference_masks = _reference_masks(plan, clip)
    truth = rows[GROUND_TRUTH]
    for numbers in _stretches(len(clip.frames), plan.batch_size):
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
    assert metric.value is not None
    try:
        value = metric.value(values)
    except NotMeasurable as reason:
        return {"value": None, "reason": str(reason)}
    is_number = math.isfinite(value)
    return {"value": value if is_number else None, "reason": "" if is_number else f"the measurement is {value}"}


def _scores(tracks: Tracks, missing: Mapping[Track, str]) -> dict[str, dict]:
    return {
        metric.name: _score(metric, tracks.get(metric.track), missing.get(metric.track, ""))
        for metric in METRICS
        if metric.value is not None
    }


def _cached_features(plan: EvaluationPlan, clip: Clip) -> tuple[FeatureCache, str] | None:
    """Where the reference's features by the large network are kept."""
    if plan.weights.fid is None:
        return None
    key = feature_key(file_sha256(clip.frames.path), "fid_inception_legacy", file_sha256(plan.weights.fid))
    return FeatureCache(plan.cache), key


def _keep_features(cache: FeatureCache, key: str, known: np.ndarray | None, tracks: Tracks) -> None:
    """Adds the features known of the reference to its tracks, or keeps those that were measured now."""
    if known is None:
        features = tracks["features_inception"]
        assert isinstance(features, np.ndarray)
        cache.save(key, features)
    else:
        tracks["features_inception"] = known


def _open_rows(plan: EvaluationPlan, clip: Clip, methods: Sequence[str], known: np.ndarray | None) -> dict[str, _Row]:
    missing = plan.weights.missing()
    tracks = [track for track in MEASURE if track not in missing]
    own = [track for track in tracks if known is None or track != "features_inception"]
    truth = _Row(clip.frames, None, {track: [] for track in own})
    return {GROUND_TRUTH: truth} | {method: _open_row(plan, clip, method, tracks) for method in methods}


def evaluate_clip(plan: EvaluationPlan, row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Measures one clip by every method; for `segtalker.clip_runner.run_clips`.

    Args:
        plan: how.
        row: `clip_id`, `subject` and `methods`, names with spaces between.
        folder: gets `scores.json` and `features.npz`.

    Returns:
        The number of frames.

    Raises:
        BadClipError: the clip itself cannot be measured. A method that cannot is noted in `scores.json`.
    """
    tools = load_instruments(plan)
    clip = open_clip(plan, row["clip_id"], row["subject"])
    speaker = _speaker(plan, clip)
    if len({len(clip.frames), len(clip.masks), len(speaker.landmarks)}) > 1:
        raise BadClipError("frames, masks and landmarks differ in number")
    cached = _cached_features(plan, clip)
    known = cached[0].load(cached[1]) if cached else None
    rows = _open_rows(plan, clip, row["methods"].split(), known)
    measure_clip(plan, tools, clip, speaker, rows)
    tracks = {method: finish_tracks(made, speaker, tools) for method, made in rows.items() if not made.failure}
    if cached:
        _keep_features(*cached, known, tracks[GROUND_TRUTH])
    _write(folder, rows, tracks, plan.weights.missing())
    return {"frames": len(clip.frames)}


def _write(
    folder: Path,
    rows: Mapping[str, _Row],
    tracks: Mapping[str, Tracks],
    missing: Mapping[Track, str],
) -> None:
    scores = {method: _scores(measured, missing) for method, measured in tracks.items()}
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


def open_clip(plan: EvaluationPlan, clip_id: str, subject: str) -> Clip:
    """The clip behind a row."""
    folders = [plan.data / stage / plan.dataset / "clips" / clip_id for stage in ("crop", "parse", "gate")]
    return Clip(clip_id, subject, "test", *folders)
