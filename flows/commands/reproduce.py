"""`segtalker reproduce`: an experiment, or a run of somebody's again."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.console import say
from flows.commands.experiment_options import ExperimentOption, SettingsOption
from flows.commands.results import say_results
from flows.dvc.run_lock import run_lock
from flows.needed_files import refuse_missing_files
from segtalker.config.experiment import DEFAULT_EXPERIMENT, activate, compose
from segtalker.config.params import load_params, merge
from segtalker.config.stages import STAGES, Stage
from segtalker.config.workspace import project_root
from segtalker.datasets.pairs import pairs_overrides
from segtalker.tracking.store_address import check_store
from segtalker.utils.errors import BadInputError

EXIT_NO_MATCH = 3  # the run went well, its numbers are others


def reproduce(
    experiment: ExperimentOption = DEFAULT_EXPERIMENT,
    settings: SettingsOption = None,
    from_experiment: Annotated[
        str, typer.Option(metavar="NAME", help="Start every training from the networks of that experiment.")
    ] = "",
    until: Annotated[str, typer.Option(help="Stop after this stage.")] = STAGES[-1],
    origin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="RUN|SIGNATURE",
            help="Make this run again and compare its numbers: an id, a signature or the beginning of one.",
        ),
    ] = "",
    tracking: Annotated[
        str, typer.Option(metavar="URI", help="Where --from is looked up: an MLflow address or database file.")
    ] = "",
    with_this_code: Annotated[
        bool, typer.Option("--with-this-code", help="Allow other code than --from was made by.")
    ] = False,
) -> None:
    """Run the whole experiment, or somebody's run again; what is up to date is not run again."""
    if until not in STAGES:
        raise BadInputError(f"--until {until}: no such stage; there are: {', '.join(STAGES)}")
    root = project_root()
    if not origin:
        if tracking or with_this_code:
            raise BadInputError("--tracking and --with-this-code go with --from, which names the run to make again")
        start = [f"training.start_from={from_experiment}"] if from_experiment else []
        return _run_experiment(root, experiment, [*(settings or []), *start], STAGES[STAGES.index(until)])
    if experiment != DEFAULT_EXPERIMENT or from_experiment or until != STAGES[-1]:
        raise BadInputError("--from makes a whole run again, as it was: no --experiment, --from-experiment or --until")
    from flows.reproduction.run import Wish, reproduce_run

    if not reproduce_run(root, Wish(origin, tracking, tuple(settings or ()), with_this_code)):
        raise typer.Exit(EXIT_NO_MATCH)
    return None


def _run_experiment(root: Path, experiment: str, settings: list[str], until: Stage) -> None:
    content, params = compose(root, experiment, settings)
    stages = STAGES[: STAGES.index(until) + 1]
    refuse_missing_files(params, stages, root)
    check_store(root)
    with run_lock(root):
        activate(root, merge(content, pairs_overrides(params, stages, root)))
        params = load_params(root)
        say(f"{experiment}: {len(stages)} stages")
        from flows.experiment_run import experiment_run

        with experiment_run(root, params, stages) as run:
            outcomes = run.reproduce()
    ran = sum(outcome.state == "ran" for outcome in outcomes)
    say(f"{experiment}: {ran} stages ran, {len(outcomes) - ran} cached")
    if until == STAGES[-1]:
        say_results(root, params)
