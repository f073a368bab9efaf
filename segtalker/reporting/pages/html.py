"""The report page: one HTML file that holds everything it shows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from segtalker.regions import PALETTE, REGIONS
from segtalker.reporting.figures.report_figures import Picture
from segtalker.reporting.figures.videos import Player
from segtalker.reporting.pages.templates import page_environment
from segtalker.reporting.tables.formats import best_methods, decimals, show_interval, show_number, show_table
from segtalker.reporting.tables.intervals import Interval, Uncertainty
from segtalker.reporting.tables.methods import Method
from segtalker.reporting.tables.scores import Metric, Scores

SECTIONS = ("scores", "regions", "strips", "edits", "training", "pipeline")
_AREA_LABELS = {"frame": "whole frame", "face": "face box", "mouth_area": "mouth area"}
DIRECTIONS = {True: "↑ higher is better", False: "↓ lower is better", None: ""}


@dataclass(frozen=True)
class Table:
    """A table as text: its columns, which of them hold numbers, and rows of (column, cell)."""

    columns: list[str]
    numeric: set[str]
    rows: list[list[tuple[str, str]]]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Table":
        """Rounded like the written tables."""
        text_table = show_table(frame)
        numeric = {name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])}
        rows = [list(zip(text_table.columns, cells, strict=True)) for cells in text_table.to_numpy().tolist()]
        return cls(list(text_table.columns), numeric, rows)


@dataclass(frozen=True)
class Cell:
    """One number of the results: text, its interval, or why it is missing; `place` is `best`, `second` or empty."""

    text: str
    interval: str
    reason: str
    role: str
    place: str


@dataclass(frozen=True)
class ScoreRow:
    """A metric with one cell a method; `floors` is what the truth gets against itself."""

    metric: Metric
    direction: str
    cells: list[Cell]
    floors: list[str]


@dataclass(frozen=True)
class VerdictCell:
    """What a system has more than the baseline: text, its interval, and `better`, `worse` or the like."""

    text: str
    interval: str
    verdict: str


@dataclass(frozen=True)
class Verdicts:
    """Systems against the baseline: a column a system and area, and rows of (metric, direction, cells)."""

    columns: list[str]
    rows: list[tuple[Metric, str, list[VerdictCell]]]


@dataclass(frozen=True)
class Bar:
    """One method's value beside the others; `percent` of the longest bar."""

    method: Method
    text: str
    percent: float


@dataclass(frozen=True)
class KeyNumber:
    """A headline value with the rows it must be read against."""

    metric: Metric
    direction: str
    value: str
    bars: list[Bar]


@dataclass(frozen=True)
class Report:
    """Everything the page shows, in the order of the page."""

    experiment: str
    lede: str
    facts: list[tuple[str, str]]
    key_intro: str
    key_numbers: list[KeyNumber]
    players_intro: str
    players: list[Player]
    fps: int
    results_intro: str
    methods: Sequence[Method]
    scores: list[ScoreRow]
    counts: list[tuple[str, list[str]]]
    verdicts: Verdicts
    verdicts_caption: str
    areas: list[ScoreRow]
    textures: list[ScoreRow]
    means_caption: str
    groups_caption: str
    clips_title: str
    clips: Table
    groups: list[tuple[str, Table]]
    unavailable: Table
    sections: Mapping[str, list[Picture]]
    training_tables: list[tuple[str, Table]]
    data_intro: str
    dataset_page: str
    splits: Table
    failures: Table
    command: str
    provenance: Table
    params: list[tuple[str, str]]

    @property
    def palette(self) -> list[tuple[str, str]]:
        """The regions and their colours, `#rrggbb`."""
        return [(name, "#" + bytes(colour).hex()) for name, colour in zip(REGIONS, PALETTE, strict=True)]


