"""Two evaluations have one protocol if, and only if, their numbers can be compared."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segtalker.clips.store import load_clips, write_table, write_wav
from segtalker.config.evaluation import Evaluate
from segtalker.config.params import load_params
from segtalker.evaluation.clip import EvaluateConfig
from segtalker.evaluation.metric_nets import WeightFiles
from segtalker.evaluation.protocol import differing_parts
from segtalker.evaluation.run import clip_groups, make_protocol, make_tasks, tried_clips
from segtalker.utils.code_hash import code_files

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def settings() -> Evaluate:
    return load_params(Path(__file__).parents[3]).evaluate


@pytest.fixture
def config(drawn: SimpleNamespace, tmp_path: Path) -> EvaluateConfig:
    """Two clips of two people."""
    config = drawn.evaluate_config(tmp_path)
    for seed, clip_id in enumerate(("a_0", "b_0")):
        drawn.write_clip(config.data, clip_id, drawn.speech(seed))
    drawn.write_split(config.data, {"a_0": "a", "b_0": "b"})
    config.nets.parser.path.write_bytes(b"parser")
    expert = tmp_path / "expert.ckpt"
    expert.write_bytes(b"expert")
    return dataclasses.replace(config, nets=dataclasses.replace(config.nets, expert=expert, stand_ins=True))


def with_weights(config: EvaluateConfig, *files: Path) -> EvaluateConfig:
    """The config with published weights."""
    weights = WeightFiles(tuple(("fid_inception", path) for path in files))
    return dataclasses.replace(config, nets=dataclasses.replace(config.nets, weights=weights))


def protocol(config: EvaluateConfig, settings: Evaluate) -> dict:
    return make_protocol(config, settings, load_clips(config.data, config.dataset, "test"))


def test_speed_and_places_of_files_do_not_count(config: EvaluateConfig, settings: Evaluate, tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).write_bytes(b"weights")
    kept = [
        protocol(
            dataclasses.replace(with_weights(config, tmp_path / name), batch_size=size),
            settings.model_copy(update={"batch_size": size, "fid_weights": name}),
        )
        for size, name in ((4, "here"), (9, "there"))
    ]
    assert differing_parts(*kept) == {}
    assert differing_parts(kept[0], protocol(config, settings)) == {"weights": ["fid_inception"]}


def test_what_is_measured_and_what_measures_does(config: EvaluateConfig, settings: Evaluate) -> None:
    before = protocol(config, settings)
    config.nets.expert.write_bytes(b"another")
    assert differing_parts(before, protocol(config, settings)) == {"networks": ["expert"]}
    config.nets.expert.write_bytes(b"expert")
    sound = config.data / "crop" / config.dataset / "clips" / "b_0" / "audio.wav"
    write_wav(sound, np.zeros(16000, np.float32), 16000)
    assert differing_parts(before, protocol(config, settings)) == {"clips": ["b_0"]}
    judged = dataclasses.replace(config, nets=dataclasses.replace(config.nets, stand_ins=False))
    config.nets.expert.write_bytes(b"another again")  # which nobody asks then
    alone = settings.model_copy(update={"stand_ins": False})
    before_alone = protocol(judged, alone)
    config.nets.expert.write_bytes(b"expert")
    assert differing_parts(before_alone, protocol(judged, alone)) == {}
    parsed = dataclasses.replace(config, reference_masks="parsed")
    found = differing_parts(before, protocol(parsed, settings.model_copy(update={"reference_masks": "parsed"})))
    assert found["settings"] == ["reference_masks"]
    assert "mouth_iou" in found["metrics"]
    assert "psnr" not in found["metrics"]


def test_the_code_that_measures_counts(config: EvaluateConfig, settings: Evaluate, monkeypatch) -> None:
    before, asked = protocol(config, settings), []
    monkeypatch.setattr("segtalker.evaluation.run.code_hash", lambda *modules: asked.extend(modules) or "of another")
    assert differing_parts(before, protocol(config, settings)) == {"code that measures": ["segtalker.evaluation"]}
    files = {str(path.relative_to(CHECKOUT)) for path in code_files(*asked)}
    assert {
        "segtalker/metrics/images.py",
        "segtalker/metrics/masks.py",
        "segtalker/evaluation/score_table.py",
        "segtalker/nets/parser.py",
    } <= files
    assert not [name for name in files if name.startswith(("flows", "segtalker/reporting", "segtalker/tracking"))]


def test_a_clip_that_was_lost_does_not_change_the_protocol(config: EvaluateConfig) -> None:
    write_table(
        config.generate_folder / "failures.csv", [{"clip_id": "b_0", "reason": "no face"}], ("clip_id", "source")
    )
    assert [clip.clip_id for clip in tried_clips(config, ["a_0"])] == ["a_0", "b_0"]
    (config.generate_folder / "failures.csv").unlink()
    assert [clip.clip_id for clip in tried_clips(config, ["a_0"])] == ["a_0"]


def test_emotions_of_clips_come_along(config: EvaluateConfig) -> None:
    path = config.data / "split" / config.dataset / "clips.csv"
    assert clip_groups(path) == {"a_0": {}, "b_0": {}}
    rows = [
        {"clip_id": f"{who}_0", "subject": who, "source": "x.mp4", "split": "test", "emotion": "sad", "level": 2}
        for who in "ab"
    ]
    write_table(path, rows, ("clip_id",))
    clips = load_clips(config.data, config.dataset, "test")
    tasks = make_tasks(config, clips, {"a_0": ["x"], "b_0": ["x"]}, clip_groups(path))
    assert [(task.record.groups["emotion"], task.record.groups["level"]) for task in tasks] == [("sad", "2")] * 2
