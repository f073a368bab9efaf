"""The stages up to parse on three small clips."""

from pathlib import Path

import pytest

from segtalker.config.params import Params
from segtalker.utils.errors import MissingWeightsError

from .small_project import TO_PARSE, run, write_clip, write_download, written


def test_a_second_run_touches_nothing_and_a_changed_clip_only_itself(root: Path, params: Params) -> None:
    for stage in TO_PARSE:
        run(stage, params)
    before = written(Path("data/crop")) | written(Path("data/parse"))
    for stage in TO_PARSE:
        run(stage, params)
    assert written(Path("data/crop")) | written(Path("data/parse")) == before
    write_clip(Path("data/download/synthetic/clips/clip1"), 9)
    write_download(Path())
    for stage in TO_PARSE:
        run(stage, params)
    after = written(Path("data/crop")) | written(Path("data/parse"))
    assert {path.parent.name for path in after if after[path] != before[path]} == {"clip1"}


def test_missing_weights_stop_the_stage_at_once(root: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGTALKER_WEIGHTS", str(root / "none"))
    published = params.model_copy(update={"parse": params.parse.model_copy(update={"backend": "bisenet"})})
    detected = params.model_copy(update={"crop": params.crop.model_copy(update={"detector": "mediapipe"})})
    with pytest.raises(MissingWeightsError, match=r"79999_iter\.pth"):
        run("parse", published)
    with pytest.raises(MissingWeightsError, match=r"face_landmarker\.task"):
        run("crop", detected)
    assert not Path("data/crop").exists()
