"""The quality gate: figures of clips, offsets found and corrected, verdicts."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from segtalker.clips.image_pack import write_images
from segtalker.clips.record import ClipQuality, ClipRecord
from segtalker.clips.store import Clip, read_wav, write_array
from segtalker.config.base import Base
from segtalker.config.data import Gate
from segtalker.config.params import load_params
from segtalker.media.video import write_video
from segtalker.nets.tensors import RGB_CHANNELS
from segtalker.preprocessing import gate as measure
from segtalker.preprocessing.clip_sound import write_sound
from segtalker.preprocessing.face_quality import _HEAD, _HEAD_POINTS, face_sharpness, head_pose
from segtalker.preprocessing.gate import GateConfig, measure_clip, why_dropped
from segtalker.preprocessing.identity import name_people
from segtalker.preprocessing.sync_offset import find_offset

SIZE, FRAMES, FPS, RATE = 128, 100, 25, 16000
FACE = np.stack(np.meshgrid(np.linspace(40, 90, 8), np.linspace(35, 95, 9)), axis=-1).reshape(-1, 2)[:68]
FIGURES: dict[str, Any] = {
    "cuts": 0,
    "face_px": 200.0,
    "sharpness": 90.0,
    "yaw_deg": 5.0,
    "pitch_deg": 5.0,
    "offset": None,
    "confidence": None,
}


@pytest.fixture
def base() -> Base:
    """The project's."""
    return load_params(Path(__file__).parents[3]).base


@pytest.fixture
def gate() -> Gate:
    """The project's, with an expert."""
    loaded = load_params(Path(__file__).parents[3]).gate
    return loaded.model_copy(update={"sync": loaded.sync.model_copy(update={"expert": "trained"})})


class LoudnessExpert:
    """Hears loudness and sees brightness; each window's course is its vector. Knows nothing of mouths."""

    window = (5, RGB_CHANNELS, 64, 96)
    audio_tower = SimpleNamespace(window=(80, 16))

    @staticmethod
    def _unit(courses: torch.Tensor) -> torch.Tensor:
        centred = courses - courses.mean(dim=1, keepdim=True)
        return centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-6)

    def embed_frames(self, frames: torch.Tensor) -> torch.Tensor:
        return self._unit(frames.mean(dim=(2, 3, 4)))

    def embed_audio(self, mel: torch.Tensor) -> torch.Tensor:
        course = mel.mean(dim=1, keepdim=True)
        return self._unit(torch.nn.functional.interpolate(course, 5, mode="area")[:, 0])


def brightness() -> np.ndarray:
    """A course of light that repeats nowhere, one value a frame and some before and after."""
    return np.random.default_rng(5).uniform(0.1, 1.0, FRAMES + 40)


