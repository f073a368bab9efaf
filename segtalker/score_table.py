"""From what was measured of each clip to one long table of scores."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segtalker.atomic import atomic_file
from segtalker.evaluation import FEATURES_FILE, GROUND_TRUTH, SCORES_FILE
from segtalker.metrics.functional import Moments, frechet_distance
from segtalker.metrics.registry import METRICS, Metric, Track

SCORE_COLUMNS = ("clip_id", "subject", "method", "metric", "value", "reason")
FAILURE_COLUMNS = ("clip_id", "method", "source", "reason")
_DIGITS = "%.7g"


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


def _distance(reference: Moments | None, found: Moments | None) -> float | None:
    if reference is None or found is None or min(reference.count, found.count) < 2:
        return None
    return frechet_distance(reference, found)


def dataset_scores(clips: Sequence[MeasuredClip], methods: Sequence[str], missing: Mapping[Track, str]) -> list[dict]:
    """Scores of whole sets of frames: Fréchet distances to the ground truth's."""
    rows = []
    for metric in (metric for metric in METRICS if metric.value is None):
        reference = moments(clips, GROUND_TRUTH, metric.track)
        for method in methods:
            value = _distance(reference, moments(clips, method, metric.track))
            reason = missing.get(metric.track, "fewer than two frames")
            rows.append(_dataset_row(method, metric, value, reason))
    return rows


def _dataset_row(method: str, metric: Metric, value: float | None, reason: str) -> dict:
    about = {"clip_id": "", "subject": "", "method": method, "metric": metric.name}
    if value is not None and not math.isfinite(value):
        value, reason = None, f"the distance is {value}"
    # rounding takes the distance of a set to itself a hair below zero
    return about | {"value": value if value is None else max(value, 0.0), "reason": reason if value is None else ""}


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
