"""Random changes of a log-mel spectrogram, so that a few voices stand for many."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SpeechAugmentation:
    """How far speech is changed.

    Args:
        vocal_tract: largest relative stretch of the frequency axis: a longer or shorter vocal tract.
        gain: largest change of loudness, in units of the spectrogram.
        tilt: largest change of loudness from the lowest to the highest bin: another microphone.
        noise: largest standard deviation of added noise.
    """

    vocal_tract: float
    gain: float
    tilt: float
    noise: float


def change_speech(mel: np.ndarray, rng: np.random.Generator, how: SpeechAugmentation, max_abs: float) -> np.ndarray:
    """Changes the voice, not the timing.

    Args:
        mel: windows of one recording, `(W, M, N)`, float32 in [-max_abs, max_abs]; all are changed alike.
        rng: random numbers.
        how: how far.
        max_abs: limit of the values.

    Returns:
        The same shape, float32, within the same limits.
    """
    bins = mel.shape[1]
    stretch = np.exp(rng.uniform(-how.vocal_tract, how.vocal_tract))
    position = np.minimum(np.arange(bins) * stretch, bins - 1.0)
    low = np.minimum(position.astype(int), bins - 2)
    share = (position - low).astype(np.float32)[:, None]
    warped_mel = mel[:, low] * (1 - share) + mel[:, low + 1] * share
    slope = np.linspace(-0.5, 0.5, bins) * rng.uniform(-how.tilt, how.tilt)
    loudness = (slope + rng.uniform(-how.gain, how.gain)).astype(np.float32)[:, None]
    noise = rng.standard_normal(mel.shape, dtype=np.float32) * np.float32(rng.uniform(0, how.noise))
    return np.clip(warped_mel + loudness + noise, -max_abs, max_abs)
