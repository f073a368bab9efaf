"""The experiment as a Prefect flow: one task per DVC stage, side by side where inputs and cores allow."""

from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.logging.handlers import APILogHandler

from flows.dvc.command_line import StageKilledError
from flows.stage_runs import Outcome, StageRuns
from segtalker.config.stages import Stage


def _worth_retrying(_task: object, _run: object, state: object) -> bool:
    """A stage that was killed goes on where it stopped; a mistake or a defect stays one."""
    return isinstance(getattr(state, "data", None), StageKilledError)


def _stage_task(stage: Stage, runs: StageRuns) -> Any:
    """The task of one stage, under its name."""

    @task(name=stage, task_run_name=stage, retries=1, retry_condition_fn=_worth_retrying, cache_policy=NO_CACHE)
    def stage_task() -> Outcome:
        outcome = runs.finish(stage)
        get_run_logger().info("%s: %s in %.1f s", *(outcome.stage, outcome.state, outcome.seconds))
        return outcome

    return stage_task


def _run_all(runs: StageRuns) -> None:
    """Starts every stage as soon as it may run; the first that fails ends those beside it."""
    futures, end_queue = dict[Stage, PrefectFuture[Outcome]](), SimpleQueue[Stage]()

    def tell_end(stage: Stage) -> Callable[[Any], None]:
        return lambda _future: end_queue.put(stage)

    try:
        for _ in runs.stages:
            runs.advance()
            for stage in [stage for stage in runs.begun if stage not in futures]:
                futures[stage] = _stage_task(stage, runs).submit()
                futures[stage].add_done_callback(tell_end(stage))
            runs.end(futures[end_queue.get()].result())
    except BaseException:
        runs.end_all()
        raise


def _summary(outcomes: list[Outcome]) -> str:
    rows = [f"| {outcome.stage} | {outcome.state} | {outcome.seconds:.1f} |" for outcome in outcomes]
    return "\n".join(["| stage | state | seconds |", "|---|---|---|", *rows])


def reproduce(experiment: str, runs: StageRuns) -> None:
    """Runs every stage that is not up to date.

    Args:
        experiment: its name, shown in the Prefect UI.
        runs: the stages; some may have begun.
    """

    @flow(name="segtalker", flow_run_name=experiment)
    def segtalker() -> None:
        _run_all(runs)
        create_markdown_artifact(_summary(runs.outcomes), key="stages", description="stages of this run")

    segtalker()


def report(root: Path, experiment: str, runs: StageRuns) -> None:
    """Runs the stage `tables` and nothing before it: tables, figures and page anew, from results that are there.

    Args:
        root: the project folder.
        experiment: the active one, shown in the Prefect UI.
        runs: of that stage alone.
    """

    @flow(name="segtalker-report", flow_run_name=experiment)
    def segtalker_report() -> None:
        _run_all(runs)
        tables = root / "reports" / "tables" / "results.md"
        create_markdown_artifact(tables.read_text(encoding="utf-8"), key="results", description="tables of this run")

    segtalker_report()


def flush_logs() -> None:
    """Sends what is still to be logged, before the server stops."""
    APILogHandler().flush()
