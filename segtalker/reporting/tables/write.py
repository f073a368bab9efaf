"""Writes every table of one experiment."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from segtalker.reporting.tables.build import Tables
from segtalker.reporting.tables.formats import (
    BRACKETS,
    LATEX_MARKS,
    MARKDOWN_MARKS,
    difference_texts,
    interval_notes,
    interval_texts,
    metric_latex,
    metric_markdown,
    plain_latex,
    plain_markdown,
    results_latex,
    results_markdown,
    scores_json,
    show_table,
    small_latex,
    system_names,
    system_pairs,
    write_csv,
)
from segtalker.reporting.tables.groups import groups_of, groups_section, write_groups
from segtalker.reporting.tables.scores import Scores
from segtalker.utils.atomic import write_text


def _interval_sections(tables: Tables, scores: Scores) -> dict[str, str]:
    """Markdown of intervals and differences."""
    uncertainty, methods = tables.uncertainty, [method.name for method in scores.methods]
    intervals = metric_markdown(interval_texts(scores, uncertainty, MARKDOWN_MARKS, str), methods, scores)
    sections = {"Intervals": f"{intervals}\n{interval_notes(scores, uncertainty)}\n"}
    for system in system_names(scores):
        pairs = system_pairs(scores, system)
        if differences := difference_texts(scores, uncertainty, pairs, str):
            rows = metric_markdown(differences, [other for _, other in pairs], scores)
            sections[f"Differences: {system} less the others"] = f"{rows}\nOn the clips both have. {BRACKETS}\n"
    return sections


def _write_latex(tables: Tables, scores: Scores, plain: Mapping[str, pd.DataFrame], folder: Path) -> None:
    uncertainty, methods = tables.uncertainty, [method.name for method in scores.methods]
    write_text(folder / "results.tex", results_latex(tables.results, scores, uncertainty))
    intervals = interval_texts(scores, uncertainty, LATEX_MARKS, small_latex)
    write_text(folder / "intervals.tex", metric_latex(intervals, methods, scores))
    parts = []
    for system in system_names(scores):
        pairs = system_pairs(scores, system)
        if differences := difference_texts(scores, uncertainty, pairs, small_latex):
            parts.append(metric_latex(differences, [f"{system} - {other}" for _, other in pairs], scores))
    if parts:
        write_text(folder / "differences.tex", "\n".join(parts))
    for name, table in plain.items():
        if len(table):
            write_text(folder / f"{name}.tex", plain_latex(show_table(table)))


def write_tables(tables: Tables, scores: Scores, folder: Path) -> None:
    """Writes every table as CSV and LaTeX, all of them in `results.md`; `scores.json` holds the system's means.

    Args:
        tables: of one experiment.
        scores: whose tables these are.
        folder: an empty folder.
    """
    plain = {"regions": tables.regions, "splits": tables.splits, "failures": tables.failures,
             "unavailable": tables.unavailable, "metrics": tables.glossary}  # fmt: skip
    uncertainty = tables.uncertainty
    long = {"results": tables.results, "intervals": uncertainty.intervals, "differences": uncertainty.differences}
    for name, table in (long | plain).items():
        write_csv(table, folder / f"{name}.csv")
    _write_latex(tables, scores, plain, folder)
    write_text(folder / "scores.json", scores_json(scores))
    groups = groups_of(tables.groups, system_names(scores))
    write_groups(tables.groups, groups, scores, folder)
    sections = {
        "Results": results_markdown(tables.results, scores, uncertainty),
        **_interval_sections(tables, scores),
        **groups_section(groups, scores),
        "Regions (intersection over union)": plain_markdown(tables.regions),
        "Splits": plain_markdown(tables.splits),
        "Not measured": plain_markdown(tables.unavailable),
        "Clips given up on": plain_markdown(tables.failures),
        "Metrics": plain_markdown(tables.glossary),
    }
    text = "\n".join(f"## {title}\n\n{body}" for title, body in sections.items() if body)
    write_text(folder / "results.md", text)
