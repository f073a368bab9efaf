"""Scores of the clips of each emotion, level and the like, written and shown."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from segtalker.reporting.tables.formats import (
    decimals,
    escape_latex,
    interval_cell,
    latex,
    latex_heading,
    markdown,
    markdown_heading,
    show_interval,
    small_latex,
    write_csv,
)
from segtalker.reporting.tables.intervals import Interval
from segtalker.reporting.tables.scores import Metric, Scores
from segtalker.utils.atomic import write_text


def groups_of(table: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """The rows of some methods of a table of groups, whom `who` names."""
    return table[table["method"].isin(methods)].assign(who=table["method"])


def group_tables(group_rows: pd.DataFrame, scores: Scores) -> list[pd.DataFrame]:
    """For each way to group clips a table as text: a row a metric and method, a column a group."""
    return list(_tables(group_rows, scores, lambda metric: metric.name, str, str))


def write_groups(table: pd.DataFrame, group_rows: pd.DataFrame, scores: Scores, folder: Path) -> None:
    """Writes scores by emotion and the like: all as CSV, those shown as LaTeX; nothing where there are none.

    Args:
        table: of all methods.
        group_rows: some of its rows, with a column `who`.
        scores: say which metrics there are.
        folder: gets the files.
    """
    if len(table):
        write_csv(table, folder / "emotions.csv")
        tables = _tables(group_rows, scores, latex_heading, escape_latex, small_latex)
        write_text(folder / "emotions.tex", "\n".join(latex(table, ["metric", "who"]) for table in tables))


def groups_section(group_rows: pd.DataFrame, scores: Scores) -> dict[str, str]:
    """The same as Markdown, under its title."""
    tables = _tables(group_rows, scores, markdown_heading, str, str)
    title = f"By {', '.join(dict.fromkeys(group_rows['by']))}"
    return {title: "\n".join(markdown(table, {}) for table in tables)}


def _tables(
    group_rows: pd.DataFrame,
    scores: Scores,
    heading: Callable[[Metric], str],
    escape: Callable[[str], str],
    small: Callable[[str], str],
) -> Iterator[pd.DataFrame]:
    for by, part in group_rows.groupby("by", sort=False):
        columns, rows = list(dict.fromkeys(part["group"])), []
        row_index = {(row["metric"], row["who"], row["group"]): row for row in part.to_dict("records")}
        for metric in scores.summary_metrics:
            digits = decimals(part.loc[part["metric"] == metric.name, "mean"])
            for who in dict.fromkeys(part.loc[part["metric"] == metric.name, "who"]):
                cells = [_cell(row_index.get((metric.name, who, column)), digits, small) for column in columns]
                rows.append([heading(metric), escape(who), *cells])
        yield pd.DataFrame(
            rows, columns=["metric", "who", *(escape(f"{by} {column}") for column in columns)], dtype=str
        )


def _cell(row: dict | None, digits: int, small: Callable[[str], str]) -> str:
    if row is None:
        return ""
    one = Interval(row["mean"], row["low"], row["high"], row["clips"], row["subjects"])
    return interval_cell(*show_interval(one, digits), ("", ""), small)
