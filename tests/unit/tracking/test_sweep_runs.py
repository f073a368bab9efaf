"""A sweep in MLflow: trials stand under it, the experiment's runs under them, and names still find the experiment."""

from pathlib import Path

import pytest

from segtalker.reporting.comparison.find_run import find_run, latest_run
from segtalker.tracking.mlflow_runs import ParentRun, RunIdentity, start_stage
from segtalker.tracking.run_origin import run_owner
from segtalker.tracking.run_store import RunStore
from segtalker.tracking.sweep_runs import SweepRuns
from segtalker.utils.errors import BadInputError


def _stage(folder: Path, stage: str, values: tuple[float, ...] = (), success: bool = True) -> None:
    """A stage that ran in a folder, in the store that the environment names."""
    identity = RunIdentity("a" * 64, "b" * 64, "c" * 64, run_owner(folder))
    parent = ParentRun("demo", identity, {"base": {"seed": 7}, stage: {"x": 1}}, {"segtalker.experiment": "demo"}, {})
    tracker = start_stage(root=folder, stage=stage, signature="d" * 64, code="e" * 64, parent=parent)
    for step, value in enumerate(values):
        tracker.log_metrics({"val/mouth_iou": value}, step)
    tracker.finish(success)


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    (tmp_path / "trial").mkdir()
    return tmp_path / "trial"


def test_trials_are_nested_and_hold_params_metric_and_signature(trial: Path, tmp_path: Path) -> None:
    runs = SweepRuns(tmp_path, "sync")
    sweep_id = runs.open_sweep("", {"metric": "psnr"})
    assert runs.open_sweep(sweep_id, {"metric": "psnr"}) == sweep_id
    trial_id = runs.open_trial(sweep_id, 3, {"train_tsg.balance": "0.5"}, "a" * 64)
    _stage(trial, "train_tsg", (0.4, 0.5))
    _stage(trial, "tables")
    _stage(trial, "evaluate", success=False)
    assert runs.adopt(trial_id, trial) == ["train_tsg", "tables"]
    runs.close(trial_id, "FINISHED", {"psnr": 20.5})
    runs.close(sweep_id, "FINISHED", {"psnr": 20.5})
    by_kind = {run.kind: run for run in RunStore.open(tmp_path).runs}
    assert by_kind["trial"].parent_id == by_kind["sweep"].run_id == sweep_id
    assert by_kind["experiment"].parent_id == by_kind["trial"].run_id == trial_id
    assert by_kind["trial"].params == {"train_tsg.balance": "0.5"}
    assert by_kind["trial"].metrics == {"psnr": 20.5}
    assert by_kind["trial"].signature == "a" * 64
    assert by_kind["trial"].name == "0003 train_tsg.balance=0.5"
    assert {by_kind[kind].status for kind in ("sweep", "trial")} == {"FINISHED"}


def test_a_failed_trial_says_why(trial: Path, tmp_path: Path) -> None:
    runs = SweepRuns(tmp_path, "sync")
    trial_id = runs.open_trial(runs.open_sweep("", {}), 0, {}, "")
    runs.close(trial_id, "FAILED", {}, "stage tables failed: no")
    run = next(run for run in RunStore.open(tmp_path).runs if run.kind == "trial")
    assert (run.status, run.tags["segtalker.reason"]) == ("FAILED", "stage tables failed: no")


def test_a_curve_is_read_while_it_grows_and_across_an_interruption(trial: Path, tmp_path: Path) -> None:
    runs = SweepRuns(tmp_path, "sync")
    assert runs.curve(trial, "train_tsg", "val/mouth_iou") == []
    _stage(trial, "train_tsg", (0.1, 0.2), success=False)
    assert runs.curve(trial, "train_tsg", "val/mouth_iou") == [0.1, 0.2]
    _stage(trial, "train_tsg", (0.1, 0.2, 0.3))
    assert runs.curve(trial, "train_tsg", "val/mouth_iou") == [0.1, 0.2, 0.3]


def test_the_name_of_an_experiment_means_no_trial_of_it(trial: Path, tmp_path: Path) -> None:
    runs = SweepRuns(tmp_path, "sync")
    trial_id = runs.open_trial(runs.open_sweep("", {}), 0, {}, "")
    _stage(trial, "tables")
    runs.adopt(trial_id, trial)
    stored = RunStore.open(tmp_path).runs
    own = next(run for run in stored if run.kind == "experiment")
    with pytest.raises(BadInputError, match="no run of it"):
        latest_run("demo", stored)
    assert find_run(own.run_id[:10], stored) == own  # by its id it can be compared
    stage = next(run for run in stored if run.kind == "stage")
    assert find_run(stage.run_id, stored) == own
