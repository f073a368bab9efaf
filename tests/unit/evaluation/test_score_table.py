"""Scores of a clip and of the set: doctored videos move exactly the metrics they should."""

import dataclasses
import json
import math
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import scipy

from segtalker.clips.image_pack import write_images
from segtalker.evaluation import clip as evaluation
from segtalker.evaluation.clip import (
    FEATURES_FILE,
    GROUND_TRUTH,
    SCORES_FILE,
    TRUTH_HALVES,
    TRUTH_MOMENTS,
    EvaluationRecord,
)
from segtalker.evaluation.score_table import (
    MeasuredClip,
    _dataset_row,
    clip_scores,
    dataset_scores,
    halves,
    mean_scores,
    score_table,
    write_scores,
)
from segtalker.metrics.catalogue import all_metrics
from segtalker.metrics.distribution import FeatureSet

from .conftest import CLIP, evaluate

# how far from the ground truth's own value a number has moved
TOLERANCES = {
    "ssim": 0.05, "lpips_seeded": 0.01, "fid_seeded": 0.5, "cpbd": 0.05, "lse_d_expert": 0.15, "lse_c_expert": 0.3,
    "offset_expert": 0.5, "lmd_mouth": 2.0, "temporal_error": 0.5, "mouth_iou": 0.1, "region_iou": 0.15,
    "mouth_iou_parsed": 0.1, "region_iou_parsed": 0.15, "warp_error": 0.8, "flicker_ratio": 0.3,
    "opening_correlation_parsed": 0.3,
}  # fmt: skip
MOVED: dict[str, set[str]] = {
    "copy": set(),
    "flickering": {"fid_seeded", "temporal_error", "warp_error", "flicker_ratio"},
    "shuffled": {"lse_d_expert", "lse_c_expert", "lmd_mouth", "temporal_error", "mouth_iou", "mouth_iou_parsed",
                 "opening_correlation_parsed"},
    # blends of two regions' colours look like a third: the drawn face's parser loses thin ones
    "blurred": {"ssim", "lpips_seeded", "fid_seeded", "cpbd", "temporal_error", "region_iou",
                "region_iou_parsed", "flicker_ratio"},
    "frozen": {"ssim", "lpips_seeded", "fid_seeded", "lse_d_expert", "lse_c_expert", "lmd_mouth", "temporal_error",
               "mouth_iou", "region_iou", "mouth_iou_parsed", "region_iou_parsed", "flicker_ratio",
               "opening_correlation_parsed"},
    "late": {"ssim", "lpips_seeded", "offset_expert", "lmd_mouth", "temporal_error", "mouth_iou", "mouth_iou_parsed",
             "opening_correlation_parsed"},
}  # fmt: skip
METHODS = tuple(MOVED)
WITHOUT_OFFSET = {"shuffled", "frozen"}  # nothing there to be early or late


