"""A clip, and a copy of it to measure."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from segtalker.clips.image_pack import write_images
from segtalker.clips.store import processed_clip
from segtalker.evaluation import clip as evaluation
from segtalker.evaluation.clip import EvaluationRecord

CLIP = "face_00"


@pytest.fixture
def config(drawn: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> evaluation.EvaluateConfig:
    """A clip and a copy of it made by the method `copy`."""
    config = drawn.evaluate_config(tmp_path)
    drawn.write_clip(config.data, CLIP, drawn.speech(1))
    clip = processed_clip(config.data, config.dataset, CLIP, "face")
    write_images(config.generate_folder / "copy" / CLIP / "frames.zip", clip.frames, ".jpg")
    monkeypatch.setattr(evaluation, "load_metric_nets", lambda _: drawn.make_nets())
    return config


def evaluate(config: evaluation.EvaluateConfig, methods: str, folder: Path) -> dict:
    folder.mkdir(parents=True, exist_ok=True)
    record = EvaluationRecord(clip_id=CLIP, subject="face", source=Path("x.mp4"), methods=tuple(methods.split()))
    evaluation.evaluate_clip(config, record, folder)
    return json.loads((folder / "scores.json").read_text())
