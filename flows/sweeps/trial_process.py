"""A trial as a process: `segtalker reproduce` in the trial's folder, on its share of the machine."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.dvc.stage_process import die_with_parent
from flows.schedule import Resources
from flows.sweeps.workspace import log_file
from segtalker.utils.errors import BadInputError

_POLL_S = 1.0
_GRACE_S = 20.0
_ERROR = "error: "
_REASON_LENGTH = 500


@dataclass(frozen=True)
class Slot:
    """What one trial at a time has to itself.

    Args:
        cores: of the processor, by number; empty where the system cannot keep a process to some.
        gpus: by name.
    """

    cores: frozenset[int]
    gpus: tuple[str, ...]


def machine_slots(parallel: int, machine: Resources) -> list[Slot]:
    """Shares of a machine as even as can be; trials beyond the number of GPUs share them.

    Args:
        parallel: trials at once.
        machine: all there is.

    Raises:
        BadInputError: more than there are cores.
    """
    if not 1 <= parallel <= machine.cores:
        raise BadInputError(f"--parallel {parallel}: this machine has {machine.cores} cores, so 1 to {machine.cores}")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    gpus = machine.gpus
    return [
        Slot(frozenset(cores[number::parallel]), gpus[number::parallel] or gpus[number % (len(gpus) or 1) :][:1])
        for number in range(parallel)
    ]


def _become_trial(parent: int, cores: frozenset[int]) -> None:
    die_with_parent(parent, signal.SIGKILL)
    if cores:
        os.sched_setaffinity(0, cores)


class TrialProcess:
    """`segtalker reproduce` of a trial.

    Args:
        trial: its folder.
        arguments: of the command.
        slot: its share of the machine.
        environment: its variables, beside those that lead to its folder and its share.
    """

    def __init__(self, trial: Path, arguments: Sequence[str], slot: Slot, environment: Mapping[str, str]) -> None:
        trial = trial.resolve()  # it is the working folder too
        self._log = log_file(trial)
        self._log_start = self._log.stat().st_size if self._log.is_file() else 0
        search_path = os.pathsep.join(filter(None, (str(trial), environment.get("PYTHONPATH"))))
        own = {"SEGTALKER_ROOT": str(trial), "PYTHONPATH": search_path}
        own |= {"CUDA_VISIBLE_DEVICES": ",".join(slot.gpus)} if slot.gpus else {}
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "reproduce", *arguments],
                cwd=trial,
                env={**environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=partial(_become_trial, os.getpid(), slot.cores),
                start_new_session=True,  # an interruption from the keyboard reaches the sweep alone, which ends it
            )

    def wait(self, look: Callable[[], bool]) -> int | None:
        """Waits for the end.

        Args:
            look: asked every second; where it says so the trial is given up.

        Returns:
            The exit code; None where it was given up.
        """
        while True:
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(_POLL_S)
            if look():
                self.end()
                return None

    def end(self) -> None:
        """Ends it in order, and if it does not, at once."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        self._process.kill()
        self._process.wait()

    def reason(self) -> str:
        """Why it failed, in its own words."""
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]
        last = (errors or lines or [f"it ended with {self._process.returncode} without a word"])[-1]
        return last[:_REASON_LENGTH]
