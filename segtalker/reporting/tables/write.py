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
    differences_caption,
    escape_latex,
    groups_caption,
    interval_notes,
    interval_texts,
    latex,
    markdown,
    means_caption,
    metric_latex,
    metric_markdown,
    plain_latex,
    plain_markdown,
    results_caption,
    results_latex,
    results_markdown,
    sample_text,
    scores_json,
    show_table,
    small_latex,
    system_names,
    system_pairs,
    write_csv,
)
from segtalker.reporting.tables.groups import groups_of, groups_section, write_groups
from segtalker.reporting.tables.methods import BASELINE
from segtalker.reporting.tables.scores import Scores
from segtalker.reporting.tables.verdicts import (
    VERDICTS_NOTE,
    verdict_heading,
    verdict_latex_heading,
    verdict_rows,
)
from segtalker.utils.atomic import write_text


def _interval_sections(tables: Tables, scores: Scores) -> dict[str, str]:
    """Markdown of intervals and differences."""
    uncertainty, methods = tables.uncertainty, [method.name for method in scores.methods]
    sections, caption = dict[str, str](), means_caption(scores, uncertainty)
    for title, metrics, note in (
        ("Intervals", scores.summary_metrics, interval_notes(scores, uncertainty)),
        ("By area of the picture", scores.area_metrics, caption),
        ("Texture by region", scores.texture_metrics, caption),
    ):
        cells = interval_texts(scores, uncertainty, metrics, MARKDOWN_MARKS, str)
        if table := metric_markdown(cells, methods, scores):
            sections[title] = f"{table}\n{note}\n"
    if len(tables.verdicts):
        rows = markdown(verdict_rows(tables.verdicts, scores, verdict_heading, str), {})
        note = f"{VERDICTS_NOTE} {differences_caption(scores, uncertainty)}"
        sections[f"Better or worse than {BASELINE}"] = f"{rows}\n{note}\n"
    for system in system_names(scores):
        pairs = system_pairs(scores, system)
        if differences := difference_texts(scores, uncertainty, pairs, str):
            rows = metric_markdown(differences, [other for _, other in pairs], scores)
            note = f"{differences_caption(scores, uncertainty)} {BRACKETS}"
            sections[f"Differences: {system} less the others"] = f"{rows}\n{note}\n"
    return sections


def _with_note(table: str, note: str) -> str:
    return f"{table}\n{note}\n" if table else ""


def _write_latex(tables: Tables, scores: Scores, plain: Mapping[str, pd.DataFrame], folder: Path) -> None:
    uncertainty, methods = tables.uncertainty, [method.name for method in scores.methods]
    write_text(folder / "results.tex", results_latex(tables.results, scores, uncertainty))
    for name, metrics in (
        ("intervals", scores.summary_metrics),
        ("areas", scores.area_metrics),
        ("textures", scores.texture_metrics),
    ):
        if cells := interval_texts(scores, uncertainty, metrics, LATEX_MARKS, small_latex):
            write_text(folder / f"{name}.tex", metric_latex(cells, methods, scores))
    if len(tables.verdicts):
        verdicts = verdict_rows(tables.verdicts, scores, verdict_latex_heading, small_latex)
        write_text(folder / "verdicts.tex", latex(verdicts.rename(columns=escape_latex), ["metric"]))
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
    long = {"results": tables.results, "intervals": uncertainty.intervals, "differences": uncertainty.differences,
            "areas": tables.areas, "textures": tables.textures, "verdicts": tables.verdicts}  # fmt: skip
    for name, table in (long | plain).items():
        write_csv(table, folder / f"{name}.csv")
    _write_latex(tables, scores, plain, folder)
    write_text(folder / "scores.json", scores_json(scores))
    groups = groups_of(tables.groups, system_names(scores))
    write_groups(tables.groups, groups, scores, folder)
    sections = {
        "Results": f"{results_markdown(tables.results, scores, uncertainty)}\n{results_caption(scores)}\n",
        **_interval_sections(tables, scores),
        **{
            title: _with_note(table, groups_caption(scores, uncertainty))
            for title, table in groups_section(groups, scores).items()
        },
        "Regions (intersection over union)": _with_note(
            plain_markdown(tables.regions), f"Means of {sample_text(scores)}."
        ),
        "Splits": plain_markdown(tables.splits),
        "Not measured": plain_markdown(tables.unavailable),
        "Clips given up on": plain_markdown(tables.failures),
        "Metrics": plain_markdown(tables.glossary),
    }
    text = "\n".join(f"## {title}\n\n{body}" for title, body in sections.items() if body)
    write_text(folder / "results.md", text)
