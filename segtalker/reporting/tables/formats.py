"""Tables as CSV (every digit, the same bytes each time), Markdown and LaTeX (rounded, for reading)."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from segtalker.reporting.tables.intervals import Interval, Uncertainty, rivals
from segtalker.reporting.tables.methods import HALVES, MOMENTS
from segtalker.reporting.tables.scores import Metric, Scores
from segtalker.utils.atomic import atomic_file

SIGNATURE_DIGITS = 12
_CSV_FLOATS = "%.6f"
_LATEX_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX_SPECIAL |= {character: f"\\{character}" for character in "&%$#_{}"}
_TEXT_COLUMNS = ("run", "experiment", "changed", "dataset", "method", "signature")
Place = Literal["best", "second"]
Marks = Mapping[Place, tuple[str, str]]
MARKDOWN_MARKS: Marks = {"best": ("**", "**"), "second": ("*", "*")}
LATEX_MARKS: Marks = {"best": (r"\textbf{", "}"), "second": (r"\underline{", "}")}
FLOOR_NOTE = (
    f"The truth against itself, in metrics of the whole set alone: `{HALVES.name}` one half of the people against the"
    f" other, `{MOMENTS.name}` the first half of every clip against its second. Methods show the same people at the"
    " same moments and may be below both. Halves have half the frames, and few frames raise FID."
)
BRACKETS = "In round brackets where the interval holds 0: no difference is shown."
_LATEX_ARROWS = {True: r" $\uparrow$", False: r" $\downarrow$", None: ""}


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Writes a table with a fixed float format, empty cells where a value is missing, LF line ends."""
    with atomic_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format=_CSV_FLOATS, na_rep="", lineterminator="\n")


def decimals(values: pd.Series) -> int:
    """Decimals that keep three or four digits of a column, whatever its unit."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    largest = max(finite, default=0.0)
    return 1 if largest >= 100 else 2 if largest >= 10 else 3


def show_number(value: float, digits: int) -> str:
    """A value for reading: empty where missing, `∞` where unbounded."""
    if math.isnan(value):
        return ""
    return f"{value:.{digits}f}" if math.isfinite(value) else "∞"


def show_table(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text: floats rounded column by column, the signature cut short."""
    text_table = table.copy()
    for name in text_table.columns:
        if pd.api.types.is_float_dtype(text_table[name]):
            digits = decimals(text_table[name])
            texts = [show_number(value, digits) for value in text_table[name]]
            text_table[name] = pd.Series(texts, index=text_table.index, dtype=str)
    if "signature" in text_table.columns:
        text_table["signature"] = text_table["signature"].str[:SIGNATURE_DIGITS]
    return text_table.astype(object).where(text_table.notna(), "").astype(str)


def system_names(scores: Scores) -> list[str]:
    """The methods that are systems."""
    return [method.name for method in scores.methods if method.role == "system"]


def best_methods(scores: Scores, uncertainty: Uncertainty, metric: Metric) -> dict[str, Place]:
    """Who is marked, by name: of the systems the best, where it is better than each other by a difference whose
    interval excludes 0, and then the second, where it beats all that are left in the same way."""
    values = scores.means().loc[system_names(scores), metric.name].dropna()
    ranking = [str(name) for name in values.sort_values(ascending=not metric.higher_is_better, kind="stable").index]
    marks: dict[str, Place] = {}
    places: tuple[Place, ...] = ("best", "second")
    for rank, (place, name) in enumerate(zip(places, ranking[:-1], strict=False), 1):
        if not all(uncertainty.beats(name, other, metric) for other in ranking[rank:]):
            break
        marks[name] = place
    return marks


def drop_unmeasured(table: pd.DataFrame) -> pd.DataFrame:
    """Without the columns that hold no value at all; the CSV keeps them."""
    return table.dropna(axis=1, how="all")


def _who(table: pd.DataFrame) -> str:
    """The column that says whose row it is."""
    return "method" if "method" in table.columns else "run"


def _mark(text_table: pd.DataFrame, scores: Scores, uncertainty: Uncertainty | None, marks: Marks) -> pd.DataFrame:
    result = text_table.copy()
    for metric in scores.metrics:
        if uncertainty is not None and metric.name in result.columns:
            for name, place in best_methods(scores, uncertainty, metric).items():
                before, after = marks[place]
                result.loc[result[_who(result)] == name, metric.name] = before + result[metric.name] + after
    return result


def markdown(table: pd.DataFrame, headings: Mapping[str, str]) -> str:
    """A GitHub table of text cells.

    Args:
        table: as text; numbers are set right.
        headings: replaces column names.
    """

    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    marks = ["---:" if _is_numeric(table[name]) else "---" for name in table.columns]
    lines = [row([headings.get(name, name) for name in table.columns]), "|" + "|".join(marks) + "|"]
    return "\n".join([*lines, *(row(cells) for cells in table.to_numpy().tolist())]) + "\n"


