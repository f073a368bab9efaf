import pytest

from segtalker.config.workspace import Workspace
from segtalker.reporting.tables.build import build_tables, people_apart
from segtalker.reporting.tables.intervals import Bootstrap
from segtalker.reporting.tables.scores import Scores

SIGNATURE = "0123456789abcdef" * 4
HOW = Bootstrap(500, 0.95)


def test_results_have_the_promised_columns(experiment: Workspace, scores: Scores) -> None:
    table = build_tables(experiment, scores, SIGNATURE, HOW).results
    assert list(table.columns[:4]) == ["dataset", "method", "psnr", "mouth_iou"]
    assert list(table.columns[-3:]) == ["clips", "failed", "signature"]
    assert list(table["method"]) == ["ground_truth", "segtalker", "sgi_oracle_mask", "shuffled_audio", "static"]
    assert dict(zip(table["method"], table["failed"], strict=True))["static"] == 1
    assert table["failed"].sum() == 1


def test_what_could_not_be_measured_is_named_with_its_reason(experiment: Workspace, scores: Scores) -> None:
    row = build_tables(experiment, scores, SIGNATURE, HOW).unavailable.to_dict("records")
    assert row == [{"metric": "lpips_alex", "method": "all", "clips": "2",
                    "reason": "weights lpips_alex are not here; fetch alexnet-owt-7be5be79.pth"}]  # fmt: skip


def test_a_value_missing_for_one_method_names_the_method(experiment: Workspace, scores: Scores) -> None:
    rows = (scores.values["method"] == "static") & (scores.values["metric"] == "psnr")
    scores.values.loc[rows, ["value", "reason"]] = [float("nan"), "frames differ in size"]
    table = build_tables(experiment, scores, SIGNATURE, HOW).unavailable
    assert table.iloc[0].to_dict() == {
        "metric": "psnr", "method": "static", "clips": "2", "reason": "frames differ in size"
    }  # fmt: skip


def test_one_reason_for_every_method_is_one_row(experiment: Workspace, scores: Scores) -> None:
    scores.values.loc[scores.values["metric"] == "fid_seeded", ["value", "reason"]] = [float("nan"), "too few"]
    one_clip = (scores.values["metric"] == "iou_hair") & (scores.values["clip_id"] == "person01_000")
    scores.values.loc[one_clip, ["value", "reason"]] = [float("nan"), "no hair"]
    table = build_tables(experiment, scores, SIGNATURE, HOW).unavailable.set_index("metric")
    assert table.loc["fid_seeded"].tolist() == ["all", "set", "too few"]
    assert table.loc["iou_hair"].tolist() == ["all", "1", "no hair"]


def test_splits_and_failures(experiment: Workspace, scores: Scores) -> None:
    tables = build_tables(experiment, scores, SIGNATURE, HOW)
    assert tables.splits["clips"].tolist() == [4, 1, 2]
    assert tables.splits["minutes"].sum() == pytest.approx(7 * 30 / 25 / 60)
    assert set(tables.failures["reason"]) == {"no audio track", "no face found"}
    assert people_apart(experiment)
