"""Each trial has its share of the machine, and says in its own words why it failed."""

import os
import signal
import time
from pathlib import Path

import pytest

from flows.schedule import Resources
from flows.sweeps.trial_process import Slot, TrialProcess, machine_slots
from flows.sweeps.workspace import log_file
from segtalker.utils.errors import BadInputError

HERE = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset({0})


def test_shares_are_even_and_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    slots = machine_slots(3, Resources(8, ("0", "1", "2", "3")))
    assert sorted(len(slot.cores) for slot in slots) == [2, 3, 3]
    assert frozenset.union(*(slot.cores for slot in slots)) == set(range(8))
    assert [slot.gpus for slot in slots] == [("0", "3"), ("1",), ("2",)]
    assert [slot.gpus for slot in machine_slots(3, Resources(8, ("0", "1")))] == [("0",), ("1",), ("0",)]
    assert machine_slots(1, Resources(8, ()))[0].gpus == ()


@pytest.mark.parametrize("parallel", [0, -1, 9])
def test_more_trials_than_cores_are_refused(parallel: int) -> None:
    with pytest.raises(BadInputError, match=f"--parallel {parallel}: this machine has 8 cores"):
        machine_slots(parallel, Resources(8, ()))


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """The folder of a trial whose command is a toy one."""
    folder = tmp_path / "0001"
    (folder / "flows").mkdir(parents=True)
    (folder / "flows" / "__init__.py").touch()
    return folder


def _start(trial: Path, program: str, cores: frozenset[int] = frozenset()) -> TrialProcess:
    (trial / "flows" / "cli.py").write_text(program)
    return TrialProcess(
        trial, ["--experiment", "demo"], Slot(cores, ("1",)), {**os.environ, "MLFLOW_TRACKING_URI": "sqlite:///here.db"}
    )


def test_it_runs_in_its_folder_on_its_share(trial: Path) -> None:
    core = min(HERE)
    names = ("SEGTALKER_ROOT", "MLFLOW_TRACKING_URI", "CUDA_VISIBLE_DEVICES")
    program = (
        f"import os, sys; print(sys.argv[1:], os.getcwd(), os.sched_getaffinity(0), *map(os.environ.get, {names}))"
    )
    assert _start(trial, program, frozenset({core})).wait(lambda: False) == 0
    said = log_file(trial).read_text()
    assert said == f"['reproduce', '--experiment', 'demo'] {trial} {{{core}}} {trial} sqlite:///here.db 1\n"


def test_a_trial_has_the_variables_it_is_given(trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (trial / "flows" / "cli.py").write_text("import os; print(*map(os.environ.get, ('PYTHONPATH', 'NO_PROXY')))")
    monkeypatch.setenv("NO_PROXY", "*")  # of the server that runs beside the sweep
    monkeypatch.chdir(trial.parent)
    given = {"PYTHONPATH": "/own/modules", "NO_PROXY": "example.org"}
    assert TrialProcess(Path(trial.name), [], Slot(frozenset(), ()), given).wait(lambda: False) == 0
    assert log_file(trial).read_text() == f"{trial}:/own/modules example.org\n"


def test_the_reason_is_the_last_error_of_this_run(trial: Path) -> None:
    _start(trial, "print('error: of before')").wait(lambda: False)
    failed = _start(
        trial, "import sys; print('error: one'); print('error: stage x failed: y'); print('z'); sys.exit(2)"
    )
    assert failed.wait(lambda: False) == 2
    assert failed.reason() == "stage x failed: y"
    silent = _start(trial, "import os; os.abort()")
    assert silent.wait(lambda: False) == -signal.SIGABRT
    assert "without a word" in silent.reason()


def test_what_is_given_up_is_ended(trial: Path) -> None:
    process = _start(trial, "import time; time.sleep(600)")
    began = time.monotonic()
    assert process.wait(lambda: True) is None
    assert time.monotonic() - began < 30
