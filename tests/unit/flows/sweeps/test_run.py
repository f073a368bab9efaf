"""Trials go on whatever becomes of one of them, and none is lost or run twice."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from flows.sweep import _run_all
from flows.sweeps.objective import Objective, Score
from flows.sweeps.plan import Pruner, Sampler, SweepPlan
from flows.sweeps.run import Sweep, SweepEndsError, close_sweep
from flows.sweeps.study import SweepStudy
from flows.sweeps.trial_process import Slot
from segtalker.config.search_space import read_space
from segtalker.config.stages import STAGES
from segtalker.datasets.pairs import pairs_sha256
from segtalker.utils.errors import SegTalkerError

CHECKOUT = Path(__file__).parents[4]
CRF = "tables.video_crf"


class Runs:
    """What MLflow would be told."""

    def __init__(self) -> None:
        self.trials: dict[str, dict[str, str]] = {}
        self.ended: dict[str, tuple[str, Mapping[str, float], str]] = {}

    def open_sweep(self, run_id: str, _settings: Mapping[str, str]) -> str:
        return run_id or "sweep"

    def open_trial(self, _sweep: str, number: int, params: dict[str, str], _signature: str) -> str:
        self.trials[f"trial {number}"] = params
        return f"trial {number}"

    def close(self, run_id: str, status: str, metrics: Mapping[str, float], reason: str = "") -> None:
        self.ended[run_id] = (status, metrics, reason)

    def adopt(self, _run_id: str, _folder: Path) -> list[str]:
        return ["tables"]

    def curve(self, _folder: Path, _stage: str, _name: str) -> list[float]:
        return []


class BrokenRuns(Runs):
    """A store that stopped answering."""

    def adopt(self, _run_id: str, _folder: Path) -> list[str]:
        raise SegTalkerError("database is locked")

    def curve(self, _folder: Path, _stage: str, _name: str) -> list[float]:
        raise SegTalkerError("database is locked")


class Process:
    """A trial whose end a test decides."""

    end_of: Callable[[Path], int] = staticmethod(lambda _trial: 0)

    def __init__(self, trial: Path, *_: object) -> None:
        self._trial = trial

    ends: ClassVar[list[str]] = []

    def wait(self, look: Callable[[], bool]) -> int | None:
        return None if look() else type(self).end_of(self._trial)

    def end(self) -> None:
        self.ends.append(self._trial.name)

    def reason(self) -> str:
        return "stage tables failed: no"


class ScoreOfFolder(Objective):
    """The number of the trial as its score."""

    def read(self, root: Path, _experiment: str) -> Score:
        if int(root.name) == 3:
            raise SegTalkerError("psnr: not measured")
        return Score(float(root.name))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a sweep's folder; its processes are toys."""
    source = tmp_path / "sweeps" / "x" / "source"
    source.mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml", "code.yaml"):
        shutil.copy(CHECKOUT / name, source / name)
    for name in ("segtalker", "flows", "lightning_modules", "datamodules", "experiments"):
        (source / name).mkdir()
    monkeypatch.setattr("flows.sweeps.run.TrialProcess", Process)
    monkeypatch.setattr(Process, "end_of", staticmethod(lambda _trial: 0))
    return tmp_path


def _sweep(
    root: Path,
    runs: Runs,
    trials: int,
    *,
    params: tuple[str, ...] = (f"{CRF}=10:40",),
    sampler: Sampler = "random",
    slots: int = 1,
    pruner: Pruner = "none",
    settings: tuple[str, ...] = (),
) -> Sweep:
    plan = SweepPlan("x", "demo", settings, params, "psnr", sampler, pruner)
    space = read_space(CHECKOUT, "demo", settings, params)
    study = SweepStudy(plan, plan.folder(root), space, higher_is_better=True, seed=7)
    own: Any = runs
    return Sweep(root, plan, space, ScoreOfFolder("psnr", "dB", True, "tables"), study, own, environment={},
                 cache=root / ".dvc" / "cache", slots=[Slot(frozenset(), ())] * slots, trials=trials)  # fmt: skip


def _all(sweep: Sweep) -> None:
    while job := sweep.begin():
        sweep.end(sweep.work(job))


def test_a_failed_trial_is_recorded_and_the_others_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Process, "end_of", staticmethod(lambda trial: 2 if trial.name == "0001" else 0))
    runs = Runs()
    sweep = _sweep(root, runs, 5)
    _all(sweep)
    sweep.close()
    states = {record.number: (record.state, record.reason) for record in sweep.study.records()}
    assert states[1] == ("failed", "stage tables failed: no")
    assert states[3] == ("failed", "psnr: not measured")
    assert [states[number][0] for number in (0, 2, 4)] == ["complete"] * 3
    assert runs.ended["trial 1"][0] == "FAILED"
    assert runs.ended["trial 4"][1]["psnr"] == 4.0
    assert runs.ended["sweep"][:2] == ("FINISHED", {"psnr": 4.0})
    left = {path.name: (path / "data").is_dir() for path in (root / "sweeps/x/trials").iterdir() if path.is_dir()}
    assert left == {"0000": False, "0001": True, "0002": False, "0003": True, "0004": False}


def test_values_that_do_not_go_together_fail_before_anything_starts(root: Path) -> None:
    runs = Runs()
    # each is taken by itself, but train_tsg.steps must be a multiple of checkpoint_every
    params = ("train_tsg.steps=600,1200", "train_tsg.checkpoint_every=600,1200")
    sweep = _sweep(root, runs, 3, params=params, sampler="grid")
    _all(sweep)
    records = sweep.study.records()
    assert [record.state for record in records] == ["complete", "failed", "complete"]
    assert records[1].values == {"train_tsg.steps": 600, "train_tsg.checkpoint_every": 1200}
    assert "no multiple of its checkpoint_every 1200" in records[1].reason
    assert runs.ended["trial 1"][0] == "FAILED"


