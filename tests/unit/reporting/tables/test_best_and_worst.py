"""Which clips the system does best and worst on."""

import pandas as pd
import pytest

from segtalker.reporting.tables.best_and_worst import clip_table, extreme_clips
from segtalker.reporting.tables.methods import order_methods
from segtalker.reporting.tables.scores import SCORE_COLUMNS, Metric, Scores

VALUES = {"a_0": 0.5, "b_0": 0.9, "c_0": 0.7}


@pytest.fixture
def scores() -> Scores:
    rows = [
        (clip, clip[0], method, metric, sign * value, "")
        for clip, value in VALUES.items()
        for method, sign in (("segtalker", 1), ("static", -1))
        for metric in ("up", "down")
    ]
    rows += [(clip, clip[0], "segtalker", "empty", float("nan"), "no weights") for clip in VALUES]
    rows += [("", "", "segtalker", "set", 3.0, "")]
    metrics = tuple(
        Metric(name, "", "", higher, "frame", name)
        for name, higher in (("up", True), ("down", False), ("empty", True), ("set", True))
    )
    return Scores(
        pd.DataFrame(rows, columns=list(SCORE_COLUMNS)), metrics, tuple(order_methods({"segtalker", "static"}))
    )


def test_the_best_and_the_worst_go_by_the_direction(scores):
    assert list(extreme_clips(scores, ("up",))) == ["b_0", "a_0"]
    assert list(extreme_clips(scores, ("down",))) == ["a_0", "b_0"]
    assert extreme_clips(scores, ("up",))["b_0"] == "best of 3 clips by up: 0.900"


def test_a_metric_that_was_not_measured_is_passed_over(scores):
    assert list(extreme_clips(scores, ("unknown", "empty", "up"))) == ["b_0", "a_0"]
    assert extreme_clips(scores, ("empty",)) == {}


def test_two_clips_have_no_extremes(scores):
    few = Scores(scores.values[scores.values["clip_id"] != "c_0"], scores.metrics, scores.methods)
    assert extreme_clips(few, ("up",)) == {}


def test_the_table_has_the_worst_first_and_no_empty_columns(scores):
    table = clip_table(scores, ("up", "empty", "down"))
    assert list(table.columns) == ["clip", "subject", "up", "down"]
    assert table["clip"].tolist() == ["a_0", "c_0", "b_0"]
    assert clip_table(scores, ("down",))["clip"].tolist() == ["b_0", "c_0", "a_0"]
