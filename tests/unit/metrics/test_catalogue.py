"""Every metric is found, described and has its place."""

import pkgutil
from pathlib import Path

import numpy as np
import pytest

from segtalker import metrics
from segtalker.config.params import load_params
from segtalker.config.workspace import project_root
from segtalker.evaluation.metric_nets import WeightFiles
from segtalker.metrics import catalogue, registry
from segtalker.metrics.catalogue import MODULES, all_metrics, chosen_metrics, describe
from segtalker.metrics.registry import NotMeasurable, frame_metric
from segtalker.nets.pretrained import known_weights
from segtalker.utils.code_hash import code_files

# columns of `metrics.json` and of every table; new ones take a place, these keep their order
COLUMNS = [
    "psnr", "ssim", "ms_ssim", "lpips_alex", "lpips_seeded", "fid_inception_legacy", "fid_inception_clean",
    "kid_inception_clean", "fid_seeded", "cpbd", "cpbd_error", "gradient_kept", "gradient_correlation", "detail_seeded",
    "lse_d_syncnet", "lse_c_syncnet", "offset_syncnet", "lse_d_expert",
    "lse_c_expert", "offset_expert", "lmd_mouth", "lmd_mouth_mediapipe", "lmd_face_mediapipe", "lmd_mouth_fan",
    "lmd_face_fan", "faces_mediapipe", "faces_fan", "temporal_error", "warp_error", "warp_ratio", "flicker_ratio",
    "identity_mobilefacenet", "mouth_iou", "region_iou", "mouth_iou_parsed", "region_iou_parsed", "iou_background",
    "iou_lip", "iou_eyebrows", "iou_eyes", "iou_hair", "iou_nose", "iou_skin", "iou_ears", "iou_neck", "iou_mouth",
    "iou_glasses", "iou_earrings",
]  # fmt: skip


def test_columns_keep_their_order():
    names = [metric.name for metric in all_metrics()]
    assert [name for name in names if name in COLUMNS] == COLUMNS
    assert len(set(names)) == len(names)
    assert set(load_params(project_root()).tables.headline) <= set(names)


def test_every_module_with_metrics_is_in_the_catalogue():
    names = [f"{metrics.__name__}.{module.name}" for module in pkgutil.iter_modules(metrics.__path__)]
    files = {name: Path(project_root(), *name.split(".")).with_suffix(".py").read_text() for name in names}
    decorated = {name for name, text in files.items() if "metric(\n" in text and name != registry.__name__}
    assert decorated == {module.__name__ for module in MODULES} == {metric.module for metric in all_metrics()}


def test_what_a_clip_was_measured_by_is_known_by_its_code():
    hashed = {path.resolve() for path in code_files("segtalker.evaluation.clip")}
    assert {Path(module.__file__).resolve() for module in MODULES} <= hashed


def test_every_metric_is_described():
    facts = describe("truth", stand_ins=True)
    assert list(facts) == [metric.name for metric in all_metrics()]
    assert all(fact["protocol"] and fact["higher_is_better"] in (True, False, None) for fact in facts.values())
    assert facts["mouth_iou"]["reference"] == "truth masks"
    assert facts["lmd_mouth"]["reference"] == "truth masks"
    assert facts["psnr"]["reference"] == "the clip's own frames and sound"
    assert facts["lpips_alex"]["weights"] == ["lpips_trunk", "lpips_heads"]
    assert facts["fid_seeded"]["scope"] == "dataset"


def test_pictures_are_compared_in_every_area():
    facts = describe("truth", stand_ins=True)
    areas = {}
    for name, fact in facts.items():
        areas.setdefault(fact["whole"], {})[fact["area"]] = name
        assert name == (fact["whole"] if fact["area"] == "frame" else f"{fact['whole']}_{fact['area']}")
    pictures = {
        "psnr", "ssim", "ms_ssim", "lpips_alex", "lpips_seeded", "cpbd", "cpbd_error", "temporal_error", "warp_error",
        "warp_ratio", "flicker_ratio", "gradient_kept", "gradient_correlation", "detail_seeded",
    }  # fmt: skip
    assert {whole for whole, names in areas.items() if {"frame", "face", "mouth_area"} <= set(names)} == pictures
    assert {whole for whole, names in areas.items() if len(names) > 1} == pictures
    of_regions = {"frame", "face", "mouth_area", "skin", "hair", "lip", "mouth", "eyes"}
    assert (
        set(areas["gradient_kept"]) == set(areas["gradient_correlation"]) == set(areas["detail_seeded"]) == of_regions
    )
    assert facts["psnr_mouth_area"]["protocol"].endswith(facts["psnr"]["protocol"])
    assert facts["psnr_mouth_area"]["protocol"] != facts["psnr_face"]["protocol"]


def test_weights_are_known_and_named_by_a_param():
    settings = load_params(project_root()).evaluate
    files = {
        name: key
        for metric in all_metrics()
        if metric.measure.needs
        for name, key in metric.measure.needs.files.items()
    }
    assert set(files) <= set(known_weights())
    assert all(hasattr(settings, key) for key in files.values())
    assert WeightFiles.of(settings).files == ()


def test_stand_ins_have_names_of_their_own_and_can_be_left_out():
    names = {metric.name for metric in chosen_metrics(stand_ins=False)}
    assert not {"lpips", "fid", "lse_d", "lse_c"} & set(COLUMNS)
    assert not {"lpips_seeded", "fid_seeded", "lse_d_expert", "offset_expert"} & names
    assert {"lpips_alex", "psnr"} <= names


def test_psnr_leaves_out_equal_frames_and_has_no_value_where_all_are():
    psnr = next(metric for metric in all_metrics() if metric.name == "psnr")
    assert catalogue.clip_value(psnr, np.array([[np.inf, 1, 1], [20.0, 1, 1], [30.0, 1, 1]])) == 25.0
    with pytest.raises(NotMeasurable, match="infinite"):
        catalogue.clip_value(psnr, np.array([[np.inf], [np.inf]]))


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="psnr"):
        frame_metric(unit="", higher_is_better=None, protocol="another", name="psnr")(lambda chunk: chunk)