@pytest.fixture(scope="module")
def scores(drawn: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """Of every doctored video, by method and metric; NaN where there is a reason instead."""
    root = tmp_path_factory.mktemp("doctored")
    config = drawn.evaluate_config(root)
    loudness = drawn.speech(1)
    drawn.write_clip(config.data, CLIP, loudness)
    truth = drawn.paint(drawn.draw_masks(loudness))
    videos = {
        "copy": truth,
        "shuffled": drawn.paint(drawn.draw_masks(drawn.speech(2))),
        "flickering": np.stack([np.clip(f + 8.0 * (n % 2), 0, 255).astype(np.uint8) for n, f in enumerate(truth)]),
        "blurred": np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in truth]),
        "frozen": truth[:1].repeat(len(truth), axis=0),
        "late": truth[[0, *range(len(truth) - 1)]],
    }
    for method, frames in videos.items():
        write_images(config.generate_folder / method / CLIP / "frames.zip", frames, ".jpg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "load_metric_nets", lambda _: drawn.make_nets())
        record = evaluation.EvaluationRecord(clip_id=CLIP, subject="face", source=Path("x.mp4"), methods=METHODS)
        evaluation.evaluate_clip(config, record, root)
    clip = MeasuredClip(CLIP, "face", "", root)
    rows, failures = clip_scores([clip])
    assert not failures
    rows += dataset_scores([clip], (evaluation.GROUND_TRUTH, *METHODS), config.nets)
    rows = [row for row in rows if row["method"] not in (TRUTH_HALVES, TRUTH_MOMENTS)]
    table: dict[str, dict[str, float]] = {method: {} for method in (evaluation.GROUND_TRUTH, *METHODS)}
    for line in rows:
        table[line["method"]][line["metric"]] = np.nan if line["value"] is None else line["value"]
    return table


@pytest.mark.parametrize("method", METHODS)
def test_exactly_the_right_metrics_move(scores: dict[str, dict[str, float]], method: str):
    truth, doctored = scores[evaluation.GROUND_TRUTH], scores[method]
    moved = {name for name, least in TOLERANCES.items() if abs(doctored[name] - truth[name]) > least}
    assert moved - ({"offset_expert"} if method in WITHOUT_OFFSET else set()) == MOVED[method]


def test_directions(scores: dict[str, dict[str, float]]):
    truth = scores[evaluation.GROUND_TRUTH]
    assert scores["blurred"]["cpbd"] < truth["cpbd"]
    assert scores["shuffled"]["lse_c_expert"] < truth["lse_c_expert"]
    assert scores["shuffled"]["lse_d_expert"] > truth["lse_d_expert"]
    assert truth["offset_expert"] == 0
    assert scores["late"]["offset_expert"] == 1  # pictures late: the speech is early by a frame
    assert np.isnan(truth["psnr"])
    assert scores["frozen"]["psnr"] < scores["blurred"]["psnr"] < scores["shuffled"]["psnr"]
    assert truth["mouth_iou"] == truth["ssim"] == 1.0
    assert truth["fid_seeded"] == truth["lpips_seeded"] == truth["temporal_error"] == truth["lmd_mouth"] == 0.0


def test_what_needs_weights_has_no_value(scores: dict[str, dict[str, float]]):
    for name in ("lpips_alex", "fid_inception_legacy", "lse_d_syncnet", "identity_mobilefacenet"):
        assert all(np.isnan(values[name]) for values in scores.values())


@pytest.mark.parametrize("method", [evaluation.GROUND_TRUTH, *METHODS])
def test_numbers_are_what_they_were(scores: dict[str, dict[str, float]], method: str):
    """Values of revision 285681c, before a metric became one function; those without one had a reason."""
    expected = json.loads(Path(__file__).with_name("doctored_values.json").read_text())[method]
    found = {name: value for name, value in scores[method].items() if np.isfinite(value)}
    assert set(expected) <= set(found)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=2e-5, abs=2e-5)


def test_the_long_table(config, tmp_path):
    evaluate(config, "copy", tmp_path / "out")
    clip = MeasuredClip(CLIP, "face", "", tmp_path / "out")
    rows, failures = clip_scores([clip])
    methods = [evaluation.GROUND_TRUTH, "copy"]
    table = score_table([*rows, *dataset_scores([clip], methods, config.nets)], methods)
    assert not failures
    of_sets = sum(metric.scope == "dataset" for metric in all_metrics())
    assert len(table) == 2 * len(all_metrics()) + 2 * of_sets
    assert (table["value"].isna() == (table["reason"] != "")).all()
    of_the_set = table[table["clip_id"] == ""]
    inception = {"fid_inception_legacy", "fid_inception_clean", "kid_inception_clean"}
    assert set(of_the_set["metric"]) == {"fid_seeded"} | inception
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    for path in paths:
        write_scores(path, table)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    means = mean_scores(table)
    assert means["copy/mouth_iou"] == 1.0
    assert "ground_truth/psnr" not in means  # infinite
    assert means["copy/psnr"] > 50.0  # encoded twice
    assert all(np.isfinite(value) for value in means.values())


