import dataclasses
import json

import pandas as pd
import pytest

from segtalker.config.workspace import Workspace
from segtalker.metrics.catalogue import describe
from segtalker.reporting.tables.build import unavailable_table
from segtalker.reporting.tables.scores import Metric, read_scores
from segtalker.utils.errors import BadInputError


def test_means_match_the_written_values(experiment: Workspace) -> None:
    folder = experiment.results("evaluate")
    scores = read_scores(folder, ["mouth_iou"])
    raw = pd.read_csv(folder / "metrics.csv")
    for method in ("segtalker", "static"):
        for metric in ("psnr", "fid_seeded"):
            values = raw.loc[(raw["method"] == method) & (raw["metric"] == metric), "value"]
            assert scores.means().loc[method, metric] == pytest.approx(values.sum() / len(values))
    assert scores.means()["lpips_alex"].isna().all()


def test_headline_metrics_come_first_and_regions_apart(experiment: Workspace) -> None:
    scores = read_scores(experiment.results("evaluate"), ["mouth_iou", "not_measured", "psnr"])
    assert [metric.name for metric in scores.metrics][:2] == ["mouth_iou", "psnr"]
    assert [metric.region for metric in scores.region_metrics] == ["lip", "hair"]
    assert not {"iou_lip", "iou_hair"} & {metric.name for metric in scores.summary_metrics}


def test_a_method_counts_only_clips_it_was_measured_on(experiment: Workspace) -> None:
    scores = read_scores(experiment.results("evaluate"), [])
    assert scores.clips("segtalker") == 2
    values = scores.values.assign(value=scores.values["value"].mask(scores.values["clip_id"] == "person00_000"))
    assert dataclasses.replace(scores, values=values).clips("segtalker") == 1


def test_broken_results_are_refused_in_one_line(experiment: Workspace, tmp_path) -> None:
    with pytest.raises(BadInputError, match=r"metrics\.csv: no such file; run"):
        read_scores(tmp_path, [])
    source = experiment.results("evaluate")
    (tmp_path / "metrics.csv").write_bytes((source / "metrics.csv").read_bytes())
    (tmp_path / "metrics.json").write_text(json.dumps({"psnr": {}}))
    with pytest.raises(BadInputError, match="says nothing of 'fid_seeded'"):
        read_scores(tmp_path, [])
    (tmp_path / "metrics.csv").write_text("clip_id,method,metric,value,reason\n")
    with pytest.raises(BadInputError, match="column 'subject' is missing"):
        read_scores(tmp_path, [])


def write_values(tmp_path, experiment: Workspace, rows: list[str]):
    """Results of these rows alone."""
    (tmp_path / "metrics.json").write_bytes((experiment.results("evaluate") / "metrics.json").read_bytes())
    (tmp_path / "metrics.csv").write_text("\n".join(["clip_id,subject,method,metric,value,reason", *rows, ""]))
    return tmp_path


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-inf", "Infinity", ""])
def test_a_value_that_is_no_number_is_missing_with_a_reason_and_not_averaged(
    experiment: Workspace, tmp_path, text: str
) -> None:
    rows = ["c0,s0,segtalker,psnr,20.0,", f"c1,s1,segtalker,psnr,{text},"]
    scores = read_scores(write_values(tmp_path, experiment, rows), [])
    assert scores.means().loc["segtalker", "psnr"] == 20.0
    lost = unavailable_table(scores).iloc[0]
    assert (lost["metric"], lost["method"], lost["clips"]) == ("psnr", "all", "1")
    assert lost["reason"] == (f"the value is {text}" if text else "no value and no reason were written")
    assert scores.clips("segtalker") == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("c1,s1,segtalker,psnr,12 dB,", "'12 dB', of psnr of segtalker on c1, is no number"),
        ("c0,s0,segtalker,psnr,21.0,", "psnr of segtalker on c0 stands there twice"),
        ("c0,s1,static,psnr,21.0,", "clip c0 has two subjects"),
        (",,segtalker,fid_seeded,?,", "fid_seeded of segtalker on the whole set"),
    ],
)
def test_rows_that_cannot_be_meant_are_refused(experiment: Workspace, tmp_path, row: str, message: str) -> None:
    folder = write_values(tmp_path, experiment, ["c0,s0,segtalker,psnr,20.0,", row])
    with pytest.raises(BadInputError) as caught:
        read_scores(folder, [])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_undirected_metric_marks_nobody() -> None:
    assert Metric("offset", "", "frames", None, "frame", "offset").arrow == ""


def test_metrics_of_areas_and_regions_have_tables_of_their_own(experiment: Workspace, tmp_path) -> None:
    facts = describe("truth", True)
    (tmp_path / "metrics.json").write_text(json.dumps(facts))
    rows = ["clip_id,subject,method,metric,value,reason", *(f"c0,s0,segtalker,{name},0.5," for name in facts), ""]
    (tmp_path / "metrics.csv").write_text("\n".join(rows))
    scores = read_scores(tmp_path, ["psnr"])
    shown = [{metric.name for metric in part} for part in (scores.summary_metrics, scores.area_metrics)]
    assert {"psnr", "gradient_kept", "mouth_in_silence"} <= shown[0]
    assert not {"psnr_face", "psnr_mouth_area", "gradient_kept_skin"} & shown[0]
    assert {"psnr", "psnr_face", "psnr_mouth_area"} <= shown[1]
    assert not {"gradient_kept_skin", "lmd_mouth"} & shown[1]
    assert {metric.area for metric in scores.texture_metrics} == {"skin", "hair", "lip", "mouth", "eyes"}
    names = [metric.name for metric in scores.all_areas]
    assert names[:3] == ["psnr", "psnr_face", "psnr_mouth_area"]
    assert {*names} | {metric.name for metric in scores.region_metrics} == {*facts}


def test_scores_of_an_earlier_version_are_of_the_whole_frame(experiment: Workspace) -> None:
    scores = read_scores(experiment.results("evaluate"), [])
    assert scores.area_metrics == scores.texture_metrics == ()
    assert scores.floors == {}
    assert {metric.area for metric in scores.metrics} == {"frame"}
