"""The embedded dataset as clips: repeatable to the byte, split by people, sound and picture together."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.record import ClipRecord
from segtalker.config.data import Synthetic
from segtalker.datasets.synthetic import Recording, render_recording, spoken, synthetic_tasks
from segtalker.media.audio import load_audio
from segtalker.media.video import open_video
from segtalker.synthetic.painter import paint_person
from segtalker.synthetic.speech import resample
from segtalker.synthetic.visemes import articulation

FILES = ("video.mp4", "masks.zip", "landmarks.npy", "speech.json")
RECORDING = Recording(seed=3, height=160, width=160, fps=25, sample_rate_hz=16000)
RECORD = ClipRecord(clip_id="s002_00", subject="s002", split="train", source=Path("video.mp4"), seconds=2.0)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a recorded clip, see `RECORD` and `RECORDING`."""
    folder = tmp_path_factory.mktemp("clip")
    render_recording(RECORD, folder, RECORDING)
    return folder


def digests(folder: Path) -> list[str]:
    """Hashes of a clip's files."""
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES]


def settings(**changes: int | float) -> Synthetic:
    """A small dataset."""
    sizes = {"train_subjects": 3, "val_subjects": 1, "test_subjects": 2, "clips_per_subject": 2}
    shape = {"seconds": 0.6, "test_clips_per_subject": 1, "test_seconds": 0.8, "height": 64, "width": 64}
    return Synthetic.model_validate({**sizes, **shape, **changes})


def test_same_seed_same_bytes(recorded: Path, tmp_path: Path) -> None:
    paint_person.cache_clear()
    render_recording(RECORD, tmp_path, RECORDING)
    assert digests(tmp_path) == digests(recorded)


@pytest.mark.parametrize("other", ["seed", "clip"])
def test_another_seed_or_clip_differs_in_everything(recorded: Path, tmp_path: Path, other: str) -> None:
    record = replace(RECORD, clip_id="s002_01") if other == "clip" else RECORD
    render_recording(record, tmp_path, RECORDING if other == "clip" else RECORDING._replace(seed=4))
    assert not set(digests(tmp_path)) & set(digests(recorded))


def test_frames_masks_and_landmarks_belong_together(recorded: Path) -> None:
    video = open_video(recorded / "video.mp4", "decord")
    frames = [frame.image for frame in video]
    masks = ImagePack(recorded / "masks.zip").read()
    points = np.load(recorded / "landmarks.npy")
    assert len(frames) == len(masks) == len(points) == 50
    assert video.fps == 25
    assert points.shape == (50, 68, 2)
    lips = np.stack(frames)[masks == 1].mean(0)
    skin = np.stack(frames)[masks == 6].mean(0)
    assert lips[0] / lips[1] > 1.1 * skin[0] / skin[1]


def test_sound_is_in_sync_after_decoding(recorded: Path) -> None:
    speech, _, _ = spoken(RECORD, RECORDING)
    written = resample(speech, 16000)
    heard = load_audio(recorded / "video.mp4", 16000)
    length = min(len(written), len(heard))
    lags = np.arange(-400, 401)
    match = [float(np.dot(np.roll(heard[:length], -lag), written[:length])) for lag in lags]
    assert abs(lags[int(np.argmax(match))]) <= 16
    assert max(match) / np.dot(written, written) > 0.9


def test_the_mouth_moves_when_it_sounds(recorded: Path) -> None:
    points = np.load(recorded / "landmarks.npy")
    gap = points[:, 65:68, 1].mean(1) - points[:, 61:64, 1].mean(1)
    sound = load_audio(recorded / "video.mp4", 16000)[: 50 * 640].reshape(50, 640)
    level = np.sqrt((sound**2).mean(1))
    scores = [np.corrcoef(np.roll(gap, -shift)[8:-8], level[8:-8])[0, 1] for shift in range(-6, 7)]
    assert abs(int(np.argmax(scores)) - 6) <= 2
    assert max(scores) > 0.4


def test_speech_file_tells_what_is_said(recorded: Path) -> None:
    content = json.loads((recorded / "speech.json").read_text(encoding="utf-8"))
    assert content["sentences"]
    assert content["voice"]["language"]
    times = np.array([phoneme[1:] for phoneme in content["phonemes"]])
    np.testing.assert_allclose(times[1:, 0], times[:-1, 1], atol=1e-3)


def test_people_are_split_and_keep_their_voice() -> None:
    tasks = synthetic_tasks(settings(), RECORDING, Path("out"))
    assert len({task.clip_id for task in tasks}) == 4 * 2 + 2 * 1
    assert {(task.record.split, task.record.seconds) for task in tasks} == {("train", 0.6), ("val", 0.6), ("test", 0.8)}
    splits: dict[str, set[str]] = {}
    voices: dict[str, set] = {}
    for task in tasks:
        splits.setdefault(task.record.subject, set()).add(task.record.split)
        voices.setdefault(task.record.subject, set()).add(spoken(task.record, RECORDING)[2])
    assert [next(iter(split)) for split in splits.values()] == ["train"] * 3 + ["val"] + ["test"] * 2
    assert all(len(found) == 1 for found in (*splits.values(), *voices.values()))


@pytest.mark.parametrize("seconds", [2.0, 4.0])
def test_every_second_clip_of_a_person_has_a_pause_with_a_closed_mouth(seconds: float) -> None:
    recording = RECORDING._replace(seed=7)
    for subject in range(6):
        pauses = []
        for clip in range(2):
            record = replace(RECORD, clip_id=f"s{subject:03d}_{clip:02d}", split="test", seconds=seconds)
            speech, texts, _ = spoken(record, recording)
            assert len(speech.samples) == round(seconds * speech.sample_rate_hz)
            sounds = np.abs(speech.samples[: len(speech.samples) // 441 * 441]).reshape(-1, 441).max(axis=1) > 0.01
            heard = np.flatnonzero(sounds) * 0.02
            gaps = np.diff(heard)
            pauses.append(float(gaps.max()))
            if clip:  # within the first sentence, and something is said after it
                start = heard[int(gaps.argmax())]
                assert 0.1 < start < 0.75 * seconds
                assert len(texts[0].split()) > 1
                jaw = articulation(speech, 25, round(seconds * 25)).jaw
                assert jaw[round((start + 0.2) * 25) : round((start + pauses[1] - 0.15) * 25)].max() < 0.05
        assert pauses[1] >= 0.6 > 0.5 > pauses[0]


def test_keys_change_with_what_matters() -> None:
    keys = [task.key for task in synthetic_tasks(settings(), RECORDING, Path("out"))]
    assert len(set(keys)) == len(keys)
    for more in ({"clips_per_subject": 3}, {"test_clips_per_subject": 4}):
        assert set(keys) < {task.key for task in synthetic_tasks(settings(**more), RECORDING, Path("out"))}
    longer = {task.key for task in synthetic_tasks(settings(test_seconds=1.0), RECORDING, Path("out"))}
    assert len(set(keys) - longer) == 2  # the two test clips alone are made again
    other = synthetic_tasks(settings(), RECORDING._replace(seed=9), Path("out"))
    assert not set(keys) & {task.key for task in other}
