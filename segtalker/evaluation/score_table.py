"""From what was measured of each clip to one long table of scores."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segtalker.evaluation.clip import FEATURES_FILE, GROUND_TRUTH, SCORES_FILE, TRUTH_HALVES, TRUTH_MOMENTS
from segtalker.evaluation.metric_nets import MetricNetsConfig
from segtalker.evaluation.result_files import SCORE_COLUMNS
from segtalker.metrics.catalogue import all_metrics, chosen_metrics
from segtalker.metrics.distribution import FeatureSet
from segtalker.metrics.registry import FrameMeasure, Metric, NotMeasurable
from segtalker.utils.atomic import atomic_file

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

    def features(self, method: str, measure: FrameMeasure) -> np.ndarray:
        """Features of a method's frames, `(T, D)`."""
        with np.load(self.folder / FEATURES_FILE) as arrays:
            return arrays[f"{method}/{measure.name}"]


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


def halves(clips: Sequence[MeasuredClip]) -> tuple[list[MeasuredClip], list[MeasuredClip]]:
    """The clips of one half of the people, and of the other.

    People are dealt A B B A in the order of their names: neither what comes by turns in it, as women and men do in the
    embedded dataset, nor what comes in blocks lies on one side.
    """
    people = sorted({clip.subject for clip in clips})
    first = {person for place, person in enumerate(people) if place % 4 in (0, 3)}
    return [clip for clip in clips if clip.subject in first], [clip for clip in clips if clip.subject not in first]


def dataset_scores(clips: Sequence[MeasuredClip], methods: Sequence[str], nets: MetricNetsConfig) -> list[dict]:
    """Scores of whole sets of frames: distances of their features to the ground truth's.

    The rows `TRUTH_HALVES` and `TRUTH_MOMENTS` say how far the truth is from itself, of other people and of the same
    people at other moments.
    """
    scores_by_clip = {clip: clip.read()["scores"] for clip in clips}

    @cache  # its moments are computed once for all methods that have the same clips
    def reference_set(measure: FrameMeasure, clip_set: tuple[MeasuredClip, ...]) -> FeatureSet:
        return _feature_set(clip_set, GROUND_TRUTH, measure)

    rows = []
    for metric in (metric for metric in chosen_metrics(nets.stand_ins) if metric.scope == "dataset"):
        missing = nets.missing(metric.measure.needs)
        for method in methods:
            # a method that lost a clip is compared with the reference of the clips it has
            own = tuple(clip for clip, scores in scores_by_clip.items() if method in scores)
            reference = reference_set(metric.measure, own)
            video = reference if method == GROUND_TRUTH else _feature_set(own, method, metric.measure)
            rows.append(_dataset_row(method, metric, reference, video, missing))
        parts = halves(clips)
        reason = missing or ("" if all(parts) else "a single person was tested")
        first, other = (_feature_set(part, GROUND_TRUTH, metric.measure) for part in parts)
        rows.append(_dataset_row(TRUTH_HALVES, metric, first, other, reason))
        rows.append(_dataset_row(TRUTH_MOMENTS, metric, *_moments(() if missing else clips, metric.measure), missing))
    return rows


def _moments(clips: Sequence[MeasuredClip], measure: FrameMeasure) -> tuple[FeatureSet, FeatureSet]:
    """Of the recordings: the first half of every clip of two frames and more, and its second."""

    def part(clip: MeasuredClip, second: bool) -> np.ndarray:
        features = clip.features(GROUND_TRUTH, measure)
        middle = len(features) // 2
        return features[middle:] if second else features[:middle]

    divisible_clips = [clip for clip in clips if len(clip.features(GROUND_TRUTH, measure)) > 1]
    first, second = ([partial(part, clip, is_second) for clip in divisible_clips] for is_second in (False, True))
    return FeatureSet(first), FeatureSet(second)


def _feature_set(clips: Sequence[MeasuredClip], method: str, measure: FrameMeasure) -> FeatureSet:
    return FeatureSet([partial(clip.features, method, measure) for clip in clips])


def _dataset_row(method: str, metric: Metric, reference: FeatureSet, video: FeatureSet, missing: str) -> dict:
    value, reason = None, missing
    if not missing:
        try:
            value = metric.value(reference, video)
        except NotMeasurable as error:
            reason = str(error)
    if value is not None and not math.isfinite(value):
        value, reason = None, f"the distance is {value}"
    about = {"clip_id": "", "subject": "", "method": method, "metric": metric.name}
    return about | {"value": value, "reason": reason}


def score_table(rows: Sequence[dict], methods: Sequence[str]) -> pd.DataFrame:
    """The long table, `SCORE_COLUMNS`, in order of method and metric, then clip."""
    table = pd.DataFrame(list(rows), columns=list(SCORE_COLUMNS)).astype({"value": float})
    names = [*methods, TRUTH_HALVES, TRUTH_MOMENTS, *(metric.name for metric in all_metrics())]
    order = {name: index for index, name in enumerate(names)}
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
