"""Whether each system is better than the baseline, metric by metric and in each area of the picture."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from segtalker.reporting.tables.formats import (
    decimals,
    escape_latex,
    interval_cell,
    latex_heading,
    markdown_heading,
    show_interval,
)
from segtalker.reporting.tables.intervals import Bootstrap, Interval, clip_matrix, measure
from segtalker.reporting.tables.methods import BASELINE
from segtalker.reporting.tables.scores import Metric, Scores

VERDICT_COLUMNS = (
    "metric", "area", "method", "against", "difference", "low", "high", "clips", "subjects", "verdict"
)  # fmt: skip
BETTER, WORSE, EVEN = "better", "worse", "not told apart"
_RATIO = "of the reference's"  # a metric that is best at 1
VERDICTS_NOTE = (
    f"A system less `{BASELINE}`, paired clip by clip; `{BETTER}` and `{WORSE}` where the interval leaves 0 out. What"
    " is a ratio to the recording's own is compared by its distance from 1."
)


def has_target(metric: Metric) -> bool:
    """Whether one value of it is better than another."""
    return metric.higher_is_better is not None or metric.unit == _RATIO


def _is_better(metric: Metric, one: Interval) -> bool:
    return (one.low > 0) == bool(metric.higher_is_better)


def _verdict(metric: Metric, one: Interval) -> str:
    if not one.is_known:
        return ""
    if not one.excludes_zero:
        return EVEN
    return BETTER if _is_better(metric, one) else WORSE


def verdict_table(scores: Scores, how: Bootstrap) -> pd.DataFrame:
    """Each system less the baseline: `VERDICT_COLUMNS`; no rows where there is no baseline.

    Args:
        scores: of the experiment.
        how: intervals are found.
    """
    wide, subjects = clip_matrix(scores)
    measured_columns = set(wide.columns)
    pairs = [
        (method.name, metric)
        for metric in scores.all_areas
        for method in scores.methods
        if has_target(metric)
        and method.role == "system"
        and method.name != BASELINE
        and {(method.name, metric.name), (BASELINE, metric.name)} <= measured_columns
    ]
    rows = list[dict]()
    if pairs:
        columns = [_gap(wide, metric, method) - _gap(wide, metric, BASELINE) for method, metric in pairs]
        for (method, metric), one in zip(pairs, measure(np.stack(columns, axis=1), subjects, how), strict=True):
            if one.clips:
                numbers = {"difference": one.mean, "low": one.low, "high": one.high}
                counts = {"clips": one.clips, "subjects": one.subjects}
                about = {"metric": metric.whole, "area": metric.area, "method": method, "against": BASELINE}
                rows.append(about | numbers | counts | {"verdict": _verdict(metric, one)})
    return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))


def _gap(wide: pd.DataFrame, metric: Metric, method: str) -> np.ndarray:
    """A method's values of the clips, `(N,)`; of a ratio how far it is from 1."""
    values = wide[method, metric.name].to_numpy(float)
    return np.abs(values - 1.0) if metric.unit == _RATIO else values


def verdict_rows(
    verdicts: pd.DataFrame, scores: Scores, heading: Callable[[Metric], str], small: Callable[[str], str]
) -> pd.DataFrame:
    """The same as text: a row a metric, a column a system; a cell says the difference, its interval and the verdict."""
    systems = list(dict.fromkeys(verdicts["method"]))
    cells = {(row["metric"], row["area"], row["method"]): row for row in verdicts.to_dict("records")}
    rows = []
    for metric in scores.all_areas:
        own = [cells.get((metric.whole, metric.area, system)) for system in systems]
        if any(own):
            digits = decimals(pd.Series([row["difference"] for row in own if row]))
            rows.append([heading(metric), *(_cell(row, digits, small) for row in own)])
    return pd.DataFrame(rows, columns=["metric", *systems], dtype=str)


def _cell(row: dict | None, digits: int, small: Callable[[str], str]) -> str:
    if row is None:
        return ""
    one = Interval(row["difference"], row["low"], row["high"], row["clips"], row["subjects"])
    return f"{interval_cell(*show_interval(one, digits, '+'), ('', ''), small)} {row['verdict']}".strip()


def verdict_heading(metric: Metric) -> str:
    """A metric, and of a ratio what is compared."""
    return "distance from 1 of " + markdown_heading(metric) if metric.unit == _RATIO else markdown_heading(metric)


def verdict_latex_heading(metric: Metric) -> str:
    """The same for a paper."""
    return f"distance from 1 of {escape_latex(metric.name)}" if metric.unit == _RATIO else latex_heading(metric)
