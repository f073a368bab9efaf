"""Figures of several runs together: training curves laid over each other, scores with their intervals."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from segtalker.reporting.figures.charts import metric_title, panel_grid, smooth, step_axis
from segtalker.reporting.figures.report_figures import Drawing
from segtalker.reporting.figures.style import Theme, styled
from segtalker.reporting.tables.intervals import Uncertainty
from segtalker.reporting.tables.scores import Metric, Scores, region_of_iou

_COLUMNS = 4
_HEIGHT = 1.75
_LOG_RANGE = 40.0


def score_intervals(scores: Scores, uncertainty: Uncertainty, metrics: Sequence[Metric], theme: Theme) -> Figure:
    """A panel a metric, a dot a run with its interval.

    Args:
        scores: the system of each run as a method.
        uncertainty: of these scores.
        metrics: those to show.
        theme: the paper.
    """
    with styled(theme):
        figure, panels, columns = panel_grid(len(metrics), _COLUMNS, 0.6 + 0.24 * len(scores.methods))
        for index, (axes, metric) in enumerate(zip(panels, metrics, strict=True)):
            _interval_panel(axes, scores, uncertainty, metric, theme)
            axes.tick_params(labelleft=index % columns == 0)
    return figure


def _interval_panel(axes: Axes, scores: Scores, uncertainty: Uncertainty, metric: Metric, theme: Theme) -> None:
    means = scores.means()[metric.name].to_dict()
    for position, method in enumerate(scores.methods):
        one = uncertainty.interval(method.name, metric.name)
        if one is not None and one.is_known:
            axes.hlines(position, one.low, one.high, color=method.colour, linewidth=2.2, alpha=0.6)
        if math.isfinite(means[method.name]):
            axes.scatter([means[method.name]], [position], s=26, color=method.colour, zorder=3)
    axes.set_title(metric_title(metric))
    axes.set_yticks(range(len(scores.methods)), [method.label for method in scores.methods], color=theme.ink)
    axes.set_ylim(len(scores.methods) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def common_curves(histories: Mapping[str, pd.DataFrame]) -> list[str]:
    """Quantities any run logged in a stage, by name; the IoU of single regions is left to each run's own report.

    Args:
        histories: `step,name,value` by run.
    """
    names = (name for history in histories.values() for name in dict.fromkeys(history["name"]))
    quantities = dict.fromkeys(name.split("/", 1)[-1] for name in names)
    return [name for name in quantities if region_of_iou(name) is None]


def laid_over(histories: Mapping[str, pd.DataFrame], colours: Mapping[str, str], theme: Theme) -> Figure:
    """A panel a quantity, a line a run: validation where there is some, else training as a moving average.

    Args:
        histories: of one stage by run, `step,name,value` with names `train/...` and `val/...`.
        colours: by run.
        theme: the paper.
    """
    quantities = common_curves(histories)
    with styled(theme):
        figure, panels, _ = panel_grid(len(quantities), _COLUMNS, _HEIGHT)
        for axes, quantity in zip(panels, quantities, strict=True):
            # lines of a stage that runs share cover each other: the first, widest, shows below the others
            widths = [3.4, *[1.6] * (len(histories) - 1)]
            curves = [
                _line(axes, history, quantity, colours[label], width)
                for (label, history), width in zip(histories.items(), widths, strict=True)
            ]
            values = np.concatenate([line for line in curves if len(line)] or [np.ones(1)])
            if values.min() > 0 and values.max() / values.min() > _LOG_RANGE:
                axes.set_yscale("log")
            axes.set_title(quantity.replace("_", " "))
            step_axis(axes)
        lines = [Line2D([], [], color=colours[label], linewidth=2, label=label) for label in histories]
        figure.legend(handles=lines, loc="outside upper left", ncols=min(3, len(lines)), borderpad=0, handlelength=1.4)
    return figure


def _line(axes: Axes, history: pd.DataFrame, quantity: str, colour: str, width: float) -> np.ndarray:
    """Draws a run's line; returns its values."""
    val, train = (history[history["name"] == f"{phase}/{quantity}"] for phase in ("val", "train"))
    rows = val if len(val) else train
    values = rows["value"].to_numpy(float)
    if len(rows):
        curve = values if len(val) else smooth(values, max(3, len(values) // 12))
        axes.plot(
            rows["step"], curve, color=colour, linewidth=width, marker="o" if len(val) else "", markersize=width + 2
        )
    return values


def drawings(
    scores: Scores,
    uncertainty: Uncertainty,
    headline: Sequence[str],
    histories: Mapping[str, Mapping[str, pd.DataFrame]],
) -> list[Drawing]:
    """The figures of a comparison.

    Args:
        scores: the system of each run as a method.
        uncertainty: of these scores.
        headline: metrics shown.
        histories: `step,name,value` by stage and run.
    """
    measured_names = set(scores.values.loc[scores.values["value"].notna(), "metric"])
    metrics = [metric for metric in scores.summary_metrics if metric.name in measured_names & set(headline)]
    colours = {method.name: method.colour for method in scores.methods}
    page_drawings = []
    if metrics:
        alt = "A dot a run and metric, with the interval of its mean."
        draw = partial(score_intervals, scores, uncertainty, metrics)
        page_drawings.append(Drawing("scores", "intervals", "Scores with their intervals", alt, draw))
    for stage, curves in histories.items():
        if common_curves(curves):
            alt = f"{stage}: validation over training steps where there is some, else training as a moving average."
            draw = partial(laid_over, curves, colours)
            page_drawings.append(Drawing("training", f"curves_{stage}", stage, alt, draw))
    return page_drawings
