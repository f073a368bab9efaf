import json

import numpy as np
import pandas as pd
import pytest

from segtalker.errors import BadInputError
from segtalker.reporting.methods import order_methods
from segtalker.reporting.scores import read_scores
from segtalker.workspace import Workspace


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


def test_reference_first_controls_last_and_strangers_are_systems() -> None:
    names = [method.name for method in order_methods({"static", "wav2lip", "ground_truth", "segtalker"})]
    assert names == ["ground_truth", "segtalker", "wav2lip", "static"]


def test_a_method_counts_only_clips_it_was_measured_on(experiment: Workspace) -> None:
    scores = read_scores(experiment.results("evaluate"), [])
    assert scores.clips("segtalker") == 2
    scores.values.loc[scores.values["clip_id"] == "person00_000", "value"] = np.nan
    assert scores.clips("segtalker") == 1


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