def _is_numeric(texts: pd.Series) -> bool:
    values = texts[texts != ""].str.strip("*")
    return bool(len(values)) and bool(pd.to_numeric(values.replace("∞", "inf"), errors="coerce").notna().all())


def _show_results(table: pd.DataFrame) -> pd.DataFrame:
    """The main table as text; a large floor leaves the digits of the other rows as they are."""
    measured_table = drop_unmeasured(table)
    is_floor = measured_table[_who(table)].isin([HALVES.name, MOMENTS.name])
    floors = [measured_table.loc[[index]] for index in measured_table.index[is_floor]]
    return pd.concat([show_table(part) for part in (measured_table[~is_floor], *floors)])


def results_markdown(table: pd.DataFrame, scores: Scores, uncertainty: Uncertainty | None) -> str:
    """The main table with directions and units in the headings; no marks without `uncertainty`."""
    headings = {metric.name: markdown_heading(metric) for metric in scores.metrics}
    return markdown(_mark(_show_results(table), scores, uncertainty, MARKDOWN_MARKS), headings)


def markdown_heading(metric: Metric) -> str:
    """A metric with its unit and direction."""
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"`{metric.name}`{unit}" + (f" {metric.arrow}" if metric.arrow else "")


def escape_latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(_LATEX_SPECIAL.get(character, character) for character in text).replace("∞", r"$\infty$")


def latex(table: pd.DataFrame, left: Sequence[str]) -> str:
    """A table for a paper, with booktabs rules.

    Args:
        table: LaTeX text, headings too.
        left: columns set left; the others are set right.
    """
    alignment = "".join("l" if name in left else "r" for name in table.columns)
    rows = [" & ".join(cells) + r" \\" for cells in [list(table.columns), *table.to_numpy().tolist()]]
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", rows[0], r"\midrule", *rows[1:]]
    return "% needs \\usepackage{booktabs}\n" + "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def plain_latex(table: pd.DataFrame) -> str:
    """A table of text cells for a paper; numbers are set right."""
    left = [escape_latex(str(name)) for name in table.columns if not _is_numeric(table[name])]
    return latex(table.map(escape_latex).rename(columns=lambda name: escape_latex(str(name))), left)


def results_latex(table: pd.DataFrame, scores: Scores, uncertainty: Uncertainty | None) -> str:
    """The main table for a paper, directions in the headings; no marks without `uncertainty`."""
    text_table = _show_results(table)
    latex_table = text_table.map(escape_latex)
    who = _who(text_table)
    result = _mark(latex_table.assign(**{who: text_table[who]}), scores, uncertainty, LATEX_MARKS)
    result = result.assign(**{who: latex_table[who]})
    headings = {metric.name: latex_heading(metric) for metric in scores.metrics}
    left = [name for name in result.columns if name in _TEXT_COLUMNS]
    return latex(result.rename(columns=lambda name: headings.get(name, escape_latex(name))), left)


def latex_heading(metric: Metric) -> str:
    """The same for a paper."""
    unit = f" [{escape_latex(metric.unit)}]" if metric.unit else ""
    return escape_latex(metric.name) + unit + _LATEX_ARROWS[metric.higher_is_better]


def show_interval(one: Interval, digits: int, sign: str = "") -> tuple[str, str]:
    """A mean and its interval as text; no interval is empty.

    Args:
        one: to show.
        digits: decimals.
        sign: `+` shows the sign of positive numbers too, as of differences.
    """
    ends = f"[{one.low:{sign}.{digits}f}, {one.high:{sign}.{digits}f}]" if one.is_known else ""
    return f"{one.mean:{sign}.{digits}f}", ends


def interval_cell(text: str, ends: str, marks: tuple[str, str], small: Callable[[str], str]) -> str:
    """A mean between its marks, and its interval."""
    mean = marks[0] + text + marks[1] if text else ""
    return f"{mean} {small(ends)}" if ends else mean


def interval_texts(
    scores: Scores, uncertainty: Uncertainty, metrics: Sequence[Metric], marks: Marks, small: Callable[[str], str]
) -> dict[str, list[str]]:
    """Mean and interval of each metric, a cell a method; `n=` where it stands on fewer clips than the method's row."""
    means, rows = scores.means(), dict[str, list[str]]()
    for metric in metrics:
        column = means[metric.name]
        if column.isna().all():
            continue
        digits, best, cells = decimals(column), best_methods(scores, uncertainty, metric), list[str]()
        for method in scores.methods:
            one = uncertainty.interval(method.name, metric.name)
            text, ends = show_interval(one, digits) if one else (show_number(column[method.name], digits), "")
            fewer = f" n={one.clips}" if one and one.clips < scores.clips(method.name) else ""
            mark = marks[best[method.name]] if method.name in best else ("", "")
            cells.append(interval_cell(text, (ends + fewer).strip(), mark, small))
        rows[metric.name] = cells
    return rows


