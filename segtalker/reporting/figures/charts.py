"""Figures of numbers: training curves, scores clip by clip, regions."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from segtalker.regions import PALETTE, REGION_INDEX
from segtalker.reporting.figures.style import Theme, bare, new_figure, styled
from segtalker.reporting.tables.methods import Method
from segtalker.reporting.tables.scores import Metric, Scores, region_of_iou

_COLUMNS = 4
_PANEL_WIDTH, _PANEL_HEIGHT = 2.5, 1.75
_TITLE_LETTERS = 26
_LOG_RANGE = 40.0
_LANE_HEIGHT = 0.075  # inches; a dot is 0.06 high


def panel_grid(panels: int, columns: int, row_height: float) -> tuple[Figure, list[Axes], int]:
    """A figure with so many panels, few in a row, and how many that are."""
    rows = math.ceil(panels / columns)
    columns = math.ceil(panels / rows)
    figure = new_figure(columns * _PANEL_WIDTH, rows * row_height + 0.35)
    axes = [figure.add_subplot(rows, columns, index + 1) for index in range(panels)]
    return figure, axes, columns


def metric_title(metric: Metric) -> str:
    """A metric with its unit and direction; on two lines where one would reach into the next panel."""
    parts = [metric.name, f"[{metric.unit}] {metric.arrow}" if metric.unit else metric.arrow]
    return ("\n" if len(" ".join(parts)) > _TITLE_LETTERS else " ").join(parts).strip()


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Centred moving average of `(N,)` values that shortens its window at both ends."""
    half = window // 2
    sums = np.concatenate([[0.0], np.cumsum(values)])
    starts = np.maximum(np.arange(len(values)) - half, 0)
    ends = np.minimum(np.arange(len(values)) + half + 1, len(values))
    return (sums[ends] - sums[starts]) / (ends - starts)


def training_curves(history: pd.DataFrame, theme: Theme) -> Figure:
    """Small multiples of everything a training logged, training and validation in one panel a quantity.

    Args:
        history: `step,name,value` with names `train/...` and `val/...`; the IoU of single regions, `.../iou_<region>`,
            shares a panel.
        theme: the paper.
    """
    parts = history["name"].str.split("/", n=1, expand=True)
    table = history.assign(phase=parts[0], quantity=parts[1], region=parts[1].map(region_of_iou))
    whole, regions = table[table["region"].isna()], table[table["region"].notna()]
    quantities = list(dict.fromkeys(whole["quantity"]))
    with styled(theme):
        figure, panels, _ = panel_grid(len(quantities) + 2 * bool(len(regions)), _COLUMNS, _PANEL_HEIGHT)
        for axes, quantity in zip(panels, quantities, strict=False):
            _training_panel(axes, whole[whole["quantity"] == quantity], theme)
            axes.set_title(quantity.replace("_", " "))
        if len(regions):
            _region_panel(panels[-2], panels[-1], regions, theme)
        colours = {"train": ("training", theme.secondary), "val": ("validation", theme.primary)}
        _legend(figure, dict(colours[phase] for phase in colours if phase in set(whole["phase"])))
    return figure


def _region_panel(axes: Axes, beside: Axes, rows: pd.DataFrame, theme: Theme) -> None:
    """The IoU of each region in its own colour, named in the panel beside it, best last value first."""
    last = rows.groupby("region")["value"].last().sort_values(ascending=False)
    for region in last.index:
        line = rows[rows["region"] == region]
        # a little ink keeps dark regions visible on dark paper and light ones on light paper
        colour = 0.75 * PALETTE[REGION_INDEX[str(region)]] / 255 + 0.25 * np.array(to_rgb(theme.ink))
        axes.plot(line["step"], line["value"], color=colour, linewidth=1.5, label=f"{region} {last[region]:.2f}")
    axes.set_title("IoU of each region")
    step_axis(axes)
    bare(beside).legend(*axes.get_legend_handles_labels(), loc="center left", ncols=2, fontsize=7, handlelength=1.0,
                        columnspacing=1.0, borderpad=0)  # fmt: skip


