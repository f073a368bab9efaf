"""Figures of a sweep: how it went, what each param did to the metric, and how much each of them matters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from segtalker.reporting.figures.charts import panel_grid
from segtalker.reporting.figures.report_figures import Drawing
from segtalker.reporting.figures.style import Theme, new_figure, styled
from segtalker.reporting.sweeps.trials import Goal, TrialRecord, complete_trials

_COLUMNS = 3
_WIDTH = 7.6
_LOG_RANGE = 30.0


def _broken(key: str) -> str:
    """A key on as many lines as it has parts, but for short ones."""
    return key if len(key) <= 24 else key.replace(".", ".\n")


def _colours(theme: Theme) -> LinearSegmentedColormap:
    """From the worst to the best."""
    return LinearSegmentedColormap.from_list("places", [theme.muted, theme.secondary, theme.primary])


def _places(scores: Sequence[float], goal: Goal) -> np.ndarray:
    """The place of each score, 0 the worst, 1 the best: one far-off score would leave the others in one colour."""
    order = np.argsort(np.argsort(np.asarray(scores) * (1.0 if goal.higher_is_better else -1.0), kind="stable"))
    return order / max(len(order) - 1, 1)


def history_figure(trials: Sequence[TrialRecord], goal: Goal, theme: Theme) -> Figure:
    """Every trial's score with its interval, and the best so far."""
    scored = complete_trials(trials)
    with styled(theme):
        figure = new_figure(_WIDTH, 2.7)
        axes = figure.add_subplot()
        numbers = [trial.number for trial, _ in scored]
        values = np.array([score for _, score in scored])
        for trial, _ in scored:
            if trial.low is not None and trial.high is not None:
                axes.vlines(trial.number, trial.low, trial.high, color=theme.secondary, linewidth=1.4, alpha=0.4)
        axes.scatter(numbers, values, s=22, color=theme.secondary, zorder=3)
        best = np.maximum.accumulate(values) if goal.higher_is_better else np.minimum.accumulate(values)
        axes.step(numbers, best, where="post", color=theme.primary, linewidth=1.8)
        lines = [
            Line2D([], [], color=theme.secondary, marker="o", linewidth=1.4, markersize=4, label="trial, interval"),
            Line2D([], [], color=theme.primary, linewidth=1.8, label="best so far"),
        ]
        for state, marker in (("failed", "x"), ("pruned", "|")):
            places = [trial.number for trial in trials if trial.state == state]
            if places:
                # along the lower edge: such a trial has no score
                axes.scatter(places, [0.03] * len(places), s=30, marker=marker, color=theme.muted, zorder=3,
                             transform=axes.get_xaxis_transform())  # fmt: skip
                lines.append(Line2D([], [], color=theme.muted, marker=marker, linestyle="", label=state))
        axes.set_xlim(-0.5, trials[-1].number + 0.5)
        axes.set_xlabel("trial")
        axes.set_ylabel(goal.label)
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        figure.legend(handles=lines, loc="outside upper left", ncols=4, borderpad=0, handlelength=1.4)
    return figure


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_log(values: Sequence[object]) -> bool:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return min(numbers) > 0 and max(numbers) / min(numbers) >= _LOG_RANGE


