"""A run of a sweep: which trial comes next, what became of it, and what a person reads of it."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from flows.commands.console import say
from flows.dvc.lock_cache import made_before
from flows.sweeps.objective import Objective, Score, read_curve, shared_stages, tuned_curve
from flows.sweeps.plan import SweepPlan
from flows.sweeps.study import NextTrial, Outcome, SweepStudy
from flows.sweeps.trial_process import Slot, TrialProcess
from flows.sweeps.workspace import SOURCE, clear, prepare, refuse_unshared_paths
from segtalker.config.experiment import activate, compose
from segtalker.config.params import load_params, merge
from segtalker.config.search_space import SearchParam
from segtalker.config.stages import STAGES
from segtalker.datasets.pairs import pairs_overrides
from segtalker.tracking.provenance import experiment_signature
from segtalker.utils.errors import SegTalkerError, one_line

if TYPE_CHECKING:
    from segtalker.tracking.sweep_runs import SweepRuns

_STATUS = {"complete": "FINISHED", "failed": "FAILED", "pruned": "KILLED"}


class SweepEndsError(SegTalkerError):
    """A trial was ended with the sweep; it goes on with it."""


@dataclass(frozen=True)
class Job:
    """A trial that runs.

    Args:
        next_trial: what is tried.
        slot: its share of the machine.
        settings: `key=value`, those of the sweep first.
        folder: the trial's.
        run_id: its run in MLflow.
    """

    next_trial: NextTrial
    slot: Slot
    settings: tuple[str, ...]
    folder: Path
    run_id: str

    @property
    def number(self) -> int:
        """Of the trial."""
        return self.next_trial.number


class Sweep:
    """The trials of a sweep, each begun and ended in one thread and waited for in another.

    Args:
        root: the project folder.
        plan: what is swept.
        space: read from it.
        objective: what is made better.
        study: remembers the trials.
        runs: in MLflow.
        environment: variables for the trials, the address of the store among them.
        cache: DVC's, shared by the trials.
        slots: shares of the machine, one a trial that runs.
        trials: how many in all, those of earlier runs included.
    """

    def __init__(
        self,
        root: Path,
        plan: SweepPlan,
        space: Sequence[SearchParam],
        objective: Objective,
        study: SweepStudy,
        runs: "SweepRuns",
        *,
        environment: Mapping[str, str],
        cache: Path,
        slots: Sequence[Slot],
        trials: int,
    ) -> None:
        self.plan, self.study, self.slots = plan, study, tuple(slots)
        self._root, self._space, self._objective, self._runs = root, tuple(space), objective, runs
        self._environment, self._cache, self._trials = environment, cache, trials
        self._folder = plan.folder(root)
        self._curve = tuned_curve(self._folder / SOURCE, space, objective.until)
        self._free, self._jobs = list(slots), dict[int, Job]()
        self._processes, self._processes_lock = dict[int, TrialProcess](), Lock()
        self._ending = self._alone = False
        self._sweep_id = study.run_id = runs.open_sweep(study.run_id, _shown(plan))
        study.is_open = True

    def begin(self) -> Job | None:
        """The next trial, where one may begin now: what trials share is made by the first, the others wait for it."""
        if not self._free or self._alone:
            return None
        while next_trial := self.study.next_trial(self._trials):
            own = self.study.settings(next_trial.values)
            settings = (*self.plan.settings, *own)
            try:
                content = self._content(settings)
            except SegTalkerError as error:  # values that do not go together
                self._refuse(next_trial, own, one_line(error))
                continue
            folder = prepare(self._root, self._folder, next_trial.number, self.plan.experiment, self._cache)
            activate(folder, content)
            params = load_params(folder)
            shared = shared_stages(folder, self._space, self._objective.until)
            self._alone = len(self.slots) > 1 and not shared <= made_before(folder, params)
            run_id = self._open_run(next_trial.number, own, experiment_signature(params))
            job = self._jobs[next_trial.number] = Job(next_trial, self._free.pop(0), settings, folder, run_id)
            again = " again, it was interrupted" if next_trial.is_resumed else ""
            alone = "; the others wait for what it makes for all" if self._alone else ""
            say(f"trial {job.number}{again}: {' '.join(own)}{alone}")
            return job
        return None

    def _content(self, settings: Sequence[str]) -> dict[str, Any]:
        """What `segtalker reproduce` will write to `experiment.yaml` of a trial: by nothing else is known what was made
        before, and the run in the store has its signature.
        """
        content, params = compose(self._folder / SOURCE, self.plan.experiment, settings)
        refuse_unshared_paths(params, self._root, self.plan.experiment)
        stages = STAGES[: STAGES.index(self._objective.until) + 1]
        return merge(content, pairs_overrides(params, stages, self._root))

    def _open_run(self, number: int, own: Sequence[str], signature: str) -> str:
        """The trial's run in MLflow; one that was interrupted has its own."""
        params = dict(setting.split("=", 1) for setting in own)
        known = self.study.notes(number).get("run_id")
        run_id = known or self._runs.open_trial(self._sweep_id, number, params, signature)
        self.study.note(number, run_id=run_id)
        return run_id

    def _refuse(self, next_trial: NextTrial, own: Sequence[str], reason: str) -> None:
        run_id = self._open_run(next_trial.number, own, "")
        self._runs.close(run_id, "FAILED", {}, reason)
        self.study.tell(Outcome(next_trial.number, "failed", 0.0, reason=reason))
        say(f"trial {next_trial.number}: failed, {reason}")

    def work(self, job: Job) -> Outcome:
        """Runs a trial to its end.

        Raises:
            SweepEndsError: the sweep ends meanwhile; the trial stays as it is.
            SegTalkerError: the store does not answer; the trial is no failure and is taken up with the sweep.
        """
        start = time.monotonic()
        try:
            process = self._start(job)
        except OSError as error:
            return Outcome(job.number, "failed", time.monotonic() - start, reason=one_line(error))
        try:
            code = process.wait(lambda: self._is_given_up(job))
        finally:
            process.end()  # nothing runs on that no one waits for
        if self._ending:
            raise SweepEndsError("the sweep ends")
        return self._outcome(job, code, process, time.monotonic() - start)

    def _start(self, job: Job) -> TrialProcess:
        plan = self.plan
        settings = [word for setting in job.settings for word in ("--set", setting)]
        arguments = ["--experiment", plan.experiment, *settings, "--until", self._objective.until]
        with self._processes_lock:
            if self._ending:
                raise SweepEndsError("the sweep ends")
            process = TrialProcess(job.folder, arguments, job.slot, self._environment)
            self._processes[job.number] = process
        return process

    def _is_given_up(self, job: Job) -> bool:
        if self.plan.pruner == "none" or self._curve is None or self._ending:
            return False
        try:
            curve = self._runs.curve(job.folder, *self._curve)
        except SegTalkerError:  # a store that does not answer for once says nothing about the trial
            return False
        return self.study.is_worse(job.number, curve)

    def _outcome(self, job: Job, code: int | None, process: TrialProcess, seconds: float) -> Outcome:
        state, reason = "complete", ""
        score: Score | None = None
        curve: tuple[float, ...] = ()
        try:  # before the store is asked: its trouble is none of the trial's
            if code is None:
                state, reason = "pruned", f"given up by the {self.plan.pruner} pruner"
            elif code:
                state, reason = "failed", process.reason()
            else:
                score = self._objective.read(job.folder, self.plan.experiment)
            if self._curve and code is not None:
                stage, name = self._curve
                curve = tuple(read_curve(job.folder / "models" / self.plan.experiment / stage, name))
        except (SegTalkerError, OSError, ValueError) as error:
            state, reason, score = "failed", one_line(error), None
        stages = tuple(self._runs.adopt(job.run_id, job.folder))
        return Outcome(job.number, state, seconds, score, reason, stages, curve)

    def end(self, outcome: Outcome) -> None:
        """Takes note of how a trial ended; its share of the machine is free."""
        job = self._jobs[outcome.number]
        metric = self._objective.metric.replace(":", "/")
        values = {"seconds": outcome.seconds} | ({metric: outcome.score.value} if outcome.score else {})
        # the study last: what was told to it is never taken up again, to be closed in the store
        self._runs.close(job.run_id, _STATUS[outcome.state], values, outcome.reason)
        self.study.tell(outcome)
        del self._jobs[outcome.number]
        if outcome.state != "failed":
            clear(job.folder)
        self._free.append(job.slot)
        self._alone = False
        result = f"{self._objective.metric} {outcome.score.value:.6g}" if outcome.score else outcome.reason
        ran = ", ".join(outcome.stages) or "no stage"
        say(f"trial {outcome.number}: {outcome.state} in {outcome.seconds:.0f} s, {result} (ran: {ran})")

    def close(self) -> None:
        """Ends the sweep's run, its best score with it."""
        close_sweep(self.study, self._runs, self._objective)

    def end_all(self) -> None:
        """Ends every trial that runs; each goes on with the sweep."""
        with self._processes_lock:
            self._ending = True
            processes = [self._processes[number] for number in self._jobs if number in self._processes]
        for process in processes:
            process.end()
        for run_id in (*(job.run_id for job in self._jobs.values()), self._sweep_id):
            with suppress(SegTalkerError):  # it may be the store that the sweep ends for
                self._runs.close(run_id, "KILLED", {})


def close_sweep(study: SweepStudy, runs: "SweepRuns", objective: Objective) -> None:
    """Ends a sweep's run in MLflow, its best score with it; also of a sweep that was killed between its last trial and
    this.
    """
    best = study.best()
    values = {objective.metric.replace(":", "/"): best.score} if best and best.score is not None else {}
    runs.close(study.run_id, "FINISHED" if best else "FAILED", values)
    study.is_open = False


def _shown(plan: SweepPlan) -> dict[str, str]:
    params = {f"param {index}": text for index, text in enumerate(plan.params)}
    return {"experiment": plan.experiment, "settings": " ".join(plan.settings), "metric": plan.metric,
            "sampler": plan.sampler, "pruner": plan.pruner} | params  # fmt: skip
