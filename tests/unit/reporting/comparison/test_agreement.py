"""Two runs held against each other, score by score."""

import json
from pathlib import Path

import pandas as pd
import pytest

from segtalker.reporting.comparison.agreement import Agreement, compare_scores
from segtalker.reporting.tables.intervals import Bootstrap, find_uncertainty
from segtalker.reporting.tables.scores import Scores, read_scores

METRICS = {"psnr": 30.0, "mouth_iou": 0.7}
FACTS = {
    name: {"protocol": "x", "unit": "", "higher_is_better": True, "reference": "truth"}
    for name in (*METRICS, "fid_seeded")
}


def scores(
    folder: Path, gain: float = 0.0, methods: tuple[str, ...] = ("ground_truth", "segtalker", "static")
) -> Scores:
    """Of four people with two clips each; `gain` is added to what SegTalker has of single clips."""
    folder.mkdir()
    rows = []
    for method in methods:
        extra = gain if method == "segtalker" else 0.0
        for metric, mean in METRICS.items():
            for who in range(4):
                rows += [
                    [f"s{who}_{take}", f"s{who}", method, metric, mean * (1 + who / 40) + extra, ""] for take in "ab"
                ]
        rows.append(["", "", method, "fid_seeded", 0.5, ""])
    columns = ["clip_id", "subject", "method", "metric", "value", "reason"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "metrics.csv", index=False)
    (folder / "metrics.json").write_text(json.dumps(FACTS))
    return read_scores(folder, ("psnr",))


def agreement(theirs: Scores, ours: Scores, is_exact: bool) -> Agreement:
    return compare_scores(theirs, find_uncertainty(theirs, Bootstrap(200, 0.95)), ours, is_exact)


@pytest.mark.parametrize("is_exact", [True, False])
def test_the_same_numbers_are_equal(is_exact: bool, tmp_path: Path) -> None:
    result = agreement(scores(tmp_path / "a"), scores(tmp_path / "b"), is_exact)
    assert (result.is_equal, result.is_match) == (True, True)
    assert result.clip_values == result.equal_clip_values == 51


def test_where_numbers_have_to_be_equal_the_smallest_difference_counts(tmp_path: Path) -> None:
    result = agreement(scores(tmp_path / "a"), scores(tmp_path / "b", gain=1e-6), is_exact=True)
    assert (result.is_equal, result.is_match) == (False, False)
    assert list(result.table.query("match == 'differs'")["metric"]) == ["psnr", "mouth_iou"]
    assert result.equal_clip_values == 35


def test_elsewhere_half_the_interval_is_tolerated(tmp_path: Path) -> None:
    theirs = scores(tmp_path / "a")
    interval = find_uncertainty(theirs, Bootstrap(200, 0.95)).interval("segtalker", "mouth_iou")
    assert interval is not None
    half = (interval.high - interval.low) / 2
    near, far = (scores(tmp_path / name, gain=share * half) for name, share in (("b", 0.9), ("c", 1.1)))
    rows = [agreement(theirs, ours, is_exact=False).table.query("match != 'equal'") for ours in (near, far)]
    matches = [dict(zip(table["metric"], table["match"], strict=True)) for table in rows]
    assert matches == [{"psnr": "within", "mouth_iou": "within"}, {"psnr": "within", "mouth_iou": "differs"}]


def test_a_method_that_one_has_not_is_missing(tmp_path: Path) -> None:
    result = agreement(
        scores(tmp_path / "a"), scores(tmp_path / "b", methods=("ground_truth", "segtalker")), is_exact=False
    )
    assert set(result.table.query("match == 'missing'")["method"]) == {"static"}
    assert not result.is_match
    shown = result.worth_showing("segtalker", ["psnr"])
    assert set(zip(shown["method"], shown["metric"], strict=True)) == {
        ("segtalker", "psnr"),
        *(("static", name) for name in FACTS),
    }
