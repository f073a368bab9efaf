"""Writes the tables of one run, as its stage did, or of several beside each other."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from segtalker.reporting.comparison.side_by_side import (
    Runs,
    ablation_table,
    check_protocols,
    compare_systems,
    first,
    protocol_groups,
    seed_table,
    with_run,
)
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
    show_table,
    small_latex,
    write_csv,
)
from segtalker.reporting.tables.groups import groups_of, groups_section, write_groups
from segtalker.reporting.tables.intervals import Uncertainty
from segtalker.reporting.tables.scores import Scores
from segtalker.reporting.tables.write import write_tables
from segtalker.utils.atomic import write_text

_ENDINGS = ("_low", "_high", "_difference")


def write_runs(runs: Runs, folder: Path, separate: bool) -> list[Path]:
    """Writes every table as CSV, Markdown and LaTeX.

    Args:
        runs: by name.
        folder: gets the tables; those of each protocol in a folder of their own where there are several.
        separate: allows several protocols.

    Returns:
        The Markdown files.

    Raises:
        BadInputError: runs of several protocols that differ in more than their seed, and not `separate`.
    """
    if not separate:
        check_protocols(runs)
    groups = protocol_groups(runs)
    files = []
    for signature, members in groups.items():
        target = folder if len(groups) == 1 else folder / f"protocol-{signature}"
        target.mkdir(parents=True, exist_ok=True)
        if len(members) == 1:
            write_tables(first(members).tables, first(members).scores, target)
        else:
            _write_several(members, target)
        files.append(target / "results.md")
    seeds = seed_table(runs)
    if len(seeds):
        _write_plain(seeds, folder, "seeds")
        write_text(folder / "seeds.md", f"## Seeds\n\n{plain_markdown(seeds)}")
        files.append(folder / "seeds.md")
    return files


def _write_plain(table: pd.DataFrame, folder: Path, name: str) -> None:
    write_csv(table, folder / f"{name}.csv")
    if len(table):
        write_text(folder / f"{name}.tex", plain_latex(show_table(table)))


def _joined(runs: Runs) -> dict[str, pd.DataFrame]:
    """Each table of the runs as one; the long ones last."""

    def joined(name: str) -> pd.DataFrame:
        return with_run([(label, getattr(run.tables, name)) for label, run in runs.items()])

    def long(name: str) -> pd.DataFrame:
        return with_run([(label, getattr(run.tables.uncertainty, name)) for label, run in runs.items()])

    results = with_run(
        [(label, run.tables.results.assign(experiment=run.run.experiment)) for label, run in runs.items()]
    )
    results.insert(1, "experiment", results.pop("experiment"))
    tables = {name: joined(name) for name in ("regions", "splits", "failures", "unavailable")}
    tables |= {"results": results, "intervals": long("intervals"), "differences": long("differences")}
    return tables | {"groups": joined("groups")}


def _system_groups(runs: Runs) -> pd.DataFrame:
    """Scores by emotion and the like of each run's system."""
    parts = {label: groups_of(run.tables.groups, [run.scores.system.name]) for label, run in runs.items()}
    return pd.concat([part.assign(who=label) for label, part in parts.items()], ignore_index=True)


def _write_several(runs: Runs, folder: Path) -> None:
    """The tables of runs of one protocol."""
    tables, (scores, uncertainty) = _joined(runs), compare_systems(runs)
    ablation = ablation_table(runs, scores, uncertainty)
    plain = {name: tables.pop(name) for name in ("regions", "splits", "failures", "unavailable")}
    plain["metrics"] = first(runs).tables.glossary
    for name, table in plain.items():
        _write_plain(table, folder, name)
    group_rows = _system_groups(runs)
    write_groups(tables.pop("groups"), group_rows, scores, folder)
    for name, table in (tables | {"ablation": ablation}).items():
        write_csv(table, folder / f"{name}.csv")
    means = ablation[[name for name in ablation.columns if not name.endswith(_ENDINGS)]]
    systems = Systems(scores, uncertainty, list(runs), means)
    _write_latex(tables["results"], systems, first(runs).scores, folder)
    _write_markdown(tables["results"], systems, first(runs).scores, plain, groups_section(group_rows, scores), folder)


@dataclass(frozen=True)
class Systems:
    """The systems of the runs: their scores, the runs' names, and a table of their means."""

    scores: Scores
    uncertainty: Uncertainty
    labels: list[str]
    means: pd.DataFrame

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Each run and the first."""
        return [(label, self.labels[0]) for label in self.labels[1:]]


def _write_latex(results: pd.DataFrame, systems: Systems, own: Scores, folder: Path) -> None:
    scores, uncertainty, pairs = systems.scores, systems.uncertainty, systems.pairs
    intervals = interval_texts(scores, uncertainty, scores.summary_metrics, LATEX_MARKS, small_latex)
    gaps = difference_texts(scores, uncertainty, pairs, small_latex)
    latex = {
        "results": results_latex(results, own, None),
        "ablation": results_latex(systems.means, scores, uncertainty),
        "intervals": metric_latex(intervals, systems.labels, scores),
        "differences": metric_latex(gaps, [f"{label} - {base}" for label, base in pairs], scores),
    }
    for name, text in latex.items():
        write_text(folder / f"{name}.tex", text)


def _write_markdown(
    results: pd.DataFrame,
    systems: Systems,
    own: Scores,
    plain: dict[str, pd.DataFrame],
    groups: dict[str, str],
    folder: Path,
) -> None:
    scores, uncertainty, labels = systems.scores, systems.uncertainty, systems.labels
    interval_rows = interval_texts(scores, uncertainty, scores.summary_metrics, MARKDOWN_MARKS, str)
    intervals = metric_markdown(interval_rows, labels, scores)
    gaps = metric_markdown(difference_texts(scores, uncertainty, systems.pairs, str), labels[1:], scores)
    sections = {
        "Results": results_markdown(results, own, None),
        f"Run by run: {own.system.name}": results_markdown(systems.means, scores, uncertainty),
        "Intervals": f"{intervals}\n{interval_notes(scores, uncertainty)}\n",
        f"Differences to {labels[0]}": f"{gaps}\nOn the clips both have. {BRACKETS}\n",
        **groups,
        "Regions (intersection over union)": plain_markdown(plain["regions"]),
        "Splits": plain_markdown(plain["splits"]),
        "Not measured": plain_markdown(plain["unavailable"]),
        "Clips given up on": plain_markdown(plain["failures"]),
        "Metrics": plain_markdown(plain["metrics"]),
    }
    write_text(folder / "results.md", "\n".join(f"## {title}\n\n{body}" for title, body in sections.items() if body))
