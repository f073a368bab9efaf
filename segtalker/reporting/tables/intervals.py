"""How sure the tables are: intervals of every mean, and paired differences between methods."""

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segtalker.reporting.tables.methods import Method
from segtalker.reporting.tables.scores import Metric, Scores

_SEED = 0
MIN_SUBJECTS = 2
_COLUMNS_AT_ONCE = 256


@functools.lru_cache(maxsize=4)
def subject_draws(subjects: int, draws: int) -> np.ndarray:
    """How often each subject is drawn: `(draws, subjects)` float64, rows sum to `subjects`; always the same draws."""
    shares = np.full(subjects, 1.0 / subjects)
    return np.random.default_rng(_SEED).multinomial(subjects, shares, size=draws).astype(np.float64)


def stretch(subjects: int, confidence: float) -> float:
    """How much wider an interval over so few people has to be: 1.9 for 4 of them, 1.1 for 20, towards 1."""
    upper = (1.0 + confidence) / 2.0
    student = float(stats.t.ppf(upper, subjects - 1)) / float(stats.norm.ppf(upper))
    return student * math.sqrt(subjects / (subjects - 1))


def cluster_intervals(values: np.ndarray, subjects: np.ndarray, draws: int, confidence: float) -> np.ndarray:
    """Intervals of the mean over clips of each column; those of few people may reach beyond what can be measured.

    Columns that the same people have values in share their draws, so a column of differences is a paired comparison.

    Args:
        values: `(N, K)` float, a clip a row; NaN where a clip has no value.
        subjects: who speaks in each clip, `(N,)` of any type that sorts.
        draws: how often people are drawn anew.
        confidence: how often an interval is to hold the true mean, in (0, 1).

    Returns:
        Lower and upper ends, `(2, K)`; NaN for a column with values of fewer than `MIN_SUBJECTS` people.
    """
    assert values.ndim == 2, values.shape
    assert subjects.shape == values.shape[:1], subjects.shape
    people, who = np.unique(subjects, return_inverse=True)
    is_finite = np.isfinite(values)
    sums, counts = np.zeros((2, len(people), values.shape[1]))
    np.add.at(sums, who, np.where(is_finite, values, 0.0))
    np.add.at(counts, who, is_finite)
    limits = np.full((2, values.shape[1]), np.nan)
    patterns, pattern = np.unique(counts > 0, axis=1, return_inverse=True)
    tail = (1.0 - confidence) / 2.0
    for index, present in enumerate(patterns.T):
        if present.sum() < MIN_SUBJECTS:
            continue
        draw_counts = subject_draws(int(present.sum()), draws)
        columns = np.flatnonzero(pattern == index)
        # some columns at once: a draw of thousands of them takes gigabytes
        for some in np.split(columns, range(_COLUMNS_AT_ONCE, len(columns), _COLUMNS_AT_ONCE)):
            cells = np.ix_(present, some)
            means = (draw_counts @ sums[cells]) / (draw_counts @ counts[cells])
            mean = sums[cells].sum(axis=0) / counts[cells].sum(axis=0)
            ends = np.quantile(means, [tail, 1.0 - tail], axis=0)
            limits[:, some] = mean + stretch(int(present.sum()), confidence) * (ends - mean)
    return limits


INTERVAL_COLUMNS = ("method", "metric", "mean", "low", "high", "clips", "subjects")
DIFFERENCE_COLUMNS = ("method", "against", "metric", "difference", "low", "high", "clips", "subjects", "differs")
_DECIMALS = 6  # as written: what is 0 in the file is 0 here


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are found.

    Args:
        draws: how often people are drawn anew.
        confidence: in (0, 1).
    """

    draws: int
    confidence: float

    @property
    def percent(self) -> str:
        """The level for people: `95 %`."""
        return f"{100 * self.confidence:g} %"


@dataclass(frozen=True)
class Interval:
    """A mean, or a mean of differences, with its interval.

    Args:
        mean: over `clips`.
        low: lower end, NaN where there is no interval.
        high: upper end.
        clips: how many have a value.
        subjects: of how many people.
    """

    mean: float
    low: float
    high: float
    clips: int
    subjects: int

    @property
    def is_known(self) -> bool:
        """Whether there is an interval at all."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside; False where there is no interval."""
        return self.low > 0 or self.high < 0


def measure(values: np.ndarray, subjects: np.ndarray, how: Bootstrap) -> list[Interval]:
    """The mean and interval of each column of `(N, K)` values; `subjects` says whose clip each row is, `(N,)`."""
    is_finite = np.isfinite(values)
    clips = is_finite.sum(axis=0)
    means = np.where(is_finite, values, 0.0).sum(axis=0) / np.where(clips, clips, np.nan)
    limits = cluster_intervals(values, subjects, how.draws, how.confidence)
    low, high = limits.round(_DECIMALS)
    return [
        Interval(float(means[k]), float(low[k]), float(high[k]), int(clips[k]), len(set(subjects[is_finite[:, k]])))
        for k in range(values.shape[1])
    ]