def score_rows(scores: Scores, uncertainty: Uncertainty, metrics: Sequence[Metric]) -> list[ScoreRow]:
    """Rows of a table of results: those of the metrics that any method has."""
    means = scores.means()
    reasons = scores.values.groupby(["method", "metric"], sort=True)["reason"].max().to_dict()
    rows = []
    for metric in metrics:
        column = means[metric.name]
        if column.isna().all():
            continue
        digits, places = decimals(column), best_methods(scores, uncertainty, metric)
        cells = [
            Cell(
                text=show_number(column[method.name], digits),
                interval=_interval_text(scores, uncertainty, method, metric, digits),
                reason=reasons.get((method.name, metric.name), "not measured"),
                role=method.role,
                place=places.get(method.name, ""),
            )
            for method in scores.methods
        ]
        floors = [
            f"{show_number(values[metric.name], decimals(pd.Series([values[metric.name]])))} {floor.short}"
            for floor, values in scores.floors.items()
            if metric.name in values
        ]
        rows.append(ScoreRow(metric, DIRECTIONS[metric.higher_is_better], cells, floors))
    return rows


def page_verdicts(verdicts: pd.DataFrame, scores: Scores) -> Verdicts:
    """The table `verdicts` for the page, metrics of single regions left to the files."""
    systems = [method for method in scores.methods if method.name in set(verdicts["method"])]
    areas = [area for area in dict.fromkeys(verdicts["area"]) if area not in REGIONS]
    by_place = {(row["metric"], row["area"], row["method"]): row for row in verdicts.to_dict("records")}
    rows = []
    for metric in scores.summary_metrics:
        own = [by_place.get((metric.name, area, method.name)) for method in systems for area in areas]
        if any(own):
            digits = decimals(pd.Series([row["difference"] for row in own if row]))
            rows.append((metric, verdict_direction(metric), [_verdict_cell(row, digits) for row in own]))
    columns = [f"{method.label}: {_AREA_LABELS.get(area, area)}" for method in systems for area in areas]
    return Verdicts(columns, rows)


def verdict_direction(metric: Metric) -> str:
    """Which difference is for the better."""
    return DIRECTIONS[metric.higher_is_better] or "distance from 1, ↓ lower is better"


def _verdict_cell(row: dict | None, digits: int) -> VerdictCell:
    if row is None:
        return VerdictCell("", "", "")
    one = Interval(row["difference"], row["low"], row["high"], row["clips"], row["subjects"])
    return VerdictCell(*show_interval(one, digits, "+"), row["verdict"])


def _interval_text(scores: Scores, uncertainty: Uncertainty, method: Method, metric: Metric, digits: int) -> str:
    """The interval, and on how many clips it stands where these are not all."""
    one = uncertainty.interval(method.name, metric.name)
    if one is None:
        return ""
    fewer = f" n={one.clips}" if one.clips < scores.clips(method.name) else ""
    return (show_interval(one, digits)[1] + fewer).strip()


def key_numbers(scores: Scores, names: Sequence[str]) -> list[KeyNumber]:
    """Headline metrics of the system, each with every method's bar; those it has no value of are left out."""
    means, known_metrics = scores.means(), {metric.name: metric for metric in scores.metrics}
    columns = [(known_metrics[name], means[name]) for name in names if name in known_metrics]
    system = scores.system.name
    return [
        _key_number(metric, scores.methods, column, system)
        for metric, column in columns
        if math.isfinite(column[system])
    ]


def _key_number(metric: Metric, methods: Sequence[Method], column: pd.Series, system: str) -> KeyNumber:
    digits = decimals(column)
    finite = {method: column[method.name] for method in methods if math.isfinite(column[method.name])}
    longest = max(abs(value) for value in finite.values()) or 1.0
    bars = [
        Bar(method, show_number(value, digits), round(100 * abs(value) / longest, 1))
        for method, value in finite.items()
    ]  # fmt: skip
    return KeyNumber(metric, DIRECTIONS[metric.higher_is_better], show_number(column[system], digits), bars)


def group_pictures(pictures: Sequence[Picture]) -> dict[str, list[Picture]]:
    """Pictures by section of the page; a section without any is an empty list."""
    return {name: [item for item in pictures if item.drawing.section == name] for name in SECTIONS}


def render_page(report: Report) -> str:
    """The page as HTML, with styles, scripts, pictures and videos inside."""
    return page_environment().get_template("report.html.j2").render(report=report)
