"""Sound of any length is read by way of files, to the same samples."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segtalker.config.params import Params, load_params
from segtalker.media.audio import load_audio
from segtalker.media.long_sound import spool_speech
from segtalker.media.mel import speech_mel

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", ["stereo", "cancelling", "mono"])
def test_the_samples_are_those_that_are_read_at_once(tmp_path: Path, ffmpeg: Callable[..., None], kind: str) -> None:
    channels = {"stereo": "s|0.3*s", "cancelling": "s|-s", "mono": "s"}[kind].replace("s", "0.4*sin(900*t)")
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={channels}:s=44100:d=3", tmp_path / "a.wav")
    samples = spool_speech(tmp_path / "a.wav", 16000, tmp_path)
    np.testing.assert_array_equal(samples, load_audio(tmp_path / "a.wav", 16000))
    assert np.abs(samples).max() > 0.2
    assert [path.name for path in tmp_path.glob("*.f32")] == ["speech.f32"]


def test_a_spectrogram_may_lie_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segtalker.media.mel._MEL_PIECE_S", 1)
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, 50_123).astype(np.float32)
    params: Params = load_params(ROOT)
    stored = speech_mel(samples, params, tmp_path / "mel.npy")
    assert isinstance(stored, np.memmap)
    np.testing.assert_array_equal(stored, speech_mel(samples, params))
