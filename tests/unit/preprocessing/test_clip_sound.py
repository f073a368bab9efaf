"""The sound of a stretch, on the clock of the picture."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from segtalker.clips.record import ClipRecord
from segtalker.clips.store import read_wav, write_wav
from segtalker.config.base import Base
from segtalker.media.video import open_video, write_video
from segtalker.preprocessing.clip_sound import find_sound, stretch_sound, write_sound
from segtalker.utils.errors import BadClipError

RATE = 16000
FRAMES = [np.zeros((32, 32, 3), np.uint8)] * 25


def test_before_and_after_the_recording_it_is_silent(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)
    write_video(tmp_path / "a.mp4", FRAMES, 25, noise, RATE, crf=30)
    start_s = open_video(tmp_path / "a.mp4", "pyav").start_s
    sound = stretch_sound(ClipRecord(clip_id="a", source=tmp_path / "a.mp4"), start_s - 0.5, 2.0, RATE)
    assert len(sound) == 2 * RATE
    level = np.abs(sound).reshape(8, -1).mean(axis=1)
    assert level[[0, 7]].max() == 0
    assert level[2:6].min() > 0.1


def test_a_file_beside_a_video_begins_with_its_picture(tmp_path: Path) -> None:
    write_video(tmp_path / "early.mp4", FRAMES, 25, None, RATE, crf=30)
    late = ["-i", tmp_path / "early.mp4", "-c", "copy", "-output_ts_offset", "1", tmp_path / "a.mkv"]
    subprocess.run([get_ffmpeg_exe(), "-v", "error", *late], check=True, stdin=subprocess.DEVNULL)
    click = np.zeros(RATE, np.float32)
    click[4000] = 0.9
    write_wav(tmp_path / "a.wav", click, RATE)
    video = open_video(tmp_path / "a.mkv", "pyav")
    assert video.start_s == pytest.approx(1, abs=0.1)
    assert find_sound(video, tmp_path / "a.wav") == (tmp_path / "a.wav", video.start_s)
    record = ClipRecord(clip_id="a", source=tmp_path / "a.mkv", audio=tmp_path / "a.wav")
    assert int(stretch_sound(record, video.start_s + 0.125, 0.5, RATE).argmax()) == 2000


def test_a_video_without_sound_has_a_reason(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", FRAMES, 25, None, RATE, crf=30)
    with pytest.raises(BadClipError, match=r"a\.mp4: no sound track, and no sound file beside it"):
        find_sound(open_video(tmp_path / "a.mp4", "pyav"), None)


def test_sound_is_written_with_its_spectrogram(tmp_path: Path, base: Base) -> None:
    write_sound(tmp_path, np.zeros(RATE, np.float32), base)
    assert len(read_wav(tmp_path / "audio.wav")) == RATE
    assert np.load(tmp_path / "mel.npy").shape == (base.mel.bins, 1 + RATE // base.mel.hop)
