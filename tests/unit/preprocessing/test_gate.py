"""The quality gate: figures of clips, offsets found and corrected, verdicts."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segtalker.clips.record import ClipQuality
from segtalker.clips.store import Clip, read_wav
from segtalker.config.base import Base
from segtalker.config.data import Gate
from segtalker.config.params import load_params
from segtalker.preprocessing import gate as measure
from segtalker.preprocessing.gate import GateConfig, measure_clip, why_dropped
from segtalker.preprocessing.sync_offset import find_offset

from .bright_sound import FACE, FPS, FRAMES, RATE, LoudnessExpert

FIGURES: dict[str, Any] = {
    "cuts": 0,
    "face_px": 200.0,
    "sharpness": 0.35,
    "yaw_deg": 5.0,
    "pitch_deg": 5.0,
    "offset": None,
    "confidence": None,
}


@pytest.fixture
def gate() -> Gate:
    """The project's, with an expert."""
    loaded = load_params(Path(__file__).parents[3]).gate
    return loaded.model_copy(update={"sync": loaded.sync.model_copy(update={"expert": "trained"})})


def test_sound_out_of_time_is_fetched_anew(
    recording: Any, base: Base, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "load_expert", lambda *_: LoudnessExpert())
    config = GateConfig(gate, base, tmp_path / "expert.ckpt", None)
    for late, corrected in ((4, True), (-4, True), (0, False), (9, False)):
        record, place = recording(late)
        output = tmp_path / "gate" / str(late)
        output.mkdir(parents=True)
        facts = measure_clip(config, place.parent, record, output)
        assert facts["quality"].offset == -late
        assert facts["quality"].sound == {0: "in time", 9: "too far off"}.get(late, "corrected")
        assert (output / "audio.wav").exists() == (output / "mel.npy").exists() == corrected
        assert why_dropped(facts["quality"], gate).startswith("sound 9 frames out of time") == (late == 9)
        if corrected:
            clip = Clip("a", "s", "", place, place, output)
            scores = find_offset(LoudnessExpert(), clip, base, 15, 16)  # type: ignore[arg-type]
            assert scores is not None
            assert scores.offset == 0
            assert len(read_wav(clip.audio_path)) == FRAMES * RATE // FPS


def test_an_offset_that_may_be_noise_changes_nothing(
    recording: Any, base: Base, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same clips, whose confidence is now too low: their sound stays, and the table says why."""
    monkeypatch.setattr(measure, "load_expert", lambda *_: LoudnessExpert())
    certain = gate.sync.certain.model_copy(update={"trained": 5.0, "syncnet": 0.0})
    unsure = gate.model_copy(update={"sync": gate.sync.model_copy(update={"certain": certain})})
    for late in (4, 9):
        record, place = recording(late)
        output = tmp_path / "gate" / str(late)
        output.mkdir(parents=True)
        quality = measure_clip(GateConfig(unsure, base, tmp_path / "expert.ckpt", None), place.parent, record, output)[
            "quality"
        ]
        assert (quality.offset, quality.sound) == (-late, "uncertain")
        assert why_dropped(quality, unsure) == ""
        assert not (output / "audio.wav").exists()


def test_figures_of_a_clip(recording: Any, base: Base, gate: Gate, tmp_path: Path) -> None:
    record, place = recording(0)
    (tmp_path / "out").mkdir()
    config = GateConfig(
        gate.model_copy(update={"sync": gate.sync.model_copy(update={"expert": "none"})}), base, None, None
    )
    facts = measure_clip(config, place.parent, record, tmp_path / "out")
    assert facts["quality"].face_px == pytest.approx(2 * np.ptp(FACE, axis=0).max(), abs=0.2)
    assert (facts["quality"].offset, facts["quality"].confidence) == (None, None)
    picture = cv2.imread(str(tmp_path / "out" / "thumbnail.jpg"))
    assert picture.shape == (gate.sheet_px, gate.sheet_px, 3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"cuts": 2}, "2 scene cut(s) inside, more than gate.max_cuts 0"),
        ({"face_px": 61.4}, "face of 61 px, less than gate.min_face_px 100"),
        ({"sharpness": 0.132}, "sharpness 0.13, less than gate.min_sharpness 0.20"),
        ({"yaw_deg": 70.0}, "head turned by 70 degrees, more than gate.max_yaw_deg 60"),
        ({"pitch_deg": 50.0}, "head tilted by 50 degrees, more than gate.max_pitch_deg 40"),
        (
            {"offset": -9, "confidence": 3.0, "sound": "too far off"},
            "sound 9 frames out of time, more than gate.sync.max_offset 6",
        ),
        (
            {"offset": 0, "confidence": 0.4, "sound": "in time"},
            "sync confidence 0.40, less than gate.sync.min_confidence 0.5",
        ),
        ({"offset": 6, "confidence": 0.5, "sound": "corrected"}, ""),
        ({"offset": 9, "confidence": 0.5, "sound": "uncertain"}, ""),
    ],
)
def test_every_drop_has_its_reason_and_figure(change: dict, reason: str, gate: Gate) -> None:
    limits = {"max_cuts": 0, "min_face_px": 100.0, "min_sharpness": 0.2, "max_yaw_deg": 60.0, "max_pitch_deg": 40.0}
    sync = gate.sync.model_copy(update={"max_offset": 6, "min_confidence": 0.5})
    assert why_dropped(ClipQuality(**FIGURES | change), gate.model_copy(update=limits | {"sync": sync})) == reason