def difference_texts(
    scores: Scores, uncertainty: Uncertainty, pairs: Sequence[tuple[str, str]], small: Callable[[str], str]
) -> dict[str, list[str]]:
    """What the first method of each pair has more than the second, a cell a pair, by metric; in round brackets where
    the interval holds 0."""
    rows = dict[str, list[str]]()
    for metric in scores.summary_metrics:
        method_differences = [uncertainty.difference(method, other, metric.name) for method, other in pairs]
        if not any(method_differences):
            continue
        digits, cells = decimals(pd.Series([one.mean for one in method_differences if one])), list[str]()
        for one in method_differences:
            text, ends = show_interval(one, digits, "+") if one else ("", "")
            cell = interval_cell(text, ends, ("", ""), small)
            cells.append(f"({cell})" if one and one.is_known and not one.excludes_zero else cell)
        rows[metric.name] = cells
    return rows


def system_pairs(scores: Scores, system: str) -> list[tuple[str, str]]:
    """A system and each other system and control."""
    return [(system, name) for name in rivals(scores.methods) if name != system]


def small_latex(text: str) -> str:
    """An interval beside its mean."""
    return rf"{{\footnotesize {escape_latex(text)}}}"


def metric_markdown(rows: Mapping[str, Sequence[str]], columns: Sequence[str], scores: Scores) -> str:
    """A table with a metric a row."""
    names = {metric.name: markdown_heading(metric) for metric in scores.metrics}
    return markdown(_by_metric(rows, columns, names), {}) if rows else ""


def metric_latex(rows: Mapping[str, Sequence[str]], columns: Sequence[str], scores: Scores) -> str:
    """The same for a paper; cells are LaTeX already."""
    names = {metric.name: latex_heading(metric) for metric in scores.metrics}
    return latex(_by_metric(rows, [escape_latex(name) for name in columns], names), ["metric"])


def _by_metric(rows: Mapping[str, Sequence[str]], columns: Sequence[str], names: Mapping[str, str]) -> pd.DataFrame:
    cells = [[names[metric], *texts] for metric, texts in rows.items()]
    return pd.DataFrame(cells, columns=["metric", *columns], dtype=str)


def scores_json(scores: Scores) -> str:
    """The system's means by metric, for `dvc exp show` and `dvc metrics diff`; without what was not measured."""
    means = scores.means().T[scores.system.name].to_dict()
    finite = {str(name): round(value, 6) for name, value in means.items() if math.isfinite(value)}
    return json.dumps(finite, indent=2) + "\n"


def interval_notes(scores: Scores, uncertainty: Uncertainty) -> str:
    """How to read intervals, and which metrics have none."""
    how, people = uncertainty.how, scores.most_subjects
    metric_intervals = uncertainty.intervals
    whole = set(metric_intervals.loc[metric_intervals["clips"].isna(), "metric"])
    few = (
        set(metric_intervals.loc[metric_intervals["clips"].notna() & metric_intervals["low"].isna(), "metric"])
        if people > 1
        else set()
    )
    notes = [
        f"{how.percent} intervals by {how.draws} bootstrap draws of the {people} test people with all their"
        f" {scores.most_clips} clips."
    ]
    notes += ["No interval: a single person was tested."] if people == 1 else []
    for names, reason in (
        (whole, "measured of the whole set"),
        (few, "some method's clips with a value are one person's"),
    ):
        if names:
            metric_list = ", ".join(metric.name for metric in scores.metrics if metric.name in names)
            notes.append(f"No interval of {metric_list}: {reason}.")
    return " ".join(notes)


def sample_text(scores: Scores) -> str:
    """What tables stand on: `24 clips of 12 people`."""
    clips, people = scores.most_clips, scores.most_subjects
    return f"{clips} {'clip' if clips == 1 else 'clips'} of {people} {'person' if people == 1 else 'people'}"


def results_caption(scores: Scores) -> str:
    """What the main table shows."""
    floor = f" {FLOOR_NOTE}" if scores.floors else ""
    return f"Means of {sample_text(scores)}; their intervals are in the next table.{floor}"


def means_caption(scores: Scores, uncertainty: Uncertainty) -> str:
    """What a table of means and intervals shows."""
    how = uncertainty.how
    return f"Means of {sample_text(scores)}; {how.percent} intervals, bootstrap over the people."


def groups_caption(scores: Scores, uncertainty: Uncertainty) -> str:
    """What a table by group shows."""
    how = uncertainty.how
    return (
        f"Means of each group's own clips, of {sample_text(scores)} in all; {how.percent} intervals, bootstrap over the"
        " people."
    )


def differences_caption(scores: Scores, uncertainty: Uncertainty) -> str:
    """What a table of paired differences shows."""
    how = uncertainty.how
    return (
        f"Mean differences, paired clip by clip, on the clips both have, of {sample_text(scores)}; {how.percent}"
        " intervals, bootstrap over the people."
    )


def plain_markdown(table: pd.DataFrame) -> str:
    """A table without directions and units, empty text where it has no rows."""
    return markdown(show_table(table), {}) if len(table) else ""
