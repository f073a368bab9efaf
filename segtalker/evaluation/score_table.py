"""From what was measured of each clip to one long table of scores."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segtalker.evaluation.clip import FEATURES_FILE, GROUND_TRUTH, SCORES_FILE
from segtalker.evaluation.metric_nets import InstrumentChoice
from segtalker.metrics.functional import Moments, frechet_distance, kernel_distance
from segtalker.metrics.registry import METRICS, Metric, Track, chosen_metrics
from segtalker.utils.atomic import atomic_file

SCORE_COLUMNS = ("clip_id", "subject", "method", "metric", "value", "reason")
FAILURE_COLUMNS = ("clip_id", "method", "source", "reason")
_DIGITS = "%.7g"
_KERNEL_FRAMES = 10_000


@dataclass(frozen=True)
class MeasuredClip:
    """Results of one clip.

    Args:
        clip_id: its name.
        subject: who speaks.
        source: where it came from.
        folder: holds `scores.json` and `features.npz`.
    """

    clip_id: str
    subject: str
    source: str
    folder: Path

    def read(self) -> dict[str, Any]:
        """`scores` by method and metric, and `failures` by method."""
        return json.loads((self.folder / SCORES_FILE).read_text(encoding="utf-8"))

    def features(self, method: str, track: Track) -> np.ndarray | None:
        """Features of a method's frames, `(T, D)`, or None where it has none."""
        with np.load(self.folder / FEATURES_FILE) as arrays:
            return arrays.get(f"{method}/{track}")


def clip_scores(clips: Sequence[MeasuredClip]) -> tuple[list[dict], list[dict]]:
    """Scores of each clip, method and metric, and the methods that failed on a clip."""
    scores, failures = [], []
    for clip in clips:
        content = clip.read()
        for method, reason in content["failures"].items():
            failures.append({"clip_id": clip.clip_id, "method": method, "source": clip.source, "reason": reason})
        for method, values in content["scores"].items():
            about = {"clip_id": clip.clip_id, "subject": clip.subject, "method": method}
            scores += [about | {"metric": metric} | score for metric, score in values.items()]
    return scores, failures


def moments(clips: Iterable[MeasuredClip], method: str, track: Track) -> Moments | None:
    """Moments of a method's features over all clips, one clip in memory at a time; None where there are none."""
    total = None
    for clip in clips:
        features = clip.features(method, track)
        if features is not None:
            total = Moments.of(features) if total is None else total + Moments.of(features)
    return total


def _frechet(clips: Sequence[MeasuredClip], method: str, track: Track) -> float | None:
    reference, found = moments(clips, GROUND_TRUTH, track), moments(clips, method, track)
    if reference is None or found is None or min(reference.count, found.count) < 2:
        return None
    return max(frechet_distance(reference, found), 0.0)  # rounding takes a set's distance to itself a hair below


def spread_features(clips: Sequence[MeasuredClip], method: str, track: Track, limit: int) -> np.ndarray:
    """At most `limit` features of a method, evenly spread over all its frames, `(N, D)`."""
    lengths = [0 if (found := clip.features(method, track)) is None else len(found) for clip in clips]
    total = sum(lengths)
    chosen = np.unique(np.linspace(0, total - 1, min(limit, total)).round().astype(int))
    starts = np.cumsum([0, *lengths])
    parts = []
    for clip, first, last in zip(clips, starts[:-1], starts[1:], strict=True):
        found = clip.features(method, track) if last > first else None
        if found is not None:
            parts.append(found[chosen[(chosen >= first) & (chosen < last)] - first])
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def _kernel(clips: Sequence[MeasuredClip], method: str, track: Track) -> float | None:
    reference, found = (spread_features(clips, name, track, _KERNEL_FRAMES) for name in (GROUND_TRUTH, method))
    if min(len(reference), len(found)) < 2:
        return None
    return kernel_distance(reference, found)


_DISTANCES: dict[str, Callable[[Sequence[MeasuredClip], str, Track], float | None]] = {
    "frechet": _frechet,
    "kernel": _kernel,
}


def dataset_scores(clips: Sequence[MeasuredClip], methods: Sequence[str], choice: InstrumentChoice) -> list[dict]:
    """Scores of whole sets of frames: distances of their features to the ground truth's."""
    rows, missing = [], choice.missing()
    for metric in chosen_metrics(choice.stand_ins):
        if callable(metric.value):
            continue
        for method in methods:
            # a method that lost a clip is compared with the reference of the clips it has
            own = [] if metric.track in missing else [clip for clip in clips if method in clip.read()["scores"]]
            value = _DISTANCES[metric.value](own, method, metric.track)
            reason = missing.get(metric.track, "fewer than two frames")
            rows.append(_dataset_row(method, metric, value, reason))
    return rows


def _dataset_row(method: str, metric: Metric, value: float | None, reason: str) -> dict:
    about = {"clip_id": "", "subject": "", "method": method, "metric": metric.name}
    if value is not None and not math.isfinite(value):
        value, reason = None, f"the distance is {value}"
    return about | {"value": value, "reason": reason if value is None else ""}


def score_table(rows: Sequence[dict], methods: Sequence[str]) -> pd.DataFrame:
    """The long table, `SCORE_COLUMNS`, in order of method and metric, then clip."""
    table = pd.DataFrame(list(rows), columns=list(SCORE_COLUMNS)).astype({"value": float})
    order = {name: index for index, name in enumerate([*methods, *(metric.name for metric in METRICS)])}
    table["rank"] = table["method"].map(order) * len(order) + table["metric"].map(order)
    return table.sort_values(["rank", "clip_id"], kind="stable", ignore_index=True).drop(columns="rank")


def write_scores(path: Path, table: pd.DataFrame) -> None:
    """Writes the long table atomically; seven digits, the same bytes for the same numbers."""
    with atomic_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format=_DIGITS)


def mean_scores(table: pd.DataFrame) -> dict[str, float]:
    """Mean over clips of each `<method>/<metric>` that has any value."""
    means = table.groupby(["method", "metric"], sort=False)["value"].mean()
    names = ["/".join(pair) for pair in means.index]
    return {name: float(value) for name, value in zip(names, means, strict=True) if math.isfinite(value)}
