"""Tables of intervals and paired differences, and who may be marked best by them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from segtalker.reporting.tables.formats import (
    best_methods,
    difference_texts,
    interval_notes,
    interval_texts,
    system_pairs,
)
from segtalker.reporting.tables.intervals import Bootstrap, Uncertainty, find_uncertainty
from segtalker.reporting.tables.methods import order_methods
from segtalker.reporting.tables.scores import Metric, Scores

HOW = Bootstrap(1000, 0.95)
QUALITY = Metric("quality", "", "", True)
ERROR = Metric("error", "", "px", False)
OFFSET = Metric("offset", "", "frames", None)
WHOLE = Metric("whole", "", "", False)
PLAIN = {"best": ("<", ">"), "second": ("{", "}")}


def make_scores(shifts: dict[str, float], noise: float, *, people: int = 6) -> Scores:
    """Clips that differ much between people, and methods that differ by `shifts` on every clip."""
    rng = np.random.default_rng(0)
    clips = [(f"p{who}", f"p{who}_{clip}") for who in range(people) for clip in range(1 + who % 3)]
    level = {clip: 5 * rng.normal() for _, clip in clips}
    rows = [
        {"clip_id": clip, "subject": who, "method": method, "metric": metric.name, "reason": "",
         "value": level[clip] + (shift if metric.higher_is_better is not False else -shift) + noise * rng.normal()}
        for method, shift in shifts.items()
        for metric in (QUALITY, ERROR, OFFSET)
        for who, clip in clips
    ]  # fmt: skip
    rows += [
        {"clip_id": "", "subject": "", "method": method, "metric": "whole", "value": 1.0, "reason": ""}
        for method in shifts
    ]
    columns = ["clip_id", "subject", "method", "metric", "value", "reason"]
    return Scores(
        pd.DataFrame(rows, columns=columns), (QUALITY, ERROR, OFFSET, WHOLE), tuple(order_methods(set(shifts)))
    )


def measured(shifts: dict[str, float], noise: float) -> tuple[Scores, Uncertainty]:
    scores = make_scores(shifts, noise)
    return scores, find_uncertainty(scores, HOW)


def test_pairing_sees_what_separate_intervals_hide() -> None:
    _, found = measured({"segtalker": 0.3, "static": 0.0}, 0.02)
    ours, theirs = (found.interval(name, "quality") for name in ("segtalker", "static"))
    assert ours.low < theirs.high  # people differ by far more than methods
    difference = found.difference("segtalker", "static", "quality")
    assert difference.mean == pytest.approx(0.3, abs=0.05)
    assert difference.excludes_zero
    assert difference.high - difference.low < 0.1
    assert found.beats("segtalker", "static", QUALITY)
    assert found.beats("segtalker", "static", ERROR)
    assert not found.beats("static", "segtalker", QUALITY)
    assert not found.beats("segtalker", "static", OFFSET)


def test_means_and_differences_are_over_clips_and_say_how_many() -> None:
    scores = make_scores({"segtalker": 1.0, "static": 0.0}, 0.5)
    gone = (scores.values["method"] == "static") & (scores.values["clip_id"] == "p1_0")
    scores.values.loc[gone & (scores.values["metric"] == "quality"), "value"] = np.nan
    found = find_uncertainty(scores, HOW)
    wide = scores.values[scores.values["metric"] == "quality"].pivot(index="clip_id", columns="method", values="value")
    both = wide.dropna()
    one = found.difference("segtalker", "static", "quality")
    assert one.mean == pytest.approx((both["segtalker"] - both["static"]).mean())
    assert (one.clips, one.subjects) == (len(both), 6)
    assert found.interval("segtalker", "quality").clips == len(wide) == 12
    assert found.interval("static", "quality").clips == len(both)
    cells = interval_texts(scores, found, PLAIN, str)["quality"]
    assert [cell.endswith("n=11") for cell in cells] == [False, True]


def test_every_method_is_held_against_systems_and_controls_only() -> None:
    _, found = measured({"ground_truth": 2.0, "segtalker": 1.0, "sgi_oracle_mask": 1.5, "static": 0.0}, 0.1)
    pairs = set(zip(found.differences["method"], found.differences["against"], strict=True))
    assert {other for _, other in pairs} == {"segtalker", "static"}
    assert {method for method, _ in pairs} == {"ground_truth", "segtalker", "sgi_oracle_mask", "static"}
    assert all(method != other for method, other in pairs)


def test_metrics_of_the_whole_set_have_a_value_and_no_interval() -> None:
    scores, found = measured({"segtalker": 1.0, "static": 0.0}, 0.1)
    row = found.intervals[found.intervals["metric"] == "whole"].iloc[0]
    assert row["mean"] == 1.0
    assert row[["low", "high", "clips", "subjects"]].isna().all()
    assert "whole" not in set(found.differences["metric"])
    assert "No interval of whole: measured of the whole set." in interval_notes(scores, found)
    assert interval_texts(scores, found, PLAIN, str)["whole"] == ["1.000", "1.000"]


def test_one_person_gives_means_without_intervals_and_no_marks() -> None:
    scores = make_scores({"segtalker": 1.0, "wav2lip": 0.0}, 0.1, people=1)
    found = find_uncertainty(scores, HOW)
    assert found.intervals["low"].isna().all()
    assert set(found.differences["differs"]) == {""}
    assert best_methods(scores, found, QUALITY) == {}
    assert "a single person" in interval_notes(scores, found)


def test_best_and_second_are_marked_where_the_next_is_clearly_behind() -> None:
    scores, found = measured({"segtalker": 2.0, "wav2lip": 1.0, "other": 0.0, "static": 9.0}, 0.05)
    assert best_methods(scores, found, QUALITY) == {"segtalker": "best", "wav2lip": "second"}
    assert best_methods(scores, found, ERROR) == {"segtalker": "best", "wav2lip": "second"}
    assert best_methods(scores, found, OFFSET) == {}
    assert best_methods(scores, found, WHOLE) == {}
    cells = interval_texts(scores, found, PLAIN, str)["quality"]
    by_method = dict(zip([method.name for method in scores.methods], cells, strict=True))
    assert by_method["segtalker"].startswith("<")
    assert by_method["wav2lip"].startswith("{")
    assert by_method["static"][0] not in "<{"


def test_a_tie_marks_nobody_even_if_a_third_is_far_behind() -> None:
    scores, found = measured({"segtalker": 1.0, "wav2lip": 0.99, "other": -4.0}, 1.0)
    assert best_methods(scores, found, QUALITY) == {}


def test_the_best_is_better_than_every_other_and_not_just_than_the_next() -> None:
    scores = make_scores({"segtalker": 1.0, "wav2lip": 0.6, "other": 0.0}, 0.01)
    wild = (scores.values["method"] == "other") & (scores.values["metric"] == "quality")
    sign = np.where(scores.values["subject"].isin(["p0", "p3", "p4"]), 1.0, -1.0)
    scores.values.loc[wild, "value"] += 30 * sign[wild]
    found = find_uncertainty(scores, HOW)
    assert found.beats("segtalker", "wav2lip", QUALITY)
    assert not found.beats("segtalker", "other", QUALITY)
    assert best_methods(scores, found, QUALITY) == {}


def test_only_systems_are_marked() -> None:
    scores, found = measured({"segtalker": 1.0, "static": 0.0, "ground_truth": 2.0}, 0.01)
    assert best_methods(scores, found, QUALITY) == {}


def test_roles_of_methods_decide_not_their_names() -> None:
    scores = make_scores({"segtalker": 1.0, "wav2lip": 0.0}, 0.01)
    roles = {"wav2lip": "control"}
    methods = tuple(dataclasses.replace(method, role=roles.get(method.name, method.role)) for method in scores.methods)  # type: tuple[Method, ...]
    demoted = dataclasses.replace(scores, methods=methods)
    assert best_methods(demoted, find_uncertainty(demoted, HOW), QUALITY) == {}
    assert best_methods(scores, find_uncertainty(scores, HOW), QUALITY) == {"segtalker": "best"}


def test_differences_that_are_none_stand_in_brackets() -> None:
    scores, found = measured({"segtalker": 1.0, "static": 0.0, "shuffled_audio": 1.0}, 0.2)
    pairs = system_pairs(scores, "segtalker")
    cells = dict(
        zip([other for _, other in pairs], difference_texts(scores, found, pairs, str)["quality"], strict=True)
    )
    assert cells["static"].startswith("+")
    assert cells["shuffled_audio"].startswith("(")