@pytest.fixture
def recording(tmp_path: Path) -> Any:
    """A clip whose sound is as loud as its picture is bright, so many frames late, with the recording it is from."""

    def make(late: int) -> tuple[dict, Path]:
        light = brightness()
        frames = [np.full((SIZE, SIZE, 3), round(220 * value), np.uint8) for value in light[20 : 20 + FRAMES]]
        course = light[20 - late : 20 - late + FRAMES].repeat(RATE // FPS)
        noise = np.random.default_rng(0).normal(0, 0.2, len(course)) * 10 ** (2 * (course - 1))
        source = tmp_path / f"late{late}.mkv"
        write_video(source.with_suffix(".mp4"), frames, FPS, noise.astype(np.float32), RATE, crf=10)
        place = tmp_path / "crops" / f"late{late}"
        write_images(place / "frames.zip", frames, ".jpg")
        write_array(place / "landmarks.npy", np.repeat(FACE[None], FRAMES, 0).astype(np.float32))
        write_sound(place, noise.astype(np.float32), load_params(Path(__file__).parents[3]).base)
        (place / "crop.json").write_text('{"squares": [[0, 0, 256.0]], "start_s": 0.0}')
        source = source.with_suffix(".mp4")
        return ClipRecord(clip_id=place.name, subject="s", source=source, frames=FRAMES), place

    return make


@pytest.mark.parametrize("late", [-15, -6, -1, 0, 1, 3, 15])
def test_known_shifts_are_found(late: int, recording: Any, base: Base) -> None:
    record, place = recording(late)
    clip = Clip(record.clip_id, "s", "", place, place, place)
    scores = find_offset(LoudnessExpert(), clip, base, 15, 16)  # type: ignore[arg-type]
    assert scores is not None
    assert scores.offset == -late
    assert scores.confidence > 0.2


def test_a_clip_too_short_to_be_shifted_has_no_offset(recording: Any, base: Base) -> None:
    record, place = recording(0)
    clip = Clip(record.clip_id, "s", "", place, place, place)
    assert find_offset(LoudnessExpert(), clip, base, FRAMES, 16) is None  # type: ignore[arg-type]


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
        assert (output / "audio.wav").exists() == (output / "mel.npy").exists() == corrected
        assert why_dropped(facts["quality"], gate).startswith("sound 9 frames out of time") == (late == 9)
        if corrected:
            clip = Clip("a", "s", "", place, place, output)
            scores = find_offset(LoudnessExpert(), clip, base, 15, 16)  # type: ignore[arg-type]
            assert scores is not None
            assert scores.offset == 0
            assert len(read_wav(clip.audio_path)) == FRAMES * RATE // FPS


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


def test_sharpness_falls_with_blur_whatever_the_size() -> None:
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 255, (512, 512, 3), dtype=np.uint8), None, 2)
    values = [face_sharpness(cv2.GaussianBlur(image, None, sigma), FACE * 4) for sigma in (0.1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 4 * values[3]
    smooth = cv2.GaussianBlur(image, None, 4)
    half = cv2.resize(smooth, (256, 256), interpolation=cv2.INTER_AREA)
    assert face_sharpness(half, FACE * 2) == pytest.approx(face_sharpness(smooth, FACE * 4), rel=0.15)
    assert face_sharpness(image, FACE * 4 + 600) == 0.0


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (25, 0), (-40, 0), (0, 20), (0, -15), (20, 10)])
def test_the_turn_of_a_known_head_is_found(yaw: float, pitch: float) -> None:
    turns = [np.array([0.0, np.radians(-yaw), 0.0]), np.array([np.radians(pitch), 0.0, 0.0])]
    turn = cv2.Rodrigues(turns[0])[0] @ cv2.Rodrigues(turns[1])[0]
    points = _HEAD @ turn.T + (10, -5, 400)
    landmarks = np.zeros((68, 2))
    landmarks[list(_HEAD_POINTS)] = points[:, :2] / points[:, 2:] * 256 + 128
    found = head_pose(landmarks, 256)
    assert found == pytest.approx((yaw, pitch), abs=1.5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"cuts": 2}, "2 scene cut(s) inside, more than gate.max_cuts 0"),
        ({"face_px": 61.4}, "face of 61 px, less than gate.min_face_px 100"),
        ({"sharpness": 3.2}, "sharpness 3, less than gate.min_sharpness 20"),
        ({"yaw_deg": 70.0}, "head turned by 70 degrees, more than gate.max_yaw_deg 60"),
        ({"pitch_deg": 50.0}, "head tilted by 50 degrees, more than gate.max_pitch_deg 40"),
        ({"offset": -9, "confidence": 3.0}, "sound 9 frames out of time, more than gate.sync.max_offset 6"),
        ({"offset": 0, "confidence": 0.4}, "sync confidence 0.40, less than gate.sync.min_confidence 0.5"),
        ({"offset": 6, "confidence": 0.5}, ""),
    ],
)
def test_every_drop_has_its_reason_and_figure(change: dict, reason: str, gate: Gate) -> None:
    limits = {"max_cuts": 0, "min_face_px": 100.0, "min_sharpness": 20.0, "max_yaw_deg": 60.0, "max_pitch_deg": 40.0}
    sync = gate.sync.model_copy(update={"max_offset": 6, "min_confidence": 0.5})
    assert why_dropped(ClipQuality(**FIGURES | change), gate.model_copy(update=limits | {"sync": sync})) == reason


def test_people_are_told_apart_and_keep_their_names() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(0, 1, (3, 128))
    clips = {f"c{index:02d}": people[index % 3] + rng.normal(0, 0.25, 128) for index in range(12)}
    names = name_people(clips, 0.5)
    assert set(names.values()) == {"person_c00", "person_c01", "person_c02"}
    assert all(names[f"c{index:02d}"] == f"person_c{index % 3:02d}" for index in range(12))
    assert name_people({"a": people[0]}, 0.5) == {"a": "person_a"}
    # a new clip of a known person renames nobody
    assert name_people(clips | {"c99": people[1]}, 0.5)["c99"] == "person_c01"
