"""A sweep goes on as it began, or says what is another."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.sweeps.plan import SweepPlan, check_same, existing_plan, read_plan, sweep_folder
from segtalker.utils.errors import BadInputError

PLAN = SweepPlan("sync", "demo", ("base.seed=8",), ("train_tsg.balance=0:1",), "psnr", "tpe", "none")


def test_a_plan_is_read_back_as_it_was(tmp_path: Path) -> None:
    assert read_plan(tmp_path, "sync") is None
    PLAN.save(tmp_path)
    assert read_plan(tmp_path, "sync") == PLAN == existing_plan(tmp_path, "sync")


def test_another_plan_under_the_same_name_is_refused() -> None:
    check_same(PLAN, PLAN)
    with pytest.raises(BadInputError, match="sync: began with metric psnr, not ssim; give this one another --name"):
        check_same(replace(PLAN, metric="ssim"), PLAN)
    with pytest.raises(BadInputError, match=r"settings base\.seed=8, not none"):
        check_same(replace(PLAN, settings=()), PLAN)


@pytest.mark.parametrize("name", ["a/b", "", "..", "-x", "a b", "x" * 65])
def test_a_name_is_that_of_one_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="a name has up to 64"):
        sweep_folder(tmp_path, name)


def test_a_sweep_that_is_not_there_or_not_whole_is_told(tmp_path: Path) -> None:
    PLAN.save(tmp_path)
    with pytest.raises(BadInputError, match="there is none of this name; there are: sync"):
        existing_plan(tmp_path, "other")
    (tmp_path / "sweeps" / "sync" / "sweep.json").write_text('{"name": ')
    with pytest.raises(BadInputError, match="cannot be read"):
        read_plan(tmp_path, "sync")
