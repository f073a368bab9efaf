"""Wav2Lip's log-mel spectrogram (arXiv 2008.10010): the speech input of every network here.

The filter bank is Slaney's (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above, each filter of equal
area. Only numpy, so that the same figures come out anywhere.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from segtalker.config.base import Clock, Mel
from segtalker.config.params import Params


def gather_columns(mel: np.ndarray, starts: np.ndarray, columns: int) -> np.ndarray:
    """Cuts windows; beyond the ends the first and last column are repeated.

    Args:
        mel: `(M, N)`, float32.
        starts: first column of each window, `(W,)`, int.
        columns: length of a window.

    Returns:
        `(W, M, columns)`, float32.
    """
    index = np.asarray(starts)[:, None] + np.arange(columns)
    return np.ascontiguousarray(mel[:, index.clip(0, mel.shape[1] - 1)].transpose(1, 0, 2))


def window_starts(frames: np.ndarray, clock: Clock) -> np.ndarray:
    """First mel column of windows that start with a frame (Wav2Lip), `(W,)`, int."""
    return (np.asarray(frames) * float(clock.mel_rate) / clock.fps).astype(int)


def centred_starts(frames: np.ndarray, clock: Clock, columns: int) -> np.ndarray:
    """First mel column of windows whose middle is the middle of a frame, `(W,)`, int."""
    middle = (np.asarray(frames) + 0.5) * float(clock.mel_rate) / clock.fps
    return np.floor(middle - columns / 2 + 0.5).astype(int)


_LINEAR_HZ = 200.0 / 3.0  # Hz a mel below the break
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27.0
_COLUMNS = 8192  # at once: 100 MiB in place of 80 a minute of sound


def log_mel(samples: np.ndarray, sample_rate_hz: int, mel: Mel) -> np.ndarray:
    """Log-mel spectrogram, symmetric around 0.

    Args:
        samples: mono, `(S,)`, float32 in [-1, 1], S > n_fft / 2.
        sample_rate_hz: its rate.
        mel: sizes and levels.

    Returns:
        `(M, N)`, float32 in [-max_abs, max_abs], N = 1 + S // hop, column n centred on sample n * hop.
    """
    assert samples.ndim == 1, samples.shape
    assert len(samples) > mel.n_fft // 2, samples.shape
    signal = samples.astype(np.float64)
    signal = np.append(signal[:1], signal[1:] - mel.pre_emphasis * signal[:-1])
    bank = mel_filters(sample_rate_hz, mel)
    amplitude = np.concatenate([bank @ magnitudes for magnitudes in _magnitudes(signal, mel)], axis=1)
    decibel = 20.0 * np.log10(np.maximum(amplitude, 10.0 ** (mel.min_level_db / 20.0))) - mel.ref_level_db
    mel_values = 2.0 * mel.max_abs * (decibel - mel.min_level_db) / -mel.min_level_db - mel.max_abs
    return mel_values.clip(-mel.max_abs, mel.max_abs).astype(np.float32)


def _magnitudes(signal: np.ndarray, mel: Mel) -> Iterator[np.ndarray]:
    """Magnitudes of the Fourier transform of overlapping Hann windows, `(n_fft / 2 + 1, N)`, some columns at a time."""
    padded_signal = np.pad(signal, mel.n_fft // 2, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(mel.window) / mel.window)
    margin = mel.n_fft - mel.window
    window = np.pad(hann, (margin // 2, margin - margin // 2))
    pieces = np.lib.stride_tricks.sliding_window_view(padded_signal, mel.n_fft)[:: mel.hop]
    for start in range(0, len(pieces), _COLUMNS):
        yield np.abs(np.fft.rfft(pieces[start : start + _COLUMNS] * window, axis=1)).T


def mel_filters(sample_rate_hz: int, mel: Mel) -> np.ndarray:
    """Slaney's triangular filters, `(M, n_fft / 2 + 1)`, float64."""
    edges = _to_hz(np.linspace(_to_mel(mel.f_min_hz), _to_mel(mel.f_max_hz), mel.bins + 2))
    bins = np.linspace(0.0, sample_rate_hz / 2, mel.n_fft // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.minimum(rising, falling).clip(0.0) * (2.0 / (edges[2:] - edges[:-2]))[:, None]


def _to_mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _BREAK_HZ else _BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP


def _to_hz(mels: np.ndarray) -> np.ndarray:
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, mels * _LINEAR_HZ, logarithmic)


_MEL_PIECE_S = 60


def speech_mel(samples: np.ndarray, params: Params, stored: Path | None = None) -> np.ndarray:
    """Log-mel spectrogram of speech of any length, made piece by piece; equal to that of the whole.

    Args:
        samples: `(S,)`, float32 in [-1, 1].
        params: of the experiment.
        stored: a `.npy` to keep it in, memory-mapped; None for memory.

    Returns:
        `(M, N)`, float32.
    """
    mel, rate = params.base.mel, params.base.sample_rate_hz
    margin = mel.n_fft // mel.hop + 1  # columns whose windows may reach beyond a cut
    length = _MEL_PIECE_S * rate // mel.hop
    columns = 1 + len(samples) // mel.hop
    shape = (mel.bins, columns)
    whole = np.empty(shape, np.float32) if stored is None else open_memmap(stored, "w+", np.float32, shape)
    for first in range(0, columns, length):
        last = min(first + length, columns)
        low, high = max(0, first - margin), min(columns, last + margin)
        end = len(samples) if high == columns else high * mel.hop
        piece = log_mel(samples[low * mel.hop : end], rate, mel)
        whole[:, first:last] = piece[:, first - low : last - low]
    return whole
