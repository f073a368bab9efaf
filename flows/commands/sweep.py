"""`segtalker sweep`: many trials of an experiment, the best of them, and a page about it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.console import say
from flows.commands.experiment_options import ExperimentOption
from flows.dvc.run_lock import run_lock
from flows.needed_files import refuse_missing_files
from flows.schedule import Resources
from flows.sweeps.plan import Pruner, Sampler, SweepPlan, check_same, existing_plan, read_plan, sweep_folder
from flows.sweeps.trial_process import Slot, machine_slots
from segtalker.config.experiment import DEFAULT_EXPERIMENT, compose
from segtalker.config.search_space import grid, read_space
from segtalker.config.stages import STAGES
from segtalker.config.workspace import project_root
from segtalker.tracking.store_address import URI_VARIABLE, absolute_uri, check_store
from segtalker.utils.errors import BadInputError, SegTalkerError

if TYPE_CHECKING:
    from flows.sweeps.report import OpenSweep

DEFAULT_TRIALS = 20
# SQLAlchemy, under MLflow and Optuna, ends a path at the one and decodes the other
_NO_ADDRESS = {"?", "%"}

sweep_app = typer.Typer(
    help="Try many values of params; the best, and a page about all of them.", invoke_without_command=True
)


@sweep_app.callback()
def sweep(
    context: typer.Context,
    experiment: ExperimentOption = DEFAULT_EXPERIMENT,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=SPACE", help="log:LOW:HIGH, LOW:HIGH, LOW:HIGH:STEP or VALUE,VALUE,...; repeatable."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value in every trial.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Of the tables, such as lse_d_expert, or a curve, such as train_tsg:val/mouth_iou.")
    ] = "",
    trials: Annotated[
        int | None, typer.Option(help="How many in all, earlier ones of the sweep included; 20, of a grid all.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the sweep; that of the experiment if left out.")] = "",
    sampler: Annotated[Sampler, typer.Option(help="How values are drawn.")] = "tpe",
    pruner: Annotated[Pruner, typer.Option(help="Which trials are given up early.")] = "none",
    parallel: Annotated[int, typer.Option(help="Trials at once, each with its share of cores and GPUs.")] = 1,
) -> None:
    """Run trials of an experiment; killed, the same command goes on where it stopped."""
    if context.invoked_subcommand:
        return
    root = project_root()
    own = (tuple(settings or ()), tuple(param or ()))
    plan = _checked_plan(root, SweepPlan(name or experiment, experiment, *own, metric, sampler, pruner))
    count, slots = _checked_trials(root, plan, trials), machine_slots(parallel, Resources.here())
    check_store(root)
    plan.folder(root).mkdir(parents=True, exist_ok=True)
    with run_lock(plan.folder(root)):
        _run(root, plan, count, slots)


def _checked_plan(root: Path, plan: SweepPlan) -> SweepPlan:
    """Sees to it that a sweep can run, before anything of it is there.

    Raises:
        BadInputError: what is wrong.
    """
    from flows.sweeps.objective import read_objective, tuned_curve
    from flows.sweeps.workspace import refuse_unshared_paths

    sweep_folder(root, plan.name)
    if _NO_ADDRESS & set(str(root.resolve())):
        raise BadInputError(
            f"{root.resolve()}: a sweep cannot run in a folder whose path holds ? or %; move the project"
        )
    if earlier := read_plan(root, plan.name):
        check_same(plan, earlier)
        return earlier
    params = compose(root, plan.experiment, plan.settings)[1]
    space = read_space(root, plan.experiment, plan.settings, plan.params)
    if not plan.metric:
        raise BadInputError("--metric: which? such as --metric lse_d_expert")
    objective = read_objective(plan.metric, params)
    if plan.pruner != "none" and tuned_curve(root, space, objective.until) is None:
        raise BadInputError(
            f"--pruner {plan.pruner}: none of the params belongs to a training, so no curve tells early"
        )
    refuse_unshared_paths(params, root, plan.experiment)
    refuse_missing_files(params, STAGES[: STAGES.index(objective.until) + 1], root)
    return plan


def _checked_trials(root: Path, plan: SweepPlan, trials: int | None) -> int:
    """How many trials there are to be.

    Raises:
        BadInputError: none.
    """
    if trials is not None and trials < 1:
        raise BadInputError(f"--trials {trials}: at least 1")
    if plan.sampler != "grid":
        return trials or DEFAULT_TRIALS
    size = len(grid(read_space(root, plan.experiment, plan.settings, plan.params)))
    return min(trials or size, size)


def _run(root: Path, plan: SweepPlan, trials: int, slots: list[Slot]) -> None:
    """Runs what the sweep still lacks, and says what came of it."""
    from flows.prefect_server import configure, prefect_server
    from flows.sweeps.report import open_sweep, selection_notes
    from flows.sweeps.run import Sweep, close_sweep
    from flows.sweeps.workspace import cache_folder, export_source
    from segtalker.tracking.sweep_runs import SweepRuns

    export_source(root, plan.folder(root))
    plan.save(root)
    opened = open_sweep(root, plan)
    ended = sum(record.state != "running" for record in opened.study.records())
    say(f"sweep {plan.name}: {ended} of {trials} trials are done")
    if ended < trials:
        for note in selection_notes(opened):
            say(f"  note: {note}")
        configure(root)
        runs = SweepRuns(root, plan.name)
        # as it is without the server, which keeps this process from the proxy that trials may need
        environment, cache = {**os.environ, URI_VARIABLE: absolute_uri(root)}, cache_folder(root)
        with prefect_server(root) as server:
            environment["PREFECT_API_URL"] = os.environ["PREFECT_API_URL"]
            trial_runs = Sweep(
                root, plan, opened.space, opened.objective, opened.study, runs, environment=environment, cache=cache,
                slots=slots, trials=trials,
            )  # fmt: skip
            server.wait()
            from flows.sweep import run_sweep

            run_sweep(trial_runs)
        trial_runs.close()
    elif opened.study.is_open:  # it was killed before it could say that it is over
        close_sweep(opened.study, SweepRuns(root, plan.name), opened.objective)
    _say_results(root, opened)


def _say_results(root: Path, opened: "OpenSweep") -> None:
    """The best trial, and where the page is.

    Raises:
        SegTalkerError: no trial is complete.
    """
    from flows.sweeps.report import differences, write_page

    plan, records, best = opened.plan, opened.study.records(), opened.study.best()
    page = write_page(root, opened)
    if best is None or best.score is None:
        last = next((record.reason for record in reversed(records) if record.reason), "none has ended")
        raise SegTalkerError(
            f"sweep {plan.name}: none of {len(records)} trials is complete, the last: {last}; see {page}"
        )
    failed = sum(record.state == "failed" for record in records)
    say(f"sweep {plan.name}: best is trial {best.number}, {plan.metric} {best.score:.6g}: "
        f"{differences(opened, best.values)}" + (f"; {failed} failed" if failed else ""))  # fmt: skip
    say(f"page: {page}")
    say(f"  try: segtalker sweep apply {plan.name}")


@sweep_app.command("apply")
def apply_best(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the sweep.")],
    experiment: Annotated[
        str, typer.Argument(metavar="[EXPERIMENT]", help="Name of the new one; NAME-best if left out.")
    ] = "",
) -> None:
    """Write the best trial as an experiment, experiments/NAME-best.yaml."""
    from flows.sweeps.report import open_sweep, write_best

    root = project_root()
    opened = open_sweep(root, existing_plan(root, name))
    target = experiment or f"{name}-best"
    sweep_folder(root, target)  # an experiment has a name of the same letters
    path = write_best(root, opened, target)
    say(f"{path}")
    say(f"  try: segtalker reproduce --experiment {target}")


@sweep_app.command("report")
def report_sweep(name: Annotated[str, typer.Argument(metavar="NAME", help="Of the sweep.")]) -> None:
    """Write the page of a sweep again, also while it runs."""
    from flows.sweeps.report import open_sweep

    root = project_root()
    _say_results(root, open_sweep(root, existing_plan(root, name)))
