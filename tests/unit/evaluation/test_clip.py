"""The engine: failures are counted, not averaged; the same numbers on one process and on two; caches by content."""

import dataclasses
import json
from pathlib import Path

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
    score_table,
)
from segtalker.metrics import catalogue, registry
from segtalker.metrics.distribution import INCEPTION
from segtalker.metrics.frame_chunks import rgb_pair
from segtalker.utils.errors import BadClipError

from .conftest import CLIP, evaluate


def test_videos_that_cannot_be_measured_are_named_with_their_reason(config, tmp_path):
    frames = ImagePack(config.data / "crop" / "drawn" / "clips" / CLIP / "frames.zip").read()
    write_images(config.generate_folder / "short" / CLIP / "frames.zip", frames[:-1], ".jpg")
    write_images(config.generate_folder / "small" / CLIP / "frames.zip", frames[:, ::2, ::2], ".jpg")
    broken = config.generate_folder / "broken" / CLIP / "frames.zip"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"PK nonsense")
    content = evaluate(config, "broken copy missing short small", tmp_path / "out")
    assert set(content["scores"]) == {"ground_truth", "copy"}
    assert "59" in content["failures"]["short"]
    assert "another size" in content["failures"]["small"]
    assert "not a readable image pack" in content["failures"]["broken"]
    assert "missing" in content["failures"]["missing"]


def test_a_talking_mask_is_scored_before_parsed_frames(config, tmp_path):
    masks = ImagePack(config.data / "crop" / "drawn" / "clips" / CLIP / "truth_masks.zip").read()
    write_images(config.generate_folder / "copy" / CLIP / "masks.zip", np.zeros_like(masks), ".pgm")
    scores = evaluate(config, "copy", tmp_path / "out")["scores"]["copy"]
    assert scores["mouth_iou"]["value"] == 0.0
    assert scores["lmd_mouth"]["value"] == 0.0  # of the frames, which are right


def test_chunks_make_no_difference(config, tmp_path):
    def numbers(batch_size: int) -> list[float]:
        changed = dataclasses.replace(config, batch_size=batch_size)
        scores = evaluate(changed, "copy", tmp_path / str(batch_size))["scores"]
        return [np.nan if s["value"] is None else s["value"] for row in scores.values() for s in row.values()]

    np.testing.assert_allclose(numbers(2), numbers(60), rtol=1e-5, atol=1e-7)


def test_a_dataset_without_masks_says_what_to_set(config, tmp_path):
    (config.data / "crop" / "drawn" / "clips" / CLIP / "truth_masks.zip").unlink()
    with pytest.raises(BadClipError, match=r"evaluate\.reference_masks"):
        evaluate(config, "copy", tmp_path / "out")


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
    evaluate(config, "copy", tmp_path / "one")
    ways = 2  # legacy and clean
    assert sum(seen) == 2 * ways * drawn.frames
    evaluate(config, "copy", tmp_path / "two")
    assert sum(seen) == 3 * ways * drawn.frames
    monkeypatch.setattr(
        evaluation, "code_hash", lambda _: "of other code"
    )  # other code: what the old has measured is left
    evaluate(config, "copy", tmp_path / "three")
    assert sum(seen) == 5 * ways * drawn.frames
    clips = [MeasuredClip(CLIP, "face", "", tmp_path / name) for name in ("one", "two")]
    for clip in clips:
        rows = dataset_scores([clip], ["copy"], config.nets)
        values = {row["metric"]: row["value"] for row in rows if row["method"] == "copy"}
        assert values["fid_inception_legacy"] == pytest.approx(0.0, abs=1e-6)
        assert values["fid_inception_clean"] == pytest.approx(0.0, abs=1e-6)


def test_a_new_metric_is_one_decorated_function(config, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "registered", [*registry.registered])
    monkeypatch.setattr(catalogue, "registered", registry.registered)

    @registry.frame_metric(rgb_pair, unit="grey levels", higher_is_better=False, protocol="difference of means")
    def brightness_error(reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
        return np.abs(frames.mean(axis=(1, 2, 3)) - reference.mean(axis=(1, 2, 3)))

    evaluate(config, "copy", tmp_path / "out")
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
    score = evaluate(config, "copy", tmp_path / "out")["scores"]["copy"]["ssim"]
    assert score["value"] is None
    assert "not a finite number" in score["reason"]


def test_without_stand_ins_only_published_metrics_are_measured(config, tmp_path):
    config = dataclasses.replace(config, nets=dataclasses.replace(config.nets, stand_ins=False))
    scores = evaluate(config, "copy", tmp_path / "out")["scores"]["copy"]
    assert {"ssim", "cpbd", "mouth_iou_parsed", "lse_d_syncnet"} <= set(scores)
    assert not {"lpips_seeded", "lse_d_expert", "offset_expert"} & set(scores)
    assert "syncnet_v2.model" in scores["lse_d_syncnet"]["reason"]


def test_known_shifts_are_found(config, tmp_path, drawn):
    loudness = drawn.speech(1, drawn.frames + 30)
    drawn.write_clip(config.data, "shifted", loudness[15 : 15 + drawn.frames])
    shifts = {f"late_{shift}": shift for shift in (-15, -8, -1, 0, 4, 15)}
    for method, shift in shifts.items():
        drawn.write_clip(config.data, method, loudness[15 - shift : 15 - shift + drawn.frames])
        late = processed_clip(config.data, config.dataset, method, "face")
        write_images(config.generate_folder / method / "shifted" / "frames.zip", late.frames, ".jpg")
    folder = tmp_path / "out"
    folder.mkdir()
    record = EvaluationRecord(clip_id="shifted", subject="face", source=Path("x.mp4"), methods=tuple(shifts))
    evaluation.evaluate_clip(config, record, folder)
    scores = json.loads((folder / "scores.json").read_text())["scores"]
    offsets = {method: row["offset_expert"]["value"] for method, row in scores.items()}
    assert offsets == {"ground_truth": 0} | shifts  # pictures late: the speech is early


def test_a_mouth_that_speaks_in_the_clips_own_silence_is_counted(drawn, tmp_path, monkeypatch):
    loudness = drawn.speech(1)
    loudness[20:44] = 0.0  # a pause of a second within it
    config = drawn.evaluate_config(tmp_path)
    drawn.write_clip(config.data, CLIP, loudness)
    for method, heard in {"own": loudness, "shuffled": drawn.speech(2)}.items():
        write_images(
            config.generate_folder / method / CLIP / "frames.zip", drawn.paint(drawn.draw_masks(heard)), ".png"
        )
    monkeypatch.setattr(evaluation, "load_metric_nets", lambda _: drawn.make_nets())
    scores = evaluate(config, "own shuffled", tmp_path / "out")["scores"]
    shares = {method: row["mouth_in_silence"]["value"] for method, row in scores.items()}
    assert shares["ground_truth"] == shares["own"] == 0.0
    assert shares["shuffled"] > 0.8


def test_without_silence_it_is_not_measured_and_says_why(config, tmp_path):
    scores = evaluate(config, "copy", tmp_path / "out")["scores"]
    for row in scores.values():
        assert row["mouth_in_silence"]["value"] is None
        assert "silence" in row["mouth_in_silence"]["reason"] or "nothing said" in row["mouth_in_silence"]["reason"]
