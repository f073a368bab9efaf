"""The experiment as a Prefect flow: one task per DVC stage, in DAG order."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.logging.handlers import APILogHandler

from flows.commands.console import say
from flows.dvc import command_line
from segtalker.config.stages import STAGE_INPUTS, STAGES, Stage


@dataclass(frozen=True)
class Outcome:
    """How a stage ended.

    Args:
        stage: its name.
        state: `ran`, `restored` (from DVC's cache) or `cached` (up to date as it was).
        seconds: how long it took.
        renewed: whether its outputs are others now.
    """

    stage: Stage
    state: str
    seconds: float
    renewed: bool


def _worth_retrying(_task: object, _run: object, state: object) -> bool:
    """A stage that was killed goes on where it stopped; a mistake or a defect stays one."""
    return isinstance(getattr(state, "data", None), command_line.StageKilledError)


def _outcome(root: Path, stage: Stage, force: bool) -> Outcome:
    started = time.monotonic()
    found = command_line.reproduce_stage(root, stage, force)
    state = "ran" if found.ran else "restored" if found.renewed else "cached"
    return Outcome(stage, state, time.monotonic() - started, found.renewed)


@task(task_run_name="{stage}", retries=1, retry_condition_fn=_worth_retrying, cache_policy=NO_CACHE)
def run_stage(root: Path, stage: Stage, changed: bool, force: bool = False) -> Outcome:
    """Brings one stage up to date.

    Args:
        root: the project folder.
        stage: its name.
        changed: whether DVC has to look at it at all.
        force: whether it depends on something DVC does not see.
    """
    if changed:
        say(f"{stage} ...")
    outcome = _outcome(root, stage, force) if changed else Outcome(stage, "cached", 0.0, renewed=False)
    get_run_logger().info("%s: %s in %.1f s", *(outcome.stage, outcome.state, outcome.seconds))
    say(f"{stage}: {outcome.state}" + (f" in {outcome.seconds:.1f} s" if changed else ""))
    return outcome


def _needs_run(stage: Stage, changed: Collection[str], renewed: Collection[Stage]) -> bool:
    return stage in changed or any(before in renewed for before in STAGE_INPUTS[stage])


def _summary(outcomes: list[Outcome]) -> str:
    rows = [f"| {outcome.stage} | {outcome.state} | {outcome.seconds:.1f} |" for outcome in outcomes]
    return "\n".join(["| stage | state | seconds |", "|---|---|---|", *rows])


@flow(name="segtalker", flow_run_name="{experiment}")
def reproduce(root: Path, experiment: str, until: str, changed: list[str], forced: list[str]) -> list[Outcome]:
    """Runs every stage up to `until` that is not up to date.

    Args:
        root: the project folder.
        experiment: its name, shown in the Prefect UI.
        until: the last stage.
        changed: stages DVC found changed.
        forced: stages that look at files DVC does not know, such as the user's videos.

    Returns:
        One outcome a stage.
    """
    outcomes: list[Outcome] = []
    for stage in STAGES[: STAGES.index(cast(Stage, until)) + 1]:
        renewed = {outcome.stage for outcome in outcomes if outcome.renewed}
        runner = run_stage.with_options(name=stage)
        force = stage in forced
        outcomes.append(runner(root, stage, force or _needs_run(stage, changed, renewed), force))
    create_markdown_artifact(_summary(outcomes), key="stages", description="stages of this run")
    return outcomes


def flush_logs() -> None:
    """Sends what is still to be logged, before the server stops."""
    APILogHandler().flush()


_STAGE = STAGES[-1]


@flow(name="segtalker-report", flow_run_name="{experiment}")
def report(root: Path, experiment: str) -> Path:
    """Runs the stage `tables` and nothing before it.

    Args:
        root: the project folder.
        experiment: the active one, shown in the Prefect UI.

    Returns:
        The page.
    """
    run_stage.with_options(name=_STAGE)(root, _STAGE, changed=True, force=True)
    tables = root / "reports" / "tables" / "results.md"
    create_markdown_artifact(tables.read_text(encoding="utf-8"), key="results", description="tables of this run")
    return root / "reports" / "index.html"
