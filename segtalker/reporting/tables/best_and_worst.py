"""The system clip by clip: which clips it does best and worst on."""

import pandas as pd

from segtalker.reporting.tables.formats import decimals, show_number
from segtalker.reporting.tables.scores import Metric, Scores

_LEAST = 3  # clips, for a best and a worst among them


def clip_table(scores: Scores, names: tuple[str, ...]) -> pd.DataFrame:
    """Scores of the system on each clip: `clip,subject` and the named metrics, the worst by the first of them first.

    Metrics that were measured on no clip have no column.
    """
    rows = scores.values[(scores.values["method"] == scores.system.name) & (scores.values["clip_id"] != "")]
    wide = rows.pivot(index=["clip_id", "subject"], columns="metric", values="value")
    metric_names = [name for name in names if name in wide.columns and wide[name].notna().any()]
    table = wide[metric_names]
    if metric_names:
        metric = next(metric for metric in scores.metrics if metric.name == metric_names[0])
        table = table.sort_values(metric_names[0], ascending=metric.higher_is_better is not False, kind="stable")
    return table.rename_axis(columns=None).reset_index().rename(columns={"clip_id": "clip"})


def extreme_clips(scores: Scores, names: tuple[str, ...]) -> dict[str, str]:
    """The best and the worst clip by the first of the metrics that has a direction, each with a remark.

    Empty where too few clips were measured for there to be any.
    """
    known_metrics = {metric.name: metric for metric in scores.metrics}
    for name in names:
        metric = known_metrics.get(name)
        if metric is None or metric.higher_is_better is None:
            continue
        values = _values(scores, metric)
        if len(values) >= _LEAST:
            order = values.sort_values(ascending=not metric.higher_is_better, kind="stable")
            return {
                str(order.index[place]): f"{word} of {len(order)} clips by {name}: {_text(order.iloc[place], values)}"
                for word, place in (("best", 0), ("worst", -1))
            }
    return {}


def _values(scores: Scores, metric: Metric) -> pd.Series:
    rows = scores.values
    own = rows[(rows["method"] == scores.system.name) & (rows["metric"] == metric.name) & (rows["clip_id"] != "")]
    return own.set_index("clip_id")["value"].dropna()


def _text(value: float, values: pd.Series) -> str:
    return show_number(value, decimals(values))
