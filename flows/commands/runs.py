"""`segtalker runs` and `segtalker tables`: what MLflow holds, listed and written as tables again."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from flows.commands.console import say
from segtalker.config.params import Params, load_params
from segtalker.config.workspace import project_root, refuse_stage_output
from segtalker.utils.errors import BadInputError

if TYPE_CHECKING:
    from segtalker.reporting.comparison.loaded_run import LoadedRun
    from segtalker.tracking.run_store import RunStore, StoredRun

DEFAULT_OUT = Path("reports") / "runs"
_WIDE = 1000  # columns where nobody's window is too narrow
_DIGITS = 8
_NAME_LENGTH = 48
_TIME = "%Y-%m-%d %H:%M"


def print_table(table: Table) -> None:
    """Prints a table; a pipe has no width into which it would have to fit."""
    Console(width=None if sys.stdout.isatty() else _WIDE, soft_wrap=not sys.stdout.isatty()).print(table)


def text_table(heads: list[str], rows: list[list[str]]) -> Table:
    """A table of plain text, in which nothing is read as markup."""
    table = Table(*(Column(Text(head), overflow="fold") for head in heads), box=None, header_style="bold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def load_named(store: "RunStore", names: list[str], params: Params) -> dict[str, "LoadedRun"]:
    """Runs by what a person calls them, with their scores, each once and under a name of its own.

    Args:
        store: where they are.
        names: see `segtalker.reporting.comparison.find_run.find_run`; without any the active experiment's latest run.
        params: of the project.
    """
    from segtalker.reporting.comparison.find_run import find_run, latest_run
    from segtalker.reporting.comparison.loaded_run import label_runs, load_run

    named_runs = [find_run(name, store.runs) for name in names] or [latest_run(params.active.experiment, store.runs)]
    matches = list({run.run_id: run for run in named_runs}.values())
    return {label: load_run(store, run, params.tables) for label, run in zip(label_runs(matches), matches, strict=True)}


def make_folder(folder: Path, root: Path, option: str = "--out") -> Path:
    """The folder a command writes into, made if need be.

    Args:
        folder: the one.
        root: the project folder.
        option: which names it.

    Raises:
        BadInputError: it is a file, belongs to a stage, or cannot be written to.
    """
    refuse_stage_output(folder, root, option)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{option} {folder}: no folder can be made there ({error.strerror})") from error
    if not os.access(folder, os.W_OK):
        raise BadInputError(f"{option} {folder}: cannot be written to")
    return folder


def _state(run: "StoredRun", is_scored: bool) -> str:
    return run.status.lower() if is_scored or run.status != "FINISHED" else "no scores yet"


def _key_scores(run: "StoredRun", names: tuple[str, ...]) -> str:
    """The key metrics of the system, or of whatever system the run has."""
    from segtalker.reporting.tables.methods import order_methods

    methods = order_methods({name.split("/")[0] for name in run.metrics if "/" in name})
    system = next((method.name for method in methods if method.role == "system"), "")
    key_scores = {name: run.metrics.get(f"{system}/{name}") for name in names}
    return " ".join(f"{name}={value:.4g}" for name, value in key_scores.items() if value is not None)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"


def _telling_apart(runs: Sequence["StoredRun"]) -> dict[str, list[str]]:
    """What else makes runs others, a column each; without those in which all that are known are alike."""
    columns = {
        "code": [run.code[:_DIGITS] for run in runs],
        "data": [run.data[:_DIGITS] for run in runs],
        "owner": [f"{run.user}@{run.host}".strip("@") for run in runs],
    }
    return {name: column for name, column in columns.items() if len({*column} - {""}) > 1}


def runs(
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also runs that have no scores (yet).")] = False,
) -> None:
    """List the runs in MLflow: id, protocol, state, key metrics."""
    from segtalker.reporting.comparison.find_run import plain_text, scored_part, whole_runs
    from segtalker.tracking.run_store import RunStore

    root = project_root()
    store, names = RunStore.open(root), load_params(root).tables.key_metrics
    stored_runs = [run for run in whole_runs(store.runs) if experiment in (None, run.experiment)]
    if experiment is not None and not stored_runs:
        there = ", ".join(sorted({plain_text(run.experiment) for run in whole_runs(store.runs)})) or "none"
        raise BadInputError(f"--experiment {experiment}: no run of it at {store.place}; experiments there: {there}")
    parts: dict[str, list[StoredRun]] = {}
    for part in store.runs:
        parts.setdefault(part.parent_id, []).append(part)
    scored_ids = {run.run_id for run in stored_runs if scored_part(run, parts.get(run.run_id, []))}
    shown_runs = [run for run in stored_runs if everything or run.run_id in scored_ids]
    apart = _telling_apart(shown_runs)
    rows = [
        [run.run_id[:_DIGITS], _short(run.name), run.experiment, run.dataset, run.signature[:_DIGITS],
         *(column[index] for column in apart.values()), run.protocol[:_DIGITS], _state(run, run.run_id in scored_ids),
         f"{run.end_time.astimezone():{_TIME}}", _key_scores(run, names)]
        for index, run in enumerate(shown_runs)
    ]  # fmt: skip
    heads = ["id", "name", "experiment", "dataset", "signature", *apart, "protocol", "state", "ended", "scores"]
    print_table(text_table(heads, [[plain_text(cell) for cell in row] for row in rows]))
    if left := len(stored_runs) - len(shown_runs):
        say(f"{left} more without scores; --all shows them")


def tables(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Run id, the beginning of one, or experiment; see segtalker runs."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the tables; reports/runs if left out.")] = None,
    separate: Annotated[
        bool, typer.Option("--separate", help="Runs of another protocol get tables of their own.")
    ] = False,
) -> None:
    """Write the tables of runs again, from MLflow alone; of several runs side by side."""
    from segtalker.reporting.comparison.write import write_runs
    from segtalker.tracking.run_store import RunStore

    root = project_root()
    loaded_runs = load_named(RunStore.open(root), names or [], load_params(root))
    folder = make_folder(out or root / DEFAULT_OUT, root)
    files = write_runs(loaded_runs, folder, separate)
    for label, run in loaded_runs.items():
        missing_values = int(run.scores.values["value"].isna().sum())
        say(f"{label}: {run.scores.clips(run.scores.system.name)} clips, {missing_values} values not measured, "
            f"{len(run.tables.failures)} failures, protocol {run.protocol_signature[:_DIGITS]}")  # fmt: skip
    for path in files:
        say(str(path))
