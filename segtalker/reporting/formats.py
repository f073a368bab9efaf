"""Writes tables as CSV (every digit, the same bytes each time), Markdown and LaTeX (rounded, for reading)."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from segtalker.atomic import atomic_file, write_text
from segtalker.reporting.scores import Metric, Scores
from segtalker.reporting.tables import Tables

SIGNATURE_DIGITS = 12
_CSV_FLOATS = "%.6f"
_LATEX_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX_SPECIAL |= {character: f"\\{character}" for character in "&%$#_{}"}
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
    shown = table.copy()
    for name in shown.columns:
        if pd.api.types.is_float_dtype(shown[name]):
            digits = decimals(shown[name])
            shown[name] = pd.Series([show_number(value, digits) for value in shown[name]], dtype=str)
    if "signature" in shown.columns:
        shown["signature"] = shown["signature"].str[:SIGNATURE_DIGITS]
    return shown.astype(str)


def best_methods(scores: Scores, metric: Metric) -> set[str]:
    """Who may be marked best: systems only, and only where two or more of them compete on the metric."""
    systems = [method.name for method in scores.methods if method.role == "system"]
    values = scores.means().loc[systems, metric.name].dropna()
    if len(values) < 2 or metric.higher_is_better is None:
        return set()
    best = values.max() if metric.higher_is_better else values.min()
    return set(values.index[values == best])


def drop_unmeasured(table: pd.DataFrame) -> pd.DataFrame:
    """Without the columns that hold no value at all; the CSV keeps them."""
    return table.dropna(axis=1, how="all")


def _mark(shown: pd.DataFrame, scores: Scores, before: str, after: str) -> pd.DataFrame:
    marked = shown.copy()
    for metric in scores.metrics:
        if metric.name in marked.columns:
            best = marked["method"].isin(best_methods(scores, metric))
            marked.loc[best, metric.name] = before + marked.loc[best, metric.name] + after
    return marked


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


def results_markdown(table: pd.DataFrame, scores: Scores) -> str:
    """The main table with directions and units in the headings."""
    headings = {metric.name: _markdown_heading(metric) for metric in scores.metrics}
    return markdown(_mark(show_table(drop_unmeasured(table)), scores, "**", "**"), headings)


def _markdown_heading(metric: Metric) -> str:
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"`{metric.name}`{unit}" + (f" {metric.arrow}" if metric.arrow else "")


def escape_latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(_LATEX_SPECIAL.get(character, character) for character in text).replace("∞", r"$\infty$")


def results_latex(table: pd.DataFrame, scores: Scores) -> str:
    """The main table for a paper: booktabs rules, directions in the headings."""
    shown = show_table(drop_unmeasured(table)).map(escape_latex)
    headings = {metric.name: _latex_heading(metric) for metric in scores.metrics}
    escaped = {name: headings.get(name, escape_latex(name)) for name in shown.columns}
    alignment = "".join("l" if name in ("dataset", "method", "signature") else "r" for name in shown.columns)
    body = _mark_latex(shown, scores)
    rows = [" & ".join(cells) + r" \\" for cells in body.to_numpy().tolist()]
    head = " & ".join(escaped.values()) + r" \\"
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", head, r"\midrule", *rows]
    return "% needs \\usepackage{booktabs}\n" + "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _latex_heading(metric: Metric) -> str:
    unit = f" [{escape_latex(metric.unit)}]" if metric.unit else ""
    return escape_latex(metric.name) + unit + _LATEX_ARROWS[metric.higher_is_better]


def _mark_latex(shown: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    names = {escape_latex(method.name): method.name for method in scores.methods}
    plain = shown.assign(method=shown["method"].map(names))
    return _mark(plain, scores, r"\textbf{", "}").assign(method=shown["method"])


def scores_json(scores: Scores) -> str:
    """The system's means by metric, for `dvc exp show` and `dvc metrics diff`; without what was not measured."""
    means = scores.means().T[scores.system.name].to_dict()
    finite = {str(name): round(value, 6) for name, value in means.items() if math.isfinite(value)}
    return json.dumps(finite, indent=2) + "\n"


def write_tables(tables: Tables, scores: Scores, folder: Path) -> None:
    """Writes every table as CSV, the main one also as `results.md` (with the others below it) and `results.tex`;
    `scores.json` holds the system's means.

    Args:
        tables: of one experiment.
        scores: whose tables these are.
        folder: an empty folder.
    """
    named = {"results": tables.results, "regions": tables.regions, "splits": tables.splits,
             "failures": tables.failures, "unavailable": tables.unavailable, "metrics": tables.glossary}  # fmt: skip
    for name, table in named.items():
        write_csv(table, folder / f"{name}.csv")
    write_text(folder / "results.tex", results_latex(tables.results, scores))
    write_text(folder / "scores.json", scores_json(scores))
    sections = {
        "Results": results_markdown(tables.results, scores),
        "Regions (intersection over union)": _plain_markdown(tables.regions),
        "Splits": _plain_markdown(tables.splits),
        "Not measured": _plain_markdown(tables.unavailable),
        "Clips given up on": _plain_markdown(tables.failures),
        "Metrics": _plain_markdown(tables.glossary),
    }
    text = "\n".join(f"## {title}\n\n{body}" for title, body in sections.items() if body)
    write_text(folder / "results.md", text)


def _plain_markdown(table: pd.DataFrame) -> str:
    return markdown(show_table(table), {}) if len(table) else ""
