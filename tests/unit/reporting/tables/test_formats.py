"""How tables are written: intervals, paired differences, and who may be marked best by them."""

import dataclasses
import io
import re

import numpy as np
import pandas as pd
import pytest

from segtalker.config.workspace import Workspace
from segtalker.reporting.tables.build import build_tables
from segtalker.reporting.tables.formats import (
    best_methods,
    difference_texts,
    escape_latex,
    interval_notes,
    interval_texts,
    results_latex,
    results_markdown,
    system_pairs,
    write_csv,
)
from segtalker.reporting.tables.intervals import Bootstrap, find_uncertainty
from segtalker.reporting.tables.methods import order_methods
from segtalker.reporting.tables.scores import Scores

from .shifted_scores import BOOTSTRAP, ERROR, OFFSET, QUALITY, WHOLE, make_scores, measured

PLAIN = {"best": ("<", ">"), "second": ("{", "}")}
SIGNATURE = "0123456789abcdef" * 4
HOW = Bootstrap(500, 0.95)


def test_means_and_differences_are_over_clips_and_say_how_many() -> None:
    scores = make_scores({"segtalker": 1.0, "static": 0.0}, 0.5)
    gone = (scores.values["method"] == "static") & (scores.values["clip_id"] == "p1_0")
    scores.values.loc[gone & (scores.values["metric"] == "quality"), "value"] = np.nan
    found = find_uncertainty(scores, BOOTSTRAP)
    wide = scores.values[scores.values["metric"] == "quality"].pivot(index="clip_id", columns="method", values="value")
    both = wide.dropna()
    one = found.difference("segtalker", "static", "quality")
    assert one.mean == pytest.approx((both["segtalker"] - both["static"]).mean())
    assert (one.clips, one.subjects) == (len(both), 6)
    assert found.interval("segtalker", "quality").clips == len(wide) == 12
    assert found.interval("static", "quality").clips == len(both)
    cells = interval_texts(scores, found, scores.summary_metrics, PLAIN, str)["quality"]
    assert [cell.endswith("n=11") for cell in cells] == [False, True]


def test_metrics_of_the_whole_set_have_a_value_and_no_interval() -> None:
    scores, found = measured({"segtalker": 1.0, "static": 0.0}, 0.1)
    row = found.intervals[found.intervals["metric"] == "whole"].iloc[0]
    assert row["mean"] == 1.0
    assert row[["low", "high", "clips", "subjects"]].isna().all()
    assert "whole" not in set(found.differences["metric"])
    assert "No interval of whole: measured of the whole set." in interval_notes(scores, found)
    assert interval_texts(scores, found, scores.summary_metrics, PLAIN, str)["whole"] == ["1.000", "1.000"]


def test_one_person_gives_means_without_intervals_and_no_marks() -> None:
    scores = make_scores({"segtalker": 1.0, "wav2lip": 0.0}, 0.1, people=1)
    found = find_uncertainty(scores, BOOTSTRAP)
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
    cells = interval_texts(scores, found, scores.summary_metrics, PLAIN, str)["quality"]
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
    found = find_uncertainty(scores, BOOTSTRAP)
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
    assert best_methods(demoted, find_uncertainty(demoted, BOOTSTRAP), QUALITY) == {}
    assert best_methods(scores, find_uncertainty(scores, BOOTSTRAP), QUALITY) == {"segtalker": "best"}


def test_differences_that_are_none_stand_in_brackets() -> None:
    scores, found = measured({"segtalker": 1.0, "static": 0.0, "shuffled_audio": 1.0}, 0.2)
    pairs = system_pairs(scores, "segtalker")
    cells = dict(
        zip([other for _, other in pairs], difference_texts(scores, found, pairs, str)["quality"], strict=True)
    )
    assert cells["static"].startswith("+")
    assert cells["shuffled_audio"].startswith("(")


def test_csv_keeps_unmeasured_columns_empty_and_reads_back(experiment: Workspace, scores: Scores, tmp_path) -> None:
    table = build_tables(experiment, scores, SIGNATURE, HOW).results
    write_csv(table, tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text()
    assert "lpips_alex" in text.splitlines()[0]
    assert "nan" not in text.lower().replace("nano", "")
    assert "\r" not in text
    back = pd.read_csv(io.StringIO(text))
    assert back["lpips_alex"].isna().all()
    assert back["psnr"].to_numpy() == pytest.approx(table["psnr"].to_numpy(), abs=1e-6)


def test_markdown_is_a_table_with_directions(experiment: Workspace, scores: Scores) -> None:
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    lines = results_markdown(tables.results, scores, tables.uncertainty).splitlines()
    assert "`psnr` (dB) ↑" in lines[0]
    assert "`lmd_mouth` (px) ↓" in lines[0]
    assert "lpips_alex" not in lines[0]
    assert len({line.count("|") for line in lines}) == 1
    assert SIGNATURE not in "".join(lines)


def test_latex_rows_have_as_many_cells_as_columns(experiment: Workspace, scores: Scores) -> None:
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    text = results_latex(tables.results, scores, tables.uncertainty)
    columns = len(re.search(r"\\begin{tabular}{(\w+)}", text).group(1))
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 6
    assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)
    assert re.search(r"(?<!\\)_", text) is None
    assert [rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3


def test_latex_escapes() -> None:
    assert escape_latex("a_b & 50% {x} \\") == r"a\_b \& 50\% \{x\} \textbackslash{}"


def test_best_is_marked_only_among_systems_that_compete(experiment: Workspace, scores: Scores) -> None:
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    assert "**" not in results_markdown(tables.results, scores, tables.uncertainty)
    rival = scores.values[scores.values["method"] == "static"].assign(method="rival")
    values = pd.concat([scores.values, rival], ignore_index=True)
    both = Scores(values, scores.metrics, tuple(order_methods(set(values["method"]))))
    tables = build_tables(experiment, both, SIGNATURE, HOW)
    lines = results_markdown(tables.results, both, tables.uncertainty).splitlines()
    marked = [line for line in lines if "**" in line]
    assert len(marked) == 1
    assert "segtalker" in marked[0]
