"""Mel-frequency cepstral coefficients as SyncNet's release computes them (defaults of `python_speech_features`)."""

import numpy as np
from scipy.fft import dct

COEFFICIENTS = 13
_WINDOW_S, _STEP_S = 0.025, 0.01
_FFT = 512
_FILTERS = 26
_PRE_EMPHASIS = 0.97
_LIFTER = 22


def _mel(hz: np.ndarray | float) -> np.ndarray:
    return 2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0)


def _filters(sample_rate_hz: int) -> np.ndarray:
    """Triangles between whole bins, `(26, 257)`, float64."""
    edges = 700.0 * (10.0 ** (np.linspace(0.0, _mel(sample_rate_hz / 2), _FILTERS + 2) / 2595.0) - 1.0)
    low, peak, high = (
        np.floor((_FFT + 1) * edges / sample_rate_hz)[first : first + _FILTERS, None] for first in range(3)
    )
    bins = np.arange(_FFT // 2 + 1)
    rising, falling = (bins - low) / (peak - low), (high - bins) / (high - peak)
    return np.where(bins < peak, rising, falling).clip(0.0)


def mfcc(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Cepstral coefficients, 100 a second; the first is the log energy.

    Args:
        samples: mono, `(S,)`, as 16-bit values (not scaled to 1), at least 25 ms.
        sample_rate_hz: its rate, 16000 for SyncNet.

    Returns:
        `(13, N)`, float64.
    """
    window, step = round(_WINDOW_S * sample_rate_hz), round(_STEP_S * sample_rate_hz)
    assert len(samples) >= window, len(samples)
    signal = np.append(samples[0], samples[1:] - _PRE_EMPHASIS * samples[:-1].astype(np.float64))
    count = 1 + -(-(len(signal) - window) // step)
    padded_signal = np.pad(signal, (0, (count - 1) * step + window - len(signal)))
    frames = np.lib.stride_tricks.sliding_window_view(padded_signal, window)[::step]
    power = np.abs(np.fft.rfft(frames, _FFT)) ** 2 / _FFT
    tiny = np.finfo(np.float64).eps
    energy, bands = power.sum(axis=1), power @ _filters(sample_rate_hz).T
    cepstra = dct(np.log(np.where(bands > 0, bands, tiny)), type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    cepstra *= 1.0 + _LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / _LIFTER)
    cepstra[:, 0] = np.log(np.where(energy > 0, energy, tiny))
    return cepstra.T
