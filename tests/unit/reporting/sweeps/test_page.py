"""The page of a sweep holds all it shows, fits a phone, and breaks nothing where little is known."""

from dataclasses import replace
from pathlib import Path

import pytest

from segtalker.clips.worker_pools import THIS_PROCESS
from segtalker.reporting.figures.report_figures import draw_all
from segtalker.reporting.sweeps.figures import Scale, sweep_drawings
from segtalker.reporting.sweeps.page import SweepFacts, render_sweep, table_rows
from segtalker.reporting.sweeps.trials import Goal, TrialRecord, best_first

GOAL = Goal("lse_d_expert", "", False)
FACTS = SweepFacts(
    name="sync",
    experiment="demo",
    settings=("base.seed=8",),
    spaces={"train_tsg.learning_rate": "log:1e-5:1e-3", "train_tsg.loss_weights.sync": "0.01,0.03,0.1"},
    goal=GOAL,
    on_test_people=True,
    sampler="tpe",
    pruner="median",
    folder="sweeps/sync",
    confidence=0.95,
)


def _trial(number: int, score: float | None, state: str = "complete") -> TrialRecord:
    values = {
        "train_tsg.learning_rate": 10 ** (-5 + number / 4),
        "train_tsg.loss_weights.sync": (0.01, 0.03, 0.1)[number % 3],
    }
    low, high = (None, None) if score is None else (score - 0.05, score + 0.04)
    reason = "" if state == "complete" else f"<script>alert({number})</script> " + "x" * 200
    return TrialRecord(
        number, state, values, score, low, high, reason, 70.0 + number, ("train_tsg", "tables"), (0.5, 0.6)
    )


TRIALS = [*(_trial(number, 0.7 - 0.01 * number * (8 - number)) for number in range(7)), _trial(7, None, "failed"),
          _trial(8, None, "pruned")]  # fmt: skip
SHARES = {"train_tsg.learning_rate": 0.8, "train_tsg.loss_weights.sync": 0.2}


def _page(folder: Path, trials: list[TrialRecord], shares: dict[str, float], facts: SweepFacts = FACTS) -> str:
    pictures = draw_all(sweep_drawings(trials, facts.goal, shares, "train_tsg:val/mouth_iou"), folder, THIS_PROCESS)
    return render_sweep(facts, trials, shares, pictures)


def test_the_table_begins_with_the_best_and_ends_with_what_has_no_score() -> None:
    assert [trial.number for trial in best_first(TRIALS, GOAL)] == [4, 3, 5, 2, 6, 1, 0]
    assert best_first(TRIALS, replace(GOAL, higher_is_better=True))[0].number == 0
    rows = table_rows(TRIALS, GOAL, list(FACTS.spaces))
    assert [row.number for row in rows] == [4, 3, 5, 2, 6, 1, 0, 7, 8]
    assert [row.is_best for row in rows] == [True, *[False] * 8]
    assert rows[-1].score == ""
    assert rows[0].interval == "0.49 to 0.58"


def test_nothing_but_a_complete_trial_came_from_the_cache() -> None:
    states = ("complete", "failed", "pruned", "running")
    trials = [replace(_trial(0, None), number=number, state=state, stages=()) for number, state in enumerate(states)]
    trials[0] = replace(trials[0], score=0.5)
    rows = table_rows(trials, GOAL, list(FACTS.spaces))
    assert [row.stages for row in rows] == ["none, all from the cache", "", "", ""]


def test_the_best_values_are_those_to_type_in(tmp_path: Path) -> None:
    value = 0.00012345678901234567
    trial = replace(_trial(0, 0.5), values=dict.fromkeys(FACTS.spaces, value))
    assert str(value) in _page(tmp_path, [trial], {})


def test_numbers_over_decades_lie_by_their_logarithm() -> None:
    spread = Scale([1e-5, 1e-4, 1e-3])
    assert spread.is_log
    assert spread.positions() == pytest.approx([0.0, 0.5, 1.0])
    assert Scale([1.0, 2.0, 5.0]).positions() == pytest.approx([0.0, 0.25, 1.0])
    assert Scale([3.0, 3.0]).positions() == pytest.approx([0.5, 0.5])
    words = Scale([True, False, True])
    assert words.labels == ["False", "True"]
    assert words.positions() == pytest.approx([1.0, 0.0, 1.0])


@pytest.mark.parametrize("width", [1400, 390])
def test_it_fits_the_window_and_asks_for_nothing(width: int, browser, tmp_path: Path) -> None:
    page = tmp_path / "sync.html"
    page.write_text(_page(tmp_path, TRIALS, SHARES), encoding="utf-8")
    browser.open(page, width)
    assert browser.complaints == []
    assert [address for address in browser.requests if not address.startswith("file:")] == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.querySelectorAll('.picture').length") == 5
    assert browser.run("document.querySelector('.trials tbody tr').innerText").split()[0] == "4"
    browser.click("document.querySelector('.theme')")
    assert browser.run("document.documentElement.dataset.theme") in ("light", "dark")
    browser.run("localStorage.clear()")


def test_what_is_chosen_by_test_people_says_so(tmp_path: Path) -> None:
    assert "flatters itself" in _page(tmp_path, TRIALS, SHARES)
    assert "flatters itself" not in _page(tmp_path, TRIALS, SHARES, replace(FACTS, on_test_people=False))


@pytest.mark.parametrize("trials", [[], TRIALS[7:8], TRIALS[:1], [replace(TRIALS[0], low=None, high=None, curve=())]])
def test_few_trials_make_a_page_too(trials: list[TrialRecord], tmp_path: Path) -> None:
    assert "</html>" in _page(tmp_path, trials, {})
