"""Changed speech keeps its timing."""

import numpy as np

from datamodules.speech_augmentation import SpeechAugmentation, change_speech

from .speaking_clips import AS_IT_IS, CHANGED


def test_unchanged_speech_is_unchanged() -> None:
    mel = np.random.default_rng(0).uniform(-4, 4, (3, 80, 16)).astype(np.float32)
    np.testing.assert_allclose(change_speech(mel, np.random.default_rng(1), AS_IT_IS, 4.0), mel, atol=1e-6)


def test_changed_speech_keeps_its_timing_and_limits() -> None:
    mel = np.full((2, 80, 30), -4.0, np.float32)
    mel[:, 20:30, 10:13] = 3.0
    for seed in range(10):
        changed = change_speech(mel, np.random.default_rng(seed), CHANGED, 4.0)
        assert np.abs(changed).max() <= 4.0
        assert changed.dtype == np.float32
        loud = changed.max(axis=1).mean(axis=0)
        assert set(loud.argsort()[-3:].tolist()) == {10, 11, 12}


def test_a_longer_vocal_tract_lowers_formants() -> None:
    how = SpeechAugmentation(vocal_tract=0.3, gain=0.0, tilt=0.0, noise=0.0)
    mel = np.tile(np.exp(-(((np.arange(80) - 40) / 4.0) ** 2))[:, None], (1, 1, 5)).astype(np.float32)
    peaks = [int(change_speech(mel, np.random.default_rng(seed), how, 4.0)[0, :, 0].argmax()) for seed in range(30)]
    assert min(peaks) < 34
    assert max(peaks) > 46