def test_a_method_that_lost_a_clip_is_compared_with_the_clips_it_has(config, tmp_path, drawn):
    drawn.write_clip(config.data, "face_01", drawn.speech(2))
    clips = []
    for number, methods in enumerate(("copy", "")):
        folder = tmp_path / f"out{number}"
        folder.mkdir()
        record = EvaluationRecord(
            clip_id=f"face_0{number}", subject="face", source=Path("x.mp4"), methods=tuple(methods.split())
        )
        evaluation.evaluate_clip(config, record, folder)
        clips.append(MeasuredClip(record.clip_id, "face", "", folder))
    values, alone = (
        {row["metric"]: row["value"] for row in dataset_scores(part, ["copy"], config.nets) if row["method"] == "copy"}
        for part in (clips, clips[:1])
    )
    assert values == alone


def features_of(people: dict[str, np.ndarray], root: Path) -> list[MeasuredClip]:
    """A measured clip a person, whose recording has these features, `(T, D)`."""
    clips = []
    for person, features in people.items():
        (root / person).mkdir(parents=True)
        np.savez(root / person / FEATURES_FILE, **{f"{GROUND_TRUTH}/features_seeded": features})
        (root / person / SCORES_FILE).write_text(json.dumps({"scores": {GROUND_TRUTH: {}}, "failures": {}}))
        clips.append(MeasuredClip(f"{person}_00", person, "", root / person))
    return clips


def test_the_floor_is_the_distance_of_one_half_of_the_people_to_the_other(config, tmp_path):
    rng = np.random.default_rng(3)
    people = {f"s{number}": rng.normal(number, 1.0, (200, 3)).astype(np.float32) for number in range(6)}
    clips = features_of(people, tmp_path / "people")
    first, second = halves(clips)
    assert [[clip.subject for clip in half] for half in (first, second)] == [["s0", "s3", "s4"], ["s1", "s2", "s5"]]
    rows = [row for row in dataset_scores(clips, [], config.nets) if row["metric"] == "fid_seeded"]
    a, b = (np.concatenate([people[clip.subject] for clip in half]).astype(np.float64) for half in (first, second))
    covariances = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert [row["method"] for row in rows] == [TRUTH_HALVES, TRUTH_MOMENTS]
    assert rows[0]["value"] == pytest.approx(expected, rel=1e-5)
    # of one clip of each person the first half comes from where the second does
    assert 0 < rows[1]["value"] < 0.1 * rows[0]["value"]


def test_a_single_person_has_no_floor(config, tmp_path):
    clips = features_of({"s0": np.ones((4, 3), np.float32)}, tmp_path / "people")
    halves_row, moments_row = (row for row in dataset_scores(clips, [], config.nets) if row["metric"] == "fid_seeded")
    assert (halves_row["value"], halves_row["reason"]) == (None, "a single person was tested")
    assert moments_row["value"] == pytest.approx(0.0)


def test_a_clip_of_one_frame_has_no_two_moments(config, tmp_path):
    rng = np.random.default_rng(3)
    person = rng.normal(0.0, 1.0, (40, 3)).astype(np.float32)
    with_short, alone = (
        next(
            row["value"]
            for row in dataset_scores(features_of(people, tmp_path / name), [], config.nets)
            if (row["metric"], row["method"]) == ("fid_seeded", TRUTH_MOMENTS)
        )
        for name, people in (("both", {"s0": person, "s1": person[:1]}), ("alone", {"s0": person}))
    )
    assert with_short == alone


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_measurement_that_is_no_number_has_a_reason_and_no_value(value: float) -> None:
    whole = next(metric for metric in all_metrics() if metric.scope == "dataset")
    row = _dataset_row("copy", dataclasses.replace(whole, value=lambda *_: value), FeatureSet([]), FeatureSet([]), "")
    assert (row["value"], row["reason"]) == (None, f"the distance is {value}")
