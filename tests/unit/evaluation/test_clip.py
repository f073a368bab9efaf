"""The engine: failures are counted, not averaged; the same numbers on one process and on two; caches by content."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segtalker.clips.image_pack import ImagePack, write_images
from segtalker.clips.store import processed_clip
from segtalker.evaluation import clip as evaluation
from segtalker.evaluation.clip import EvaluationRecord
from segtalker.evaluation.metric_nets import WeightFiles
from segtalker.evaluation.score_table import (
    MeasuredClip,
    clip_scores,
    dataset_scores,
    mean_scores,
    score_table,
    write_scores,
)
from segtalker.metrics import catalogue, registry
from segtalker.metrics.catalogue import all_metrics
from segtalker.metrics.distribution import INCEPTION
from segtalker.metrics.feature_cache import FeatureCache, feature_key
from segtalker.metrics.frame_chunks import rgb_pair
from segtalker.utils.errors import BadClipError

CLIP = "face_00"


@pytest.fixture
def config(drawn: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> evaluation.EvaluateConfig:
    """A clip and a copy of it made by the method `copy`."""
    config = drawn.evaluate_config(tmp_path)
    drawn.write_clip(config.data, CLIP, drawn.speech(1))
    clip = processed_clip(config.data, config.dataset, CLIP, "face")
    write_images(config.generated / "copy" / CLIP / "frames.zip", clip.frames, ".jpg")
    monkeypatch.setattr(evaluation, "load_metric_nets", lambda _: drawn.make_nets())
    return config


def _evaluate(config: evaluation.EvaluateConfig, methods: str, folder: Path) -> dict:
    folder.mkdir(parents=True, exist_ok=True)
    record = EvaluationRecord(clip_id=CLIP, subject="face", source=Path("x.mp4"), methods=tuple(methods.split()))
    evaluation.evaluate_clip(config, record, folder)
    return json.loads((folder / "scores.json").read_text())


def test_videos_that_cannot_be_measured_are_named_with_their_reason(config, tmp_path):
    frames = ImagePack(config.data / "crop" / "drawn" / "clips" / CLIP / "frames.zip").read()
    write_images(config.generated / "short" / CLIP / "frames.zip", frames[:-1], ".jpg")
    write_images(config.generated / "small" / CLIP / "frames.zip", frames[:, ::2, ::2], ".jpg")
    broken = config.generated / "broken" / CLIP / "frames.zip"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"PK nonsense")
    content = _evaluate(config, "broken copy missing short small", tmp_path / "out")
    assert set(content["scores"]) == {"ground_truth", "copy"}
    assert "59" in content["failures"]["short"]
    assert "another size" in content["failures"]["small"]
    assert "not a readable image pack" in content["failures"]["broken"]
    assert "missing" in content["failures"]["missing"]


def test_a_talking_mask_is_scored_before_parsed_frames(config, tmp_path):
    masks = ImagePack(config.data / "crop" / "drawn" / "clips" / CLIP / "truth_masks.zip").read()
    write_images(config.generated / "copy" / CLIP / "masks.zip", np.zeros_like(masks), ".pgm")
    scores = _evaluate(config, "copy", tmp_path / "out")["scores"]["copy"]
    assert scores["mouth_iou"]["value"] == 0.0
    assert scores["lmd_mouth"]["value"] == 0.0  # of the frames, which are right


def test_chunks_make_no_difference(config, tmp_path):
    def numbers(batch_size: int) -> list[float]:
        changed = dataclasses.replace(config, batch_size=batch_size)
        scores = _evaluate(changed, "copy", tmp_path / str(batch_size))["scores"]
        return [np.nan if s["value"] is None else s["value"] for row in scores.values() for s in row.values()]

    np.testing.assert_allclose(numbers(2), numbers(60), rtol=1e-5, atol=1e-7)


def test_a_dataset_without_masks_says_what_to_set(config, tmp_path):
    (config.data / "crop" / "drawn" / "clips" / CLIP / "truth_masks.zip").unlink()
    with pytest.raises(BadClipError, match=r"evaluate\.reference_masks"):
        _evaluate(config, "copy", tmp_path / "out")


def test_the_long_table(config, tmp_path):
    _evaluate(config, "copy", tmp_path / "out")
    clip = MeasuredClip(CLIP, "face", "", tmp_path / "out")
    rows, failures = clip_scores([clip])
    methods = [evaluation.GROUND_TRUTH, "copy"]
    table = score_table([*rows, *dataset_scores([clip], methods, config.nets)], methods)
    assert not failures
    assert len(table) == 2 * len(all_metrics())
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


def test_features_are_kept_by_content(tmp_path):
    cache, features = FeatureCache(tmp_path / "cache"), np.eye(3, dtype=np.float32)
    parts = ("video", "net", "code", "weights")
    key = feature_key(*parts)
    assert cache.load(key) is None
    cache.save(key, features)
    np.testing.assert_array_equal(cache.load(key), features)
    others = {feature_key(*parts[:place], "other", *parts[place + 1 :]) for place in range(len(parts))}
    assert len(others | {key}) == 5


@pytest.mark.parametrize(
    "damage", [lambda kept: kept[:-40], lambda kept: kept[:150] + b"\7" + kept[151:], lambda _: b""]
)
def test_damaged_features_are_measured_again(tmp_path, damage):
    cache, features = FeatureCache(tmp_path), np.arange(600, dtype=np.float32).reshape(3, 200)
    cache.save("key", features)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load("key") is None


def test_the_large_network_sees_a_reference_once(config, tmp_path, monkeypatch, drawn):
    weights = tmp_path / "inception.pth"
    weights.write_bytes(b"stands for the file")
    seen: list[int] = []

    def inception(images):
        seen.append(len(images))
        return images.mean(dim=(2, 3))

    nets = dataclasses.replace(config.nets, weights=WeightFiles((("fid_inception", weights),)))
    config = dataclasses.replace(config, nets=nets)
    monkeypatch.setattr(evaluation, "load_metric_nets", lambda _: drawn.make_nets({INCEPTION: inception}))
    _evaluate(config, "copy", tmp_path / "one")
    ways = 2  # legacy and clean
    assert sum(seen) == 2 * ways * drawn.frames
    _evaluate(config, "copy", tmp_path / "two")
    assert sum(seen) == 3 * ways * drawn.frames
    monkeypatch.setattr(
        evaluation, "code_hash", lambda _: "of other code"
    )  # other code: what the old has measured is left
    _evaluate(config, "copy", tmp_path / "three")
    assert sum(seen) == 5 * ways * drawn.frames
    clips = [MeasuredClip(CLIP, "face", "", tmp_path / name) for name in ("one", "two")]
    for clip in clips:
        values = {row["metric"]: row["value"] for row in dataset_scores([clip], ["copy"], config.nets)}
        assert values["fid_inception_legacy"] == pytest.approx(0.0, abs=1e-6)
        assert values["fid_inception_clean"] == pytest.approx(0.0, abs=1e-6)


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
    values = {row["metric"]: row["value"] for row in dataset_scores(clips, ["copy"], config.nets)}
    alone = {row["metric"]: row["value"] for row in dataset_scores(clips[:1], ["copy"], config.nets)}
    assert values == alone


def test_a_new_metric_is_one_decorated_function(config, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "registered", [*registry.registered])
    monkeypatch.setattr(catalogue, "registered", registry.registered)

    @registry.frame_metric(rgb_pair, unit="grey levels", higher_is_better=False, protocol="difference of means")
    def brightness_error(reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
        return np.abs(frames.mean(axis=(1, 2, 3)) - reference.mean(axis=(1, 2, 3)))

    _evaluate(config, "copy", tmp_path / "out")
    clip = MeasuredClip(CLIP, "face", "", tmp_path / "out")
    rows, _ = clip_scores([clip])
    table = score_table([*rows, *dataset_scores([clip], ["copy"], config.nets)], [evaluation.GROUND_TRUTH, "copy"])
    values = table[table["metric"] == "brightness_error"].set_index("method")["value"]
    assert values[evaluation.GROUND_TRUTH] == 0.0
    assert 0.0 < values["copy"] < 1.0  # encoded twice
    assert catalogue.describe("truth", stand_ins=True)["brightness_error"]["protocol"] == "difference of means"


def test_what_is_no_number_has_a_reason(config, tmp_path, monkeypatch):
    metrics = [
        dataclasses.replace(metric, value=lambda _: np.nan) if metric.name == "ssim" else metric
        for metric in catalogue.registered
    ]
    monkeypatch.setattr(catalogue, "registered", metrics)
    score = _evaluate(config, "copy", tmp_path / "out")["scores"]["copy"]["ssim"]
    assert score["value"] is None
    assert "not a finite number" in score["reason"]


def test_without_stand_ins_only_published_metrics_are_measured(config, tmp_path):
    config = dataclasses.replace(config, nets=dataclasses.replace(config.nets, stand_ins=False))
    scores = _evaluate(config, "copy", tmp_path / "out")["scores"]["copy"]
    assert {"ssim", "cpbd", "mouth_iou_parsed", "lse_d_syncnet"} <= set(scores)
    assert not {"lpips_seeded", "lse_d_expert", "offset_expert"} & set(scores)
    assert "syncnet_v2.model" in scores["lse_d_syncnet"]["reason"]


@pytest.mark.parametrize("shift", [-15, -8, -1, 0, 4, 15])
def test_known_shifts_are_found(config, tmp_path, drawn, shift):
    loudness = drawn.speech(1, drawn.frames + 30)
    for number, first in enumerate((15, 15 - shift)):
        clip_id = f"shifted_{number}"
        drawn.write_clip(config.data, clip_id, loudness[first : first + drawn.frames])
    late = processed_clip(config.data, config.dataset, "shifted_1", "face")
    write_images(config.generated / "late" / "shifted_0" / "frames.zip", late.frames, ".jpg")
    folder = tmp_path / "out"
    folder.mkdir()
    record = EvaluationRecord(clip_id="shifted_0", subject="face", source=Path("x.mp4"), methods=("late",))
    evaluation.evaluate_clip(config, record, folder)
    scores = json.loads((folder / "scores.json").read_text())["scores"]
    assert scores["ground_truth"]["offset_expert"]["value"] == 0
    assert scores["late"]["offset_expert"]["value"] == shift  # pictures late: the speech is early