@dataclass(frozen=True)
class Uncertainty:
    """Intervals and paired differences of one set of scores.

    Args:
        how: they were found.
        intervals: `INTERVAL_COLUMNS`; a metric of the whole set has neither interval nor clips.
        differences: `DIFFERENCE_COLUMNS`, on the clips both methods have.
    """

    how: Bootstrap
    intervals: pd.DataFrame
    differences: pd.DataFrame

    @cached_property
    def _by_method(self) -> dict[tuple[str, str], Interval]:
        rows = self.intervals.dropna(subset=["clips"]).to_dict("records")
        return {(row["method"], row["metric"]): _interval(row, "mean") for row in rows}

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str, str], Interval]:
        rows = self.differences.to_dict("records")
        return {(row["method"], row["against"], row["metric"]): _interval(row, "difference") for row in rows}

    def interval(self, method: str, metric: str) -> Interval | None:
        """Of a method's mean; None where nothing was measured clip by clip."""
        return self._by_method.get((method, metric))

    def difference(self, method: str, against: str, metric: str) -> Interval | None:
        """Of what a method has more than another; None where they share no clip."""
        return self._by_pair.get((method, against, metric))

    def beats(self, method: str, other: str, metric: Metric) -> bool:
        """Whether a method is better than another by a difference whose interval excludes 0."""
        method_difference = self.difference(method, other, metric.name)
        if method_difference is None or not method_difference.excludes_zero or metric.higher_is_better is None:
            return False
        return (method_difference.low > 0) == metric.higher_is_better


def _interval(row: dict, mean: str) -> Interval:
    return Interval(row[mean], row["low"], row["high"], int(row["clips"]), int(row["subjects"]))


def clip_matrix(scores: Scores) -> tuple[pd.DataFrame, np.ndarray]:
    """Values of the clips, `(method, metric)` by column, and whose each row is, `(N,)`."""
    rows = scores.values[scores.values["clip_id"] != ""]
    wide = rows.pivot(index=["subject", "clip_id"], columns=["method", "metric"], values="value")
    return wide, wide.index.get_level_values("subject").to_numpy(dtype=str)


def interval_table(scores: Scores, how: Bootstrap) -> pd.DataFrame:
    """Every mean with its interval: `INTERVAL_COLUMNS`, only what was measured."""
    wide, subjects = clip_matrix(scores)
    column_intervals: dict[Any, Interval] = dict(
        zip(wide.columns, measure(wide.to_numpy(float), subjects, how), strict=True)
    )
    means = {str(name): column.to_dict() for name, column in scores.means().items()}
    rows = list[dict[str, Any]]()
    for method in scores.methods:
        for metric in scores.metrics:
            about = {"method": method.name, "metric": metric.name}
            one, mean = column_intervals.get((method.name, metric.name)), means[metric.name][method.name]
            if one is not None and one.clips:
                rows.append(about | _cells(one, "mean"))
            elif math.isfinite(mean):
                rows.append(about | {"mean": mean})
    return _typed(rows, INTERVAL_COLUMNS)


def group_table(scores: Scores, clips: pd.DataFrame, names: Sequence[str], how: Bootstrap) -> pd.DataFrame:
    """Means and intervals of the clips of each emotion, level and the like: `by,group` and `INTERVAL_COLUMNS`.

    Args:
        scores: all of them.
        clips: the table `clips.csv` of `evaluate`, text.
        names: columns of it that may group clips; those it lacks, or has empty, are passed over.
        how: intervals are found.
    """
    group_frames = [_typed([], INTERVAL_COLUMNS).assign(by="", group="")]
    for name in (name for name in names if name in clips.columns):
        for group, members in clips[clips[name] != ""].groupby(name, sort=True):
            part = scores.values[scores.values["clip_id"].isin(set(members["clip_id"]))]
            table = interval_table(Scores(part, scores.metrics, scores.methods), how)
            group_frames.append(table.assign(by=name, group=str(group)))
    return pd.concat(group_frames, ignore_index=True)[["by", "group", *INTERVAL_COLUMNS]]


def _cells(one: Interval, mean: str) -> dict[str, Any]:
    return {mean: one.mean, "low": one.low, "high": one.high, "clips": one.clips, "subjects": one.subjects}


def _typed(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A table whose counts may be missing."""
    table = pd.DataFrame(rows, columns=list(columns))
    numbers = [name for name in ("mean", "difference", "low", "high") if name in columns]
    return table.astype(dict.fromkeys(numbers, float) | dict.fromkeys(("clips", "subjects"), "Int64"))


def rivals(methods: Iterable[Method]) -> list[str]:
    """Whom every method is held against: systems and controls."""
    return [method.name for method in methods if method.role in ("system", "control")]


def difference_table(scores: Scores, how: Bootstrap) -> pd.DataFrame:
    """What each method has more than each system and control, clip by clip: `DIFFERENCE_COLUMNS`.

    Both are drawn with the same people. `differs` is empty where there is no interval.
    """
    wide, subjects = clip_matrix(scores)
    measured_columns = set(wide.columns)
    triples = [
        (method.name, other, metric.name)
        for method in scores.methods
        for other in rivals(scores.methods)
        for metric in scores.metrics
        if method.name != other and {(method.name, metric.name), (other, metric.name)} <= measured_columns
    ]
    if not triples:
        return _typed([], DIFFERENCE_COLUMNS)
    columns = [(wide[method, metric] - wide[other, metric]).to_numpy(float) for method, other, metric in triples]
    rows = []
    for (method, other, metric), one in zip(triples, measure(np.stack(columns, 1), subjects, how), strict=True):
        if one.clips:
            about = {"method": method, "against": other, "metric": metric}
            differs = str(one.excludes_zero).lower() if one.is_known else ""
            rows.append(about | _cells(one, "difference") | {"differs": differs})
    return _typed(rows, DIFFERENCE_COLUMNS)


def find_uncertainty(scores: Scores, how: Bootstrap) -> Uncertainty:
    """Intervals and paired differences of all scores of an experiment."""
    return Uncertainty(how, interval_table(scores, how), difference_table(scores, how))
