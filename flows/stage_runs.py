"""The stages of one run: which have begun, how each ended, and what a person reads of it."""

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from flows.commands.console import say
from flows.dvc.command_line import Dvc, RunningStage, StageKilledError
from flows.expected_time import expected_seconds, in_words, keep_seconds, scaled
from flows.schedule import Resources, Schedule, Share, stage_share
from segtalker.config.params import Params
from segtalker.config.stages import STAGE_INPUTS, Stage
from segtalker.utils.errors import SegTalkerError
from segtalker.utils.progress import LINES_VARIABLE


@dataclass(frozen=True)
class Outcome:
    """How a stage ended.

    Args:
        stage: its name.
        state: `ran`, `restored` (from DVC's cache) or `cached` (up to date as it was).
        seconds: how long it took.
        has_new_outputs: whether its outputs are others now.
    """

    stage: Stage
    state: str
    seconds: float
    has_new_outputs: bool


class StageRuns:
    """Stages, each brought up to date once its inputs are.

    The run advances in one thread; each stage may be waited for in a thread of its own.

    Args:
        dvc: runs them.
        params: all of them.
        stages: in pipeline order.
        changed_stages: those that DVC found changed.
        forced_stages: those that look at files DVC does not know, such as the user's videos.
        machine: cores and GPUs.
        preload: starts what stages are forked from and gives variables that name it; called before the first runs,
            with those that may run.
    """

    def __init__(
        self,
        dvc: Dvc,
        params: Params,
        stages: Sequence[Stage],
        changed_stages: Collection[str],
        forced_stages: Collection[Stage],
        machine: Resources,
        preload: Callable[[tuple[Stage, ...]], dict[str, str]],
    ) -> None:
        self.stages, self.begun = tuple(stages), list[Stage]()
        self._dvc, self._params, self._preload = dvc, params, preload
        self._changed, self._forced = {*changed_stages, *forced_stages}, set(forced_stages)
        self._several_gpus = len(machine.gpus) > 1
        self._expected = expected_seconds(dvc.root, params)
        self._schedule = self._planned(machine)
        self._outcomes = dict[Stage, Outcome]()
        self._processes = dict[Stage, RunningStage]()
        self._began = dict[Stage, float]()
        self._extra = dict[Stage, dict[str, str]]()
        self._ending = False

    def _planned(self, machine: Resources) -> Schedule:
        """What may run, with its share; what is up to date and stands on nothing that may run needs none."""
        shares = dict[Stage, Share]()
        for stage in self.stages:
            inputs = [shares[name] for name in STAGE_INPUTS[stage] if name in shares]
            may_run = stage in self._changed or any(share.cores for share in inputs)
            shares[stage] = stage_share(self._params, stage, machine) if may_run else Share(0, 0)
        seconds = {stage: value for stage, value in self._expected.items() if shares.get(stage, Share(0, 0)).cores}
        return Schedule(shares, machine, seconds)

    @property
    def finished(self) -> bool:
        """Whether every stage ended."""
        return self._schedule.finished

    @property
    def outcomes(self) -> list[Outcome]:
        """How each stage ended, in pipeline order, once all did."""
        return [self._outcomes[stage] for stage in self.stages]

    def advance(self) -> None:
        """Begins every stage that may begin now."""
        while stages := self._schedule.startable():
            for stage in stages:
                self._begin(stage)

    def _begin(self, stage: Stage) -> None:
        gpus = self._schedule.start(stage)
        self.begun.append(stage)
        is_stale = any(
            before in self._outcomes and self._outcomes[before].has_new_outputs for before in STAGE_INPUTS[stage]
        )
        if stage not in self._changed and not is_stale:
            say(f"{stage}: cached")
            self._outcomes[stage] = Outcome(stage, "cached", 0.0, has_new_outputs=False)
            self._schedule.end(stage)
            return
        self._began[stage] = time.monotonic()
        say(f"[{len(self.begun)}/{len(self.stages)}] {stage} ...{self._time_left()}")
        self._extra[stage] = self._variables(stage, gpus)
        self._start(stage)

    def _start(self, stage: Stage) -> None:
        self._processes[stage] = self._dvc.start_stage(stage, stage in self._forced, self._extra[stage])

    def _variables(self, stage: Stage, gpus: Sequence[str]) -> dict[str, str]:
        variables = dict(self._preload(tuple(name for name in self.stages if self._schedule.shares[name].cores)))
        if not self._schedule.is_alone(stage):
            variables |= {LINES_VARIABLE: "1"}
        if gpus and self._several_gpus:
            variables |= {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}
        return variables

    def _time_left(self) -> str:
        took = {name: outcome.seconds for name, outcome in self._outcomes.items() if outcome.state == "ran"}
        self._schedule.seconds = scaled(self._expected, took)
        left = [name for name in self.stages if name not in self._outcomes and self._schedule.shares[name].cores]
        if not set(left) <= set(self._expected):
            return ""
        now = time.monotonic()
        return f" {in_words(self._schedule.seconds_left({name: now - since for name, since in self._began.items()}))}"

    def finish(self, stage: Stage) -> Outcome:
        """Waits for a stage that has begun.

        Raises:
            StageKilledError: something outside ended it; called again, it goes on.
            SegTalkerError: it failed.
        """
        if stage in self._outcomes:
            return self._outcomes[stage]
        if self._ending:
            raise SegTalkerError(f"stage {stage}: not begun, for the run ends")
        if stage not in self._processes:
            self._start(stage)
        try:
            stage_outcome = self._processes[stage].wait()
        except StageKilledError as error:
            del self._processes[stage]
            if self._ending:
                raise SegTalkerError(f"stage {stage}: ended with the run") from error
            raise
        state = "ran" if stage_outcome.ran else "restored" if stage_outcome.has_new_outputs else "cached"
        return Outcome(stage, state, time.monotonic() - self._began[stage], stage_outcome.has_new_outputs)

    def end(self, outcome: Outcome) -> None:
        """Takes note of how a stage ended; others may begin then."""
        if outcome.stage in self._outcomes:
            return
        self._outcomes[outcome.stage] = outcome
        self._schedule.end(outcome.stage)
        say(f"{outcome.stage}: {outcome.state} in {outcome.seconds:.1f} s")
        if outcome.state == "ran":
            keep_seconds(self._dvc.root, self._params.active.experiment, {outcome.stage: outcome.seconds})

    def end_all(self) -> None:
        """Ends every stage that runs, in order."""
        self._ending = True
        running = [process for stage, process in self._processes.items() if stage not in self._outcomes]
        if running:
            with ThreadPoolExecutor(len(running)) as pool:
                list(pool.map(RunningStage.end, running))
