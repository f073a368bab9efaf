"""Whether two runs of one experiment came to the same numbers.

On one kind of processor with the same libraries they have to be equal. Elsewhere the last bits of a training differ,
and what that does to a score is not known beforehand. It may then be off by no more than the test people can tell: half
the width of the interval of the first run's mean.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from segtalker.reporting.tables.intervals import Uncertainty
from segtalker.reporting.tables.scores import Scores

Match = Literal["equal", "within", "differs", "missing", "not judged"]
AGREEMENT_COLUMNS = ("method", "metric", "unit", "theirs", "ours", "difference", "tolerance", "match")
_KEYS = ["clip_id", "method", "metric"]
_BAD: tuple[Match, ...] = ("differs", "missing")


@dataclass(frozen=True)
class Agreement:
    """Two runs held against each other.

    Args:
        table: `AGREEMENT_COLUMNS`, a row for each method and metric that one of them measured; NaN where a run has no
            value, or a score has no interval and so no tolerance.
        clip_values: how many values of single clips either has.
        equal_clip_values: how many of them are equal.
    """

    table: pd.DataFrame
    clip_values: int
    equal_clip_values: int

    def count(self, *matches: Match) -> int:
        """How many scores came out so."""
        return int(self.table["match"].isin(matches).sum())

    @property
    def is_equal(self) -> bool:
        """Whether every score of a clip, and so every mean, is the same number."""
        return self.count("equal") == len(self.table) > 0 and self.equal_clip_values == self.clip_values

    @property
    def is_match(self) -> bool:
        """Whether something could be judged, and nothing is off by more than the tolerance or missing."""
        return self.count("equal", "within") > 0 and self.count(*_BAD) == 0

    def worth_showing(self, method: str, metrics: Collection[str]) -> pd.DataFrame:
        """These scores of one method, and all others that do not match."""
        is_asked = (self.table["method"] == method) & self.table["metric"].isin(metrics)
        return self.table[is_asked | self.table["match"].isin(_BAD)]


def compare_scores(theirs: Scores, uncertainty: Uncertainty, ours: Scores, is_exact: bool) -> Agreement:
    """Holds what a run was reproduced as against it.

    Args:
        theirs: scores of the first run.
        uncertainty: of them.
        ours: scores of the run that repeats it.
        is_exact: whether the numbers have to be equal: the tolerance of every score is 0 then.
    """
    rows = list(_rows(theirs, uncertainty, ours, is_exact))
    both = pd.merge(
        theirs.values[[*_KEYS, "value"]], ours.values[[*_KEYS, "value"]], "outer", on=_KEYS, suffixes=("", "_ours")
    )
    is_equal = (both["value"] == both["value_ours"]) | (both["value"].isna() & both["value_ours"].isna())
    return Agreement(pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS)), len(both), int(is_equal.sum()))


def _rows(theirs: Scores, uncertainty: Uncertainty, ours: Scores, is_exact: bool) -> Iterator[tuple]:
    their_means, our_means = (scores.means().to_dict("index") for scores in (theirs, ours))
    metrics = {metric.name: metric for scores in (ours, theirs) for metric in scores.metrics}
    methods = dict.fromkeys(method.name for scores in (theirs, ours) for method in scores.methods)
    for method in methods:
        for name, metric in metrics.items():
            first, second = (means.get(method, {}).get(name, math.nan) for means in (their_means, our_means))
            if math.isnan(first) and math.isnan(second):
                continue
            interval = uncertainty.interval(method, name)
            tolerance = 0.0 if is_exact else (interval.high - interval.low) / 2 if interval else math.nan
            match = _match(first, second, tolerance)
            yield method, name, metric.unit, first, second, second - first, tolerance, match


def _match(theirs: float, ours: float, tolerance: float) -> Match:
    if math.isnan(theirs) or math.isnan(ours):
        return "missing"
    if theirs == ours:
        return "equal"
    if math.isnan(tolerance):
        return "not judged"
    return "within" if abs(ours - theirs) <= tolerance else "differs"