def _training_panel(axes: Axes, rows: pd.DataFrame, theme: Theme) -> None:
    train = rows[rows["phase"] == "train"]
    val = rows[rows["phase"] == "val"]
    if len(train):
        steps, values = train["step"].to_numpy(), train["value"].to_numpy()
        axes.plot(steps, values, color=theme.secondary, linewidth=0.8, alpha=0.3)
        axes.plot(steps, smooth(values, max(3, len(values) // 12)), color=theme.secondary, linewidth=1.7)
    if len(val):
        axes.plot(val["step"], val["value"], color=theme.primary, linewidth=1.7, marker="o", markersize=4)
    everything = rows["value"].to_numpy()
    if everything.min() > 0 and everything.max() / everything.min() > _LOG_RANGE:
        axes.set_yscale("log")
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    step_axis(axes)


def step_axis(axes: Axes) -> None:
    """Few ticks, thousands as `k`."""
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(_short_count))


def _short_count(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"


def _legend(figure: Figure, colours: dict[str, str]) -> None:
    lines = [Line2D([], [], color=colour, linewidth=2, label=label) for label, colour in colours.items()]
    figure.legend(handles=lines, loc="outside upper left", ncols=len(lines), borderpad=0, handlelength=1.4)


def clip_scores(scores: Scores, metrics: Sequence[Metric], theme: Theme) -> Figure:
    """Every clip as a dot, the mean as a bar, one panel a metric: shows the spread a mean hides."""
    with styled(theme):
        height = 0.45 + 0.24 * len(scores.methods)
        figure, panels, columns = panel_grid(len(metrics), _COLUMNS, height + 0.25)
        for index, (axes, metric) in enumerate(zip(panels, metrics, strict=True)):
            _score_panel(axes, scores, metric, theme)
            axes.tick_params(labelleft=index % columns == 0)
    return figure


def _score_panel(axes: Axes, scores: Scores, metric: Metric, theme: Theme) -> None:
    rows = scores.values[(scores.values["metric"] == metric.name) & np.isfinite(scores.values["value"])]
    for position, method in enumerate(scores.methods):
        values = rows.loc[rows["method"] == method.name, "value"].to_numpy()
        if len(values):
            # a fixed zigzag keeps equal values apart
            jitter = position + 0.22 * (((np.arange(len(values)) * 0.618) % 1.0) - 0.5)
            axes.scatter(values, jitter, s=13, color=method.colour, alpha=0.45, linewidths=0)
            axes.vlines(values.mean(), position - 0.32, position + 0.32, color=method.colour, linewidth=2.6)
    axes.set_title(metric_title(metric))
    axes.set_yticks(range(len(scores.methods)), [method.label for method in scores.methods], color=theme.ink)
    axes.set_ylim(len(scores.methods) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def region_scores(regions: pd.DataFrame, methods: Sequence[Method], theme: Theme) -> Figure:
    """IoU of each region, a lane of its own for each method, so that equal values do not cover each other.

    Args:
        regions: `tables.region_table`.
        methods: those to show, in order.
        theme: the paper.
    """
    names = [name for name in regions.columns if name != "method"]
    table = regions.set_index("method")
    region_methods = [method for method in methods if method.name in table.index]
    rows = np.arange(len(names))
    lanes = (np.arange(len(region_methods)) - (len(region_methods) - 1) / 2) / (len(region_methods) + 1)
    with styled(theme):
        figure = new_figure(6.4, len(names) * (_LANE_HEIGHT * (len(region_methods) + 1)) + 0.9)
        axes = figure.add_subplot()
        for row in rows[::2]:
            axes.axhspan(row - 0.5, row + 0.5, color=theme.raised, linewidth=0)
        for method, lane in zip(region_methods, lanes, strict=True):
            values = table.loc[method.name, names].astype(float)
            axes.hlines(rows + lane, 0, values, color=method.colour, linewidth=1, alpha=0.45)
            axes.scatter(values, rows + lane, s=15, color=method.colour, linewidths=0, zorder=3, clip_on=False)
        axes.set_yticks(rows, names, color=theme.ink)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, 1)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("intersection over union with the reference mask")
        dots = [
            Line2D([], [], marker="o", linestyle="", markersize=5, color=method.colour, label=method.label)
            for method in region_methods
        ]
        figure.legend(handles=dots, loc="outside upper left", ncols=min(len(dots), 4), borderpad=0, handletextpad=0.2)
    return figure
