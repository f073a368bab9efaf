"""A study loses no trial and repeats none, and draws the same whether or not it was interrupted."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flows.sweeps.objective import Score
from flows.sweeps.plan import SweepPlan
from flows.sweeps.study import Outcome, SweepStudy
from segtalker.config.search_space import Choices, Range, SearchParam

SPACE = (
    SearchParam("train_tsg.balance", Range(0.0, 1.0, None, False, False)),
    SearchParam("train_tsg.stride", Choices((1, 2, 4), (1, 2, 4))),
)


def _study(folder: Path, sampler: str = "tpe", pruner: str = "none", higher_is_better: bool = False) -> SweepStudy:
    space = SPACE if sampler != "grid" else (SPACE[1], SearchParam("b", Choices((True, False), (True, False))))
    plan = SweepPlan("x", "demo", (), (), "m", sampler, pruner)  # type: ignore[arg-type]
    return SweepStudy(plan, folder, space, higher_is_better=higher_is_better, seed=7)


def _value(values: dict[str, Any]) -> float:
    return (values["train_tsg.balance"] - 0.3) ** 2 + 0.01 * values["train_tsg.stride"]


def _complete(study: SweepStudy, number: int, values: dict[str, Any]) -> None:
    study.tell(Outcome(number, "complete", 1.0, Score(_value(values), 0.0, 1.0), stages=("tables",)))


def _run(study: SweepStudy, trials: int) -> None:
    while trial := study.next_trial(trials):
        _complete(study, trial.number, trial.values)


def test_an_interrupted_sweep_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir(), (tmp_path / "broken").mkdir()
    whole = _study(tmp_path / "whole")
    _run(whole, 12)  # beyond the 10 that TPE draws blindly
    _run(_study(tmp_path / "broken"), 4)
    lost = _study(tmp_path / "broken").next_trial(12)  # its process is killed while the trial runs
    assert lost is not None
    again = _study(tmp_path / "broken")
    resumed = again.next_trial(12)
    assert resumed is not None
    assert (resumed.number, resumed.values, resumed.is_resumed) == (lost.number, lost.values, True)
    _complete(again, resumed.number, resumed.values)
    _run(again, 12)
    assert [record.values for record in again.records()] == [record.values for record in whole.records()]
    assert [record.score for record in again.records()] == [record.score for record in whole.records()]
    assert again.best().number == whole.best().number
    assert [record.number for record in again.records()] == list(range(12))


def test_the_number_of_trials_counts_those_of_before(tmp_path: Path) -> None:
    _run(_study(tmp_path), 3)
    assert _study(tmp_path).next_trial(3) is None
    more = _study(tmp_path)
    _run(more, 5)
    assert len(more.records()) == 5


def test_a_grid_is_tried_once_and_ends(tmp_path: Path) -> None:
    seen = []
    for trials in (4, 99):
        study = _study(tmp_path, "grid")
        while trial := study.next_trial(trials):
            seen.append(tuple(trial.values.values()))
            study.tell(Outcome(trial.number, "complete", 1.0, Score(1.0)))
    assert sorted(seen) == [(stride, value) for stride in (1, 2, 4) for value in (False, True)]


def test_who_only_looks_adds_no_trial(tmp_path: Path) -> None:
    watched = _study(tmp_path, "grid")
    assert watched.records() == []
    with closing(sqlite3.connect(tmp_path / "study.db")) as connection:
        assert connection.execute("select count(*) from trials").fetchone() == (0,)
    assert _study(tmp_path, "grid").next_trial(9) is not None
    before = (tmp_path / "study.db").read_bytes()
    assert [record.state for record in _study(tmp_path, "grid").records()] == ["running"]
    assert (tmp_path / "study.db").read_bytes() == before


def test_a_failed_trial_is_remembered_with_its_reason_and_is_never_the_best(tmp_path: Path) -> None:
    study = _study(tmp_path)
    first = study.next_trial(2)
    assert study.best() is None
    study.tell(Outcome(first.number, "failed", 3.0, reason="stage train_tsg failed: no such thing"))
    _run(study, 2)
    records = _study(tmp_path).records()
    assert [(record.state, record.reason) for record in records] == [
        ("failed", "stage train_tsg failed: no such thing"),
        ("complete", ""),
    ]
    assert records[0].seconds == 3.0
    assert records[1].stages == ("tables",)
    assert study.best().number == 1


@pytest.mark.parametrize("higher_is_better", [False, True])
def test_the_pruner_gives_up_a_low_curve_whatever_the_metric_s_direction(
    higher_is_better: bool, tmp_path: Path
) -> None:
    study = _study(tmp_path, pruner="median", higher_is_better=higher_is_better)
    for _ in range(5):  # Optuna's median needs so many
        trial = study.next_trial(9)
        study.tell(Outcome(trial.number, "complete", 1.0, Score(1.0), curve=(0.5, 0.8)))
    good, bad = study.next_trial(9), study.next_trial(9)
    assert not study.is_worse(good.number, (0.6,))
    assert study.is_worse(bad.number, (0.4,))
    study.tell(Outcome(bad.number, "pruned", 1.0, reason="given up"))
    assert study.records()[bad.number].curve == (0.4,)
    assert study.records()[0].curve == (0.5, 0.8)


def test_importance_finds_the_param_that_matters(tmp_path: Path) -> None:
    study = _study(tmp_path, "random")
    assert study.importance() == {}
    _run(study, 14)
    shares = study.importance()
    assert shares["train_tsg.balance"] > 0.7
    assert sum(shares.values()) == pytest.approx(1.0)


def test_notes_of_a_trial_outlive_the_process(tmp_path: Path) -> None:
    study = _study(tmp_path)
    trial = study.next_trial(1)
    study.note(trial.number, run_id="abc")
    study.run_id = "def"
    again = _study(tmp_path)
    assert again.run_id == "def"
    assert again.notes(again.next_trial(1).number) == {"run_id": "abc"}
