"""What stages cost: as measured, and nothing where nobody measured."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.expected_time import keep_seconds
from flows.stage_costs import LAST_RUN, UNKNOWN, stage_costs
from segtalker.config.experiment import compose
from segtalker.config.stages import STAGES

PROJECT = Path(__file__).parents[3]
LOCK = "schema: '2.0'\nstages:\n  split:\n    cmd: x\n    outs:\n    - {path: data/split/%s, md5: '0', size: 3145728}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("params.yaml", "experiments"):
        (tmp_path / name).symlink_to(PROJECT / name)
    return tmp_path


def test_of_the_demo_every_stage_is_measured(root: Path) -> None:
    costs = stage_costs(root, compose(root, "demo", [])[1])
    assert list(costs) == list(STAGES)
    assert all(cost.seconds and cost.disk_mib for cost in costs.values())


def test_other_params_make_the_figures_of_what_stands_on_them_unknown(root: Path) -> None:
    costs = stage_costs(root, compose(root, "demo", ["train_tsg.steps=2400"])[1])
    unknown = [stage for stage, cost in costs.items() if cost.seconds is None]
    assert unknown == ["train_tsg", "generate", "evaluate", "tables"]
    assert {costs[stage].source for stage in unknown} == {UNKNOWN}
    assert {costs[stage].disk_mib for stage in unknown} == {None}


def test_of_other_data_nothing_is_known(root: Path) -> None:
    costs = stage_costs(root, compose(root, "hdtf", [])[1])
    assert {cost.seconds for cost in costs.values()} == {None}


def test_what_ran_here_counts_first(root: Path) -> None:
    params = compose(root, "hdtf", [])[1]
    keep_seconds(root, "hdtf", {"split": 4.0, "cut": 5.0})
    (root / "dvc.lock").write_text(LOCK % "hdtf")
    costs = stage_costs(root, params)
    assert (costs["split"].seconds, costs["split"].disk_mib, costs["split"].source) == (4.0, 3.0, LAST_RUN)
    assert (costs["cut"].seconds, costs["cut"].disk_mib) == (5.0, None)
    (root / "dvc.lock").write_text(LOCK % "mead")
    assert stage_costs(root, params)["split"].disk_mib is None


def test_the_command_says_what_is_not_known(root: Path, segtalker: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGTALKER_ROOT", str(root))
    code, said, _ = segtalker("plan", "--experiment", "no-sync")
    assert code == 0
    assert "time in all: not known, for nobody measured train_tsg" in said
    assert "no stage was measured on a GPU" in said
    code, said, _ = segtalker("plan")
    assert "time in all: " in said
    assert " min on " in said
    assert "disk in all: 38" in said