def test_a_trial_that_was_interrupted_runs_again_as_the_same_one(root: Path) -> None:
    runs = Runs()
    lost = _sweep(root, runs, 3).begin()
    assert lost is not None
    sweep = _sweep(root, runs, 3)
    again = sweep.begin()
    assert again is not None
    assert (again.number, again.settings, again.run_id) == (lost.number, lost.settings, lost.run_id)
    sweep.end(sweep.work(again))
    _all(sweep)
    assert [record.state for record in sweep.study.records()] == ["complete"] * 3
    assert list(runs.trials) == ["trial 0", "trial 1", "trial 2"]


def test_a_sweep_that_was_killed_before_its_end_is_closed_later(root: Path) -> None:
    runs = Runs()
    sweep = _sweep(root, runs, 1)
    _all(sweep)  # and no more: the process is killed
    study = _sweep(root, Runs(), 1).study
    assert study.is_open
    close_sweep(study, runs, sweep._objective)  # type: ignore[arg-type]
    assert runs.ended["sweep"] == ("FINISHED", {"psnr": 0.0}, "")
    assert not study.is_open


def test_what_ends_with_the_sweep_is_neither_complete_nor_failed(root: Path) -> None:
    runs = Runs()
    sweep = _sweep(root, runs, 3)
    job = sweep.begin()
    assert job is not None
    sweep.end_all()
    with pytest.raises(SweepEndsError):
        sweep.work(job)
    assert [record.state for record in sweep.study.records()] == ["running"]
    assert runs.ended == {"trial 0": ("KILLED", {}, ""), "sweep": ("KILLED", {}, "")}


def test_a_store_that_does_not_answer_for_once_ends_no_trial(root: Path) -> None:
    sweep = _sweep(root, BrokenRuns(), 1, params=("train_tsg.balance=0:1",), pruner="median")
    job = sweep.begin()
    assert job is not None
    assert not sweep._is_given_up(job)


def test_where_the_store_fails_the_trial_is_taken_up_again(root: Path) -> None:
    sweep = _sweep(root, BrokenRuns(), 1)
    job = sweep.begin()
    assert job is not None
    with pytest.raises(SegTalkerError, match="database is locked"):
        sweep.work(job)
    sweep.end_all()
    assert [record.state for record in sweep.study.records()] == ["running"]
    again = _sweep(root, Runs(), 1)
    _all(again)
    assert [record.state for record in again.study.records()] == ["complete"]


def test_a_run_that_cannot_be_closed_keeps_its_trial_open(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise SegTalkerError("database is locked")

    sweep = _sweep(root, Runs(), 1)
    job = sweep.begin()
    assert job is not None
    outcome = sweep.work(job)
    monkeypatch.setattr(sweep._runs, "close", fail)
    with pytest.raises(SegTalkerError, match="database is locked"):
        sweep.end(outcome)
    sweep.end_all()
    assert [record.state for record in sweep.study.records()] == ["running"]


def test_no_process_outlives_what_waits_for_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_trial: Path) -> int:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Process, "end_of", staticmethod(fail))
    monkeypatch.setattr(Process, "ends", [])
    sweep = _sweep(root, Runs(), 1)
    job = sweep.begin()
    assert job is not None
    with pytest.raises(RuntimeError):
        sweep.work(job)
    assert Process.ends == ["0000"]


def test_photographs_count_for_what_was_made_before(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, name in (("images", "a.jpg"), ("labels", "a.png")):
        (root / "photos" / folder).mkdir(parents=True)
        (root / "photos" / folder / name).write_bytes(b"of a face")
    seen = []
    monkeypatch.setattr("flows.sweeps.run.made_before", lambda _folder, params: seen.append(params) or set(STAGES))
    settings = ("train_parser.labels=pairs", "training.pairs.root=photos")
    sweep = _sweep(root, Runs(), 1, settings=settings, slots=2)
    assert sweep.begin() is not None
    assert seen[0].train_parser.pairs_sha256 == pairs_sha256(root / "photos", root)


def test_what_trials_share_is_made_by_the_first_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = _sweep(root, Runs(), 4, slots=2)
    first = sweep.begin()
    assert first is not None
    assert sweep.begin() is None  # nothing is made yet
    monkeypatch.setattr("flows.sweeps.run.made_before", lambda *_: set(STAGES))
    sweep.end(sweep.work(first))
    both = [sweep.begin(), sweep.begin()]
    assert None not in both
    assert sweep.begin() is None  # no share of the machine is left


class _Future:
    """Done at once, as a thread of Prefect's would be later."""

    def __init__(self, task: Callable[[], object]) -> None:
        self._task = task

    def add_done_callback(self, tell: Callable[[object], None]) -> None:
        self._task()
        tell(self)


def test_the_flow_runs_all_there_are(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Task:
        def __init__(self, function: Callable[[], object]) -> None:
            self._function = function

        def submit(self) -> _Future:
            return _Future(self._function)

    monkeypatch.setattr("flows.sweep.task", lambda **_: Task)
    monkeypatch.setattr("flows.sweeps.run.made_before", lambda *_: set(STAGES))
    sweep = _sweep(root, Runs(), 5, slots=2)
    _run_all(sweep)
    assert [record.state for record in sweep.study.records()] == ["complete"] * 3 + ["failed", "complete"]
