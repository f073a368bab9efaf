"""A sweep as a Prefect flow: one task a trial, as many side by side as there are shares of the machine."""

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed, State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.pipeline import flush_logs
from flows.sweeps.run import Job, Sweep
from flows.sweeps.study import Outcome
from segtalker.reporting.sweeps.trials import TrialRecord

_ARTIFACT = "trials"


def _trial_task(job: Job, sweep: Sweep, outcomes: dict[int, Outcome]) -> Any:
    """The task of one trial; its state is the trial's."""

    @task(name="trial", task_run_name=f"trial {job.number}", cache_policy=NO_CACHE)
    def trial() -> State:
        outcome = outcomes[job.number] = sweep.work(job)
        message = outcome.reason or ", ".join(outcome.stages)
        return Failed(message=message) if outcome.state == "failed" else Completed(message=message, name=outcome.state)

    return trial


def _run_all(sweep: Sweep) -> None:
    """Begins a trial whenever one may begin, until there are no more."""
    outcomes, ended = dict[int, Outcome](), SimpleQueue[int]()
    futures = dict[int, PrefectFuture[State]]()

    def tell_end(number: int) -> Callable[[Any], None]:
        return lambda _future: ended.put(number)

    try:
        while True:
            while job := sweep.begin():
                futures[job.number] = _trial_task(job, sweep, outcomes).submit()
                futures[job.number].add_done_callback(tell_end(job.number))
            if not futures:
                return
            number = ended.get()
            future = futures.pop(number)
            if number not in outcomes:
                future.result()  # a defect: raises it
            sweep.end(outcomes[number])
    except BaseException:
        sweep.end_all()
        raise


def _summary(records: list[TrialRecord]) -> str:
    rows = [
        f"| {record.number} | {record.state} | {'' if record.score is None else f'{record.score:.6g}'} |"
        f" {' '.join(f'{key}={value}' for key, value in record.values.items())} | {record.seconds:.0f} |"
        for record in records
    ]
    return "\n".join(["| trial | state | score | params | seconds |", "|---|---|---|---|---|", *rows])


def run_sweep(sweep: Sweep) -> None:
    """Runs the trials that a sweep still lacks.

    Args:
        sweep: the one.
    """

    runner: Any = ThreadPoolTaskRunner(max_workers=len(sweep.slots))

    @flow(
        name="segtalker-sweep",
        flow_run_name=sweep.plan.name,
        task_runner=runner,
    )
    def segtalker_sweep() -> None:
        _run_all(sweep)
        create_markdown_artifact(_summary(sweep.study.records()), key=_ARTIFACT, description="trials of the sweep")

    try:
        segtalker_sweep()
    finally:
        flush_logs()
