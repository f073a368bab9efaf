"""A run that is resumed or repeated under other params says by which."""

from dataclasses import replace
from pathlib import Path

from tracking_runs import OWNER, PARAMS, make_parent

from segtalker.tracking.mlflow_runs import ParentRun, start_stage
from segtalker.tracking.param_drift import DRIFT_FROM_TAG, DRIFT_TAG, param_drift
from segtalker.tracking.run_store import RunStore


def run_stage(parent: ParentRun) -> str:
    tracker = start_stage(root=Path(), stage="train_tsg", signature="f" * 64, code="9" * 64, parent=parent)
    tracker.finish(succeeded=True)
    return str(tracker.parent_id)


def drift_tags(root: Path, run_id: str) -> tuple[str, str]:
    tags = next(run.tags for run in RunStore.open(root).runs if run.run_id == run_id)
    return tags.get(DRIFT_TAG, ""), tags.get(DRIFT_FROM_TAG, "")


def with_params(parent: ParentRun, **sections: dict) -> ParentRun:
    return replace(parent, params=PARAMS | sections)


def test_every_param_that_changed_is_named() -> None:
    before = {"base.seed": "7", "train_tsg.steps": "4", "train_tsg.gone": "1"}
    now = {"base.seed": "8", "train_tsg.steps": "4", "train_tsg.new": "2"}
    assert param_drift(before, now) == "base.seed: 7 -> 8\ntrain_tsg.gone: 1 -> \ntrain_tsg.new:  -> 2"
    assert param_drift(before, dict(before)) == ""


def test_a_drift_fits_into_a_tag() -> None:
    before = {f"train_tsg.{number}": "x" * 100 for number in range(100)}
    assert len(param_drift(before, {}).encode()) < 8000


def test_a_run_resumed_as_it_began_has_no_drift(project: Path) -> None:
    run_id = run_stage(make_parent())
    assert run_stage(make_parent()) == run_id
    assert drift_tags(project, run_id) == ("", "")


def test_a_run_resumed_under_other_params_names_them(project: Path) -> None:
    run_id = run_stage(make_parent())
    assert run_stage(with_params(make_parent(), machine={"workers": 4})) == run_id
    assert drift_tags(project, run_id) == ("machine.workers:  -> 4", run_id)


def test_a_run_repeated_under_other_params_names_them_and_the_run_before(project: Path) -> None:
    first = run_stage(make_parent())
    other_folder = replace(OWNER, workspace="b" * 32)
    run_stage(with_params(make_parent(other_folder, params="2"), train_tsg={"steps": 9}))
    again = run_stage(with_params(make_parent(params="1"), train_tsg={"steps": 8}))
    assert drift_tags(project, again) == ("train_tsg.steps: 4 -> 8", first)
    assert drift_tags(project, first) == ("", "")
