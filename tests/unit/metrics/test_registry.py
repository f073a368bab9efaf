"""What every metric says of itself."""

import numpy as np
import pytest

from segtalker.config.params import load_params
from segtalker.config.workspace import project_root
from segtalker.evaluation.measures import MEASURE
from segtalker.metrics.registry import METRICS, NotMeasurable, describe
from segtalker.regions import REGIONS

BY_NAME = {metric.name: metric for metric in METRICS}


def test_names_are_unique_and_the_headline_is_measured():
    assert len(BY_NAME) == len(METRICS)
    assert set(load_params(project_root()).tables.headline) <= set(BY_NAME)
    assert {f"iou_{region}" for region in REGIONS} <= set(BY_NAME)


def test_every_metric_is_described_and_every_track_is_measured_and_used():
    facts = describe("truth", stand_ins=True)
    assert list(facts) == [metric.name for metric in METRICS]
    assert all(fact["protocol"] and fact["higher_is_better"] in (True, False, None) for fact in facts.values())
    assert facts["mouth_iou"]["reference"] == "truth masks"
    assert {metric.track for metric in METRICS} == set(MEASURE)


def test_stand_ins_have_names_of_their_own():
    for name in ("lpips", "fid", "lse_d", "lse_c"):
        assert name not in BY_NAME


def test_psnr_leaves_out_equal_frames_and_has_no_value_where_all_are():
    value = BY_NAME["psnr"].value
    assert value is not None
    assert value(np.array([np.inf, 20.0, 30.0])) == 25.0
    with pytest.raises(NotMeasurable, match="infinite"):
        value(np.array([np.inf, np.inf]))