@dataclass(frozen=True)
class Scale:
    """Where the values of a param lie between 0 and 1.

    Args:
        values: of the complete trials, in order.
    """

    values: Sequence[object]

    @property
    def _are_numbers(self) -> bool:
        return all(map(_is_number, self.values))

    @property
    def is_log(self) -> bool:
        """Whether it is one of logarithms."""
        return self._are_numbers and _is_log(self.values)

    @property
    def labels(self) -> list[str]:
        """Of values that are no numbers."""
        return [] if self._are_numbers else sorted({str(value) for value in self.values})

    def positions(self) -> np.ndarray:
        """Of each value."""
        if not self._are_numbers:
            places = {label: index for index, label in enumerate(self.labels)}
            return np.array([places[str(value)] / max(len(places) - 1, 1) for value in self.values])
        numbers = np.array([float(value) for value in self.values if isinstance(value, int | float)])
        numbers = np.log(numbers) if self.is_log else numbers
        spread = numbers.max() - numbers.min()
        return (numbers - numbers.min()) / spread if spread > 0 else np.full(len(numbers), 0.5)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and what stands beside them: every text, of numbers the ends."""
        if self.labels:
            return [(index / max(len(self.labels) - 1, 1), label) for index, label in enumerate(self.labels)]
        numbers = [float(value) for value in self.values if isinstance(value, int | float)]
        if min(numbers) == max(numbers):
            return [(0.5, f"{numbers[0]:.4g}")]
        return [(0.0, f"{min(numbers):.4g}"), (1.0, f"{max(numbers):.4g}")]


def parallel_figure(trials: Sequence[TrialRecord], goal: Goal, theme: Theme) -> Figure:
    """A line a complete trial through its values, its colour by its place."""
    scored = complete_trials(trials)
    scores = [score for _, score in scored]
    keys = list(scored[0][0].values)
    scales = [Scale([trial.values[key] for trial, _ in scored]) for key in keys] + [Scale(scores)]
    rows, places, colours = np.stack([scale.positions() for scale in scales], 1), _places(scores, goal), _colours(theme)
    with styled(theme):
        figure = new_figure(max(_WIDTH * 0.6, 1.5 * len(scales) + 0.8), 3.0)
        axes = figure.add_subplot()
        for index in np.argsort(places):
            colour, weight = to_hex(colours(places[index])), 0.9 + 1.3 * places[index]
            axes.plot(range(len(scales)), rows[index], color=colour, linewidth=weight, alpha=0.9)
        for column, scale in enumerate(scales):
            axes.axvline(column, color=theme.muted, linewidth=0.8, zorder=1)
            for place, label in scale.ticks():
                axes.text(column, place, f" {label}", fontsize=7, color=theme.ink, va="center", zorder=5,
                          bbox={"facecolor": theme.paper, "edgecolor": "none", "alpha": 0.75, "pad": 0.6})  # fmt: skip
        axes.set_xticks(range(len(scales)), [*map(_broken, keys), goal.label], color=theme.ink)
        axes.set_yticks([])
        axes.set_xlim(-0.15, len(scales) - 0.65)
        axes.set_ylim(-0.06, 1.06)
        axes.grid(False)
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
    return figure


def slices_figure(trials: Sequence[TrialRecord], goal: Goal, theme: Theme) -> Figure:
    """A panel a param, a dot a complete trial: the metric over the value, darker the later."""
    scored = complete_trials(trials)
    keys, scores = list(scored[0][0].values), [score for _, score in scored]
    with styled(theme):
        figure, panels, columns = panel_grid(len(keys), _COLUMNS, 2.1)
        for index, (axes, key) in enumerate(zip(panels, keys, strict=True)):
            _slice(axes, [trial.values[key] for trial, _ in scored], scores, theme)
            axes.set_title(_broken(key))
            if index % columns == 0:
                axes.set_ylabel(goal.label)
    return figure


def _slice(axes: Axes, values: Sequence[object], scores: Sequence[float], theme: Theme) -> None:
    scale = Scale(values)
    later: Any = np.linspace(0.35, 1.0, len(values))  # one a dot, which the stubs do not know
    if scale.labels:
        places = [scale.labels.index(str(value)) for value in values]
        axes.set_xticks(range(len(scale.labels)), scale.labels)
        axes.set_xlim(-0.5, len(scale.labels) - 0.5)
    else:
        places = [float(value) for value in values if isinstance(value, int | float)]  # type: ignore[misc]
        if scale.is_log:
            axes.set_xscale("log")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.scatter(places, scores, s=22, color=theme.secondary, alpha=later, linewidths=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))


def importance_figure(importance: Mapping[str, float], theme: Theme) -> Figure:
    """A bar a param, the most important first."""
    ranking = sorted(importance.items(), key=lambda item: -item[1])
    with styled(theme):
        figure = new_figure(_WIDTH, 0.34 * len(ranking) + 0.7)
        axes = figure.add_subplot()
        shares = [share for _, share in ranking]
        axes.barh(range(len(ranking)), shares, height=0.6, color=theme.primary)
        for place, share in enumerate(shares):
            axes.text(share, place, f" {share:.2f}", va="center", color=theme.ink, fontsize=8)
        axes.set_yticks(range(len(ranking)), [key for key, _ in ranking], color=theme.ink)
        axes.set_ylim(len(ranking) - 0.5, -0.5)
        axes.set_xlim(0, max(shares) * 1.12)
        axes.set_xlabel("share of the metric's variance")
        axes.grid(axis="y", visible=False)
    return figure


def curves_figure(trials: Sequence[TrialRecord], goal: Goal, curve: str, theme: Theme) -> Figure:
    """A line a trial over the validations of the tuned training; trials without a score are dashed."""
    scored = complete_trials(trials)
    places = dict(
        zip((trial.number for trial, _ in scored), _places([score for _, score in scored], goal), strict=True)
    )
    colours = _colours(theme)
    with styled(theme):
        figure = new_figure(_WIDTH, 2.7)
        axes = figure.add_subplot()
        for trial in trials:
            if trial.curve:
                is_scored = trial.number in places
                axes.plot(range(1, len(trial.curve) + 1), trial.curve, marker="o", markersize=3.5, linewidth=1.5,
                          color=to_hex(colours(places[trial.number])) if is_scored else theme.muted,
                          linestyle="-" if is_scored else "--")  # fmt: skip
        axes.set_xlabel("validation")
        axes.set_ylabel(curve)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    return figure


def sweep_drawings(
    trials: Sequence[TrialRecord], goal: Goal, importance: Mapping[str, float], curve: str
) -> list[Drawing]:
    """All figures of a sweep; without complete trials only what there is.

    Args:
        trials: by number.
        goal: what is made better.
        importance: share of each param; empty where it is not known.
        curve: what `TrialRecord.curve` holds, empty where no training is tuned.
    """
    drawings = []
    if complete_trials(trials):
        drawings += [
            Drawing("sweep", "history", "Score by score", "Each dot is a trial, its line the interval of its "
                    "mean over the test people where it has one; the line is the best so far.",
                    partial(history_figure, trials, goal)),
            Drawing("sweep", "parallel", "Parallel coordinates", "A line for each complete trial through its values; "
                    "the redder and wider, the better its place.", partial(parallel_figure, trials, goal)),
            Drawing("sweep", "slices", "Param by param", "The metric over each param, a dot for each complete trial; "
                    "the fuller, the later it ran.", partial(slices_figure, trials, goal)),
        ]  # fmt: skip
    if importance:
        alt = "How much of what the metric varies each param explains, by fANOVA over the complete trials."
        drawings.append(Drawing("sweep", "importance", "Importance", alt, partial(importance_figure, importance)))
    if curve and any(trial.curve for trial in trials):
        alt = f"{curve} at each validation: the redder, the better the trial's place; dashed where it has no score."
        drawings.append(Drawing("sweep", "curves", "Validation", alt, partial(curves_figure, trials, goal, curve)))
    return drawings
