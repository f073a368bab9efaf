"""`segtalker compare`: runs beside each other, on the terminal and as a page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.console import say
from flows.commands.runs import load_named, make_folder, print_table, text_table
from segtalker.config.params import load_params
from segtalker.config.workspace import project_root
from segtalker.utils.errors import BadInputError

if TYPE_CHECKING:
    from segtalker.reporting.comparison.page import Comparison

DEFAULT_OUT = Path("reports") / "comparison"
_PAGE = "compare.html"


def _show(comparison: "Comparison") -> None:
    """The comparison in letters."""
    labels = [run.label for run in comparison.runs]
    if len(comparison.params):
        say("params that differ")
        print_table(text_table(list(comparison.params.columns), comparison.params.to_numpy().tolist()))
        say("")
    heads = ["metric", labels[0], *(head for label in labels[1:] for head in (label, f"less {labels[0]}"))]
    rows = []
    for row in comparison.scores:
        cells = [f"{cell.text} {cell.interval}".strip() for cell in row.cells]
        gaps = [cell.gap for cell in row.cells]
        name = f"{row.metric.name} {row.metric.arrow}".strip()
        rows.append([name, cells[0], *(text for pair in zip(cells[1:], gaps[1:], strict=True) for text in pair)])
    print_table(text_table(heads, rows))
    say(comparison.notes)
    for warning in comparison.warnings:
        say(f"not comparable: {warning}")


def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="RUN RUN...", help="Run ids, their beginnings, or experiments.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder for the page; reports/comparison if left out.")] = None,
) -> None:
    """Compare runs: params, scores with intervals, training curves, frames; from MLflow alone."""
    from segtalker.clips.worker_pools import THIS_PROCESS
    from segtalker.reporting.comparison.find_run import describe_run, plain_text
    from segtalker.reporting.comparison.page import compare_runs, render_comparison
    from segtalker.reporting.figures.report_figures import draw_all
    from segtalker.tracking.run_store import RunStore
    from segtalker.utils.atomic import write_text

    root = project_root()
    runs = load_named(RunStore.open(root), names, load_params(root))
    if len(runs) < 2:
        names_text, only = plain_text(" ".join(names)), describe_run(next(iter(runs.values())).run)
        raise BadInputError(
            f"compare {names_text}: that is one run, {only}; name two or more by their ids, see segtalker runs"
        )
    folder = make_folder(out or root / DEFAULT_OUT, root)
    comparison = compare_runs(runs)
    _show(comparison)
    pictures = draw_all(comparison.drawings, folder / "figures", THIS_PROCESS)
    write_text(folder / _PAGE, render_comparison(comparison, pictures))
    say(f"page: {folder / _PAGE}")
