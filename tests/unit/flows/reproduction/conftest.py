"""A store with runs as their stages leave them, and a project in which to make them again."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segtalker.config.params import load_params
from segtalker.tracking.mlflow_runs import start_evaluation
from segtalker.tracking.run_origin import RunOwner

# `kept_runs` is shared by the tests of this folder
sys.path.insert(0, str(Path(__file__).parent))

from kept_runs import CODE, OWNER, FakeRun, in_store, keep_run, write_project


@pytest.fixture(scope="session")
def kept_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A store and the runs in it: the demo, one of another seed, two equal ones, one on a GPU, an evaluation."""
    root = tmp_path_factory.mktemp("store")
    active = {"experiment": "demo", "dataset": "synthetic"}
    with in_store(root):
        runs = {"demo": keep_run(root, {"active": active})}
        runs["seed"] = keep_run(root, {"active": active, "base": {"seed": 8}, "machine": {"workers": 64}})
        twice = {"active": active, "base": {"seed": 9}}
        runs["first"], runs["second"] = keep_run(root, twice), keep_run(root, twice, RunOwner("bob", "lap", "b" * 32))
        runs["gpu"] = keep_run(root, {"active": active, "base": {"seed": 10}}, gpus="NVIDIA H200")
        runs["older"] = keep_run(root, {"active": active, "base": {"seed": 11}}, is_older=True)
        folder = {"active": {"experiment": "folder", "dataset": "mine"}, "download": {"sources": ["folder"]}}
        runs["folder"] = keep_run(root, folder | {"evaluate": {"reference_masks": "parsed"}})
        tracker = start_evaluation(root=Path(), name="elsewhere", protocol="p", signature="", owner=OWNER, params={},
                                   tags={})  # fmt: skip
        tracker.finish(succeeded=True)
        runs["evaluation"] = tracker.run_id
    return root, runs


@pytest.fixture
def database(kept_runs: tuple[Path, dict[str, str]]) -> str:
    """The store's file."""
    return str(kept_runs[0] / "mlflow.db")


@pytest.fixture
def ids(kept_runs: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """The runs in it."""
    return kept_runs[1]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """What the stages come to."""
    fake = FakeRun()
    monkeypatch.setattr("flows.experiment_run.experiment_run", fake)
    monkeypatch.setattr("flows.reproduction.run.current_code", lambda _: dict(CODE))
    return fake


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which nothing was run."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "project"
    write_project(root)
    monkeypatch.setenv("SEGTALKER_ROOT", str(root))
    monkeypatch.chdir(root)
    assert load_params(root).active.experiment == "demo"
    assert "MLFLOW_TRACKING_URI" not in os.environ
    return root


@pytest.fixture
def reproduce(segtalker: Callable, database: str, stages: FakeRun, project: Path) -> Callable:
    """`segtalker reproduce --from RUN --tracking STORE`."""
    return lambda run, *rest: segtalker("reproduce", "--from", run, "--tracking", database, *rest)
