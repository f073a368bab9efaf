"""Which stages run beside which: those whose inputs are ready, as far as cores and GPUs go.

A training has its own share of the cores, whatever runs beside it, so that its bytes do not depend on that. A stage
that works on clips takes all of them.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from segtalker.config.params import Params
from segtalker.config.stages import STAGE_INPUTS, Stage


@dataclass(frozen=True)
class Share:
    """What a stage has to itself.

    Args:
        cores: threads it computes with.
        gpus: devices.
    """

    cores: int
    gpus: int


@dataclass(frozen=True)
class Resources:
    """What stages share.

    Args:
        cores: that this process may use.
        gpus: names of GPUs, as `CUDA_VISIBLE_DEVICES` has them.
    """

    cores: int
    gpus: tuple[str, ...]

    @classmethod
    def here(cls) -> "Resources":
        """This one."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(cores, _gpus())


def _gpus() -> tuple[str, ...]:
    """GPUs that may be used: those the environment names, else all; asked without importing torch."""
    visible_devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible_devices is not None:
        return tuple(name.strip() for name in visible_devices.split(",") if name.strip())
    if not shutil.which("nvidia-smi"):
        return ()
    answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return tuple(re.findall(r"^GPU (\d+):", answer.stdout, re.MULTILINE))


def stage_share(params: Params, stage: Stage, machine: Resources) -> Share:
    """What a stage needs of a machine.

    Args:
        params: all of them; a training says its `threads`, and `training.processes` how often it takes them.
        stage: its name.
        machine: all there is.
    """
    threads = getattr(getattr(params, stage), "threads", None)
    # several nodes run one training together
    if threads is None or params.machine.num_nodes > 1:
        return Share(machine.cores, len(machine.gpus))
    processes = params.training.processes
    return Share(min(int(threads) * processes, machine.cores), min(processes, len(machine.gpus)))


@dataclass
class Schedule:
    """What is to be run, what runs and what is done.

    Args:
        shares: of each stage that is to be run, in pipeline order.
        machine: what they share.
        seconds: how long each is expected to take; nothing where nobody knows.
        running: stages that run, with the GPUs they have.
        ended_stages: stages that ended.
    """

    shares: Mapping[Stage, Share]
    machine: Resources
    seconds: Mapping[Stage, float]
    running: dict[Stage, tuple[str, ...]] = field(default_factory=dict)
    ended_stages: set[Stage] = field(default_factory=set)

    @property
    def finished(self) -> bool:
        """Whether all is done."""
        return self.ended_stages >= set(self.shares)

    def startable(self) -> list[Stage]:
        """Stages that can start now, together; of those that wait for the same cores the longest way to the end first.

        That one decides when the last stage ends.
        """
        next_stages: list[Stage] = []
        waiting = [stage for stage in self.shares if stage not in self.ended_stages and stage not in self.running]
        ready = [stage for stage in waiting if self._inputs(stage) <= self.ended_stages]
        for stage in sorted(ready, key=self.way, reverse=True):
            if self._fits(stage, next_stages):
                next_stages.append(stage)
        return next_stages

    def start(self, stage: Stage) -> tuple[str, ...]:
        """Takes a stage's share; names of its GPUs."""
        busy_gpus = {name for names in self.running.values() for name in names}
        free = [name for name in self.machine.gpus if name not in busy_gpus]
        self.running[stage] = tuple(free[: self.shares[stage].gpus])
        return self.running[stage]

    def end(self, stage: Stage) -> None:
        """Gives a stage's share back; the ones that read it may start."""
        del self.running[stage]
        self.ended_stages.add(stage)

    def is_alone(self, stage: Stage) -> bool:
        """Whether nothing can run beside a stage."""
        return self.shares[stage].cores >= self.machine.cores

    def way(self, stage: Stage) -> float:
        """Seconds from a stage's start to the end of the last that waits for it."""
        after = [other for other in self.shares if stage in STAGE_INPUTS[other]]
        return self.seconds.get(stage, 0.0) + max(map(self.way, after), default=0.0)

    def seconds_left(self, elapsed_s: Mapping[Stage, float]) -> float:
        """When all will be done, counted from now, if stages take as long as expected.

        Args:
            elapsed_s: seconds that each running stage has run for.
        """
        trial = Schedule(self.shares, self.machine, self.seconds, dict(self.running), set(self.ended_stages))
        ends = {stage: max(self.seconds.get(stage, 0.0) - elapsed_s.get(stage, 0.0), 0.0) for stage in self.running}
        now = 0.0
        while not trial.finished:
            for stage in trial.startable():
                trial.start(stage)
                ends[stage] = now + self.seconds.get(stage, 0.0)
            first = min(trial.running, key=ends.__getitem__)
            now = max(now, ends[first])
            trial.end(first)
        return now

    def _inputs(self, stage: Stage) -> set[Stage]:
        return set(STAGE_INPUTS[stage]) & set(self.shares)

    def _fits(self, stage: Stage, next_stages: Collection[Stage]) -> bool:
        running_shares = [self.shares[other] for other in (*self.running, *next_stages)]
        share = self.shares[stage]
        cores = self.machine.cores - sum(other.cores for other in running_shares)
        gpus = len(self.machine.gpus) - sum(other.gpus for other in running_shares)
        return share.cores <= cores and share.gpus <= gpus
