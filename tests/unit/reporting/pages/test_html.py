"""Tables as a page shows them."""

import numpy as np
import pandas as pd

from segtalker.reporting.pages.html import Table, page_verdicts, score_rows
from segtalker.reporting.tables.intervals import Bootstrap, Uncertainty
from segtalker.reporting.tables.methods import HALVES, MOMENTS, order_methods
from segtalker.reporting.tables.scores import Metric, Scores
from segtalker.reporting.tables.verdicts import verdict_table


def test_a_table_knows_its_numbers_and_keeps_its_order() -> None:
    frame = pd.DataFrame({"method": ["b", "a"], "psnr": [27.5, float("nan")], "clips": [2, 12]})
    table = Table.of(frame)
    assert table.columns == ["method", "psnr", "clips"]
    assert table.numeric == {"psnr", "clips"}
    assert [[name for name, _ in row] for row in table.rows] == [table.columns] * 2
    assert [row[0][1] for row in table.rows] == ["b", "a"]
    assert [row[1][1] == "" for row in table.rows] == [False, True]
    assert [row[2][1] for row in table.rows] == ["2", "12"]


def metric(name: str, area: str, whole: str) -> Metric:
    return Metric(name, "", "dB", True, area, whole)


def test_systems_are_held_against_the_baseline_area_by_area() -> None:
    metrics = (
        metric("psnr", "frame", "psnr"),
        metric("psnr_face", "face", "psnr"),
        metric("psnr_skin", "skin", "psnr"),
    )
    rng = np.random.default_rng(0)
    rows = [
        {"clip_id": f"c{who}", "subject": f"s{who}", "method": method, "metric": one.name, "reason": "",
         "value": value + 0.01 * rng.normal()}
        for one, pair in zip(metrics, ((25, 27), (24, 22), (3, 2)), strict=True)
        for method, value in zip(("segtalker", "wav2lip"), pair, strict=True)
        for who in range(6)
    ]  # fmt: skip
    scores = Scores(pd.DataFrame(rows), metrics, tuple(order_methods({"segtalker", "wav2lip"})))
    verdicts = page_verdicts(verdict_table(scores, Bootstrap(500, 0.95)), scores)
    assert verdicts.columns == ["SegTalker: whole frame", "SegTalker: face box"]
    ((shown, _, cells),) = verdicts.rows
    assert shown.name == "psnr"
    assert [cell.verdict for cell in cells] == ["worse", "better"]
    assert [cell.text[0] for cell in cells] == ["-", "+"]


def test_a_metric_of_the_whole_set_says_what_the_truth_gets_against_itself() -> None:
    fid = Metric("fid", "", "", False, "frame", "fid")
    rows = [{"clip_id": "", "subject": "", "method": "segtalker", "metric": "fid", "value": 1.5, "reason": ""}]
    floors = {HALVES: {"fid": 407.578}, MOMENTS: {"fid": 1.2759}}
    scores = Scores(pd.DataFrame(rows), (fid,), tuple(order_methods({"segtalker"})), floors)
    columns = ["method", "metric", "mean", "low", "high", "clips", "subjects"]
    nothing = Uncertainty(Bootstrap(10, 0.95), pd.DataFrame(columns=columns), pd.DataFrame())
    (row,) = score_rows(scores, nothing, scores.summary_metrics)
    assert row.floors == ["407.6 other people", "1.276 other moments"]
