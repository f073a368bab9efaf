"""The spectrogram against SciPy, a filter bank written from its definition, and published figures; its windows."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import get_window, lfilter, stft

from segtalker.config.base import Clock, Mel
from segtalker.config.params import load_params
from segtalker.media.mel import centred_starts, gather_columns, log_mel, mel_filters, window_starts

# mel_frequencies(40, fmin=0, fmax=11025) as librosa's documentation prints it
PUBLISHED_HZ = [85.317, 170.635, 255.952, 853.173, 938.49, 1024.856, 1119.114, 1222.042, 2470.47, 5453.621, 10096.408]
PUBLISHED_PLACES = [1, 2, 3, 10, 11, 12, 13, 14, 22, 31, 38]


@pytest.fixture(scope="module")
def mel() -> Mel:
    """The params of the project."""
    return load_params(Path(__file__).parents[3]).base.mel


def slaney_bank(rate: int, mel: Mel) -> np.ndarray:
    """The filter bank, one value at a time."""

    def to_mel(hz: float) -> float:
        return 3 * hz / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)

    def to_hz(value: float) -> float:
        return 200 * value / 3 if value < 15 else 1000 * 6.4 ** ((value - 15) / 27)

    low, high = to_mel(mel.f_min_hz), to_mel(mel.f_max_hz)
    edges = [to_hz(low + (high - low) * step / (mel.bins + 1)) for step in range(mel.bins + 2)]
    bank = np.zeros((mel.bins, mel.n_fft // 2 + 1))
    for row in range(mel.bins):
        left, middle, right = edges[row : row + 3]
        for column in range(bank.shape[1]):
            hz = column * rate / mel.n_fft
            if left < hz <= middle:
                bank[row, column] = (hz - left) / (middle - left)
            elif middle < hz < right:
                bank[row, column] = (right - hz) / (right - middle)
        bank[row] *= 2 / (right - left)
    return bank


def reference_mel(samples: np.ndarray, rate: int, mel: Mel) -> np.ndarray:
    """Wav2Lip's steps with SciPy's filter and transform."""
    emphasised = lfilter([1, -mel.pre_emphasis], [1], samples)
    padded = np.pad(emphasised, mel.n_fft // 2, mode="reflect")
    window = get_window("hann", mel.window)
    _, _, spectrum = stft(
        padded, rate, window, mel.window, mel.window - mel.hop, mel.n_fft, boundary=None, padded=False
    )
    amplitude = slaney_bank(rate, mel) @ np.abs(spectrum * window.sum())
    level = 20 * np.log10(np.maximum(1e-5, amplitude)) - 20
    return np.clip(8 * ((level + 100) / 100) - 4, -4, 4)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 2.013])
def test_agrees_with_an_independent_implementation(mel: Mel, seconds: float) -> None:
    time = np.arange(round(seconds * 16000)) / 16000
    noise = np.random.default_rng(3).normal(0, 0.02, len(time))
    samples = (0.4 * np.sin(2 * np.pi * (200 + 900 * time) * time) + noise).astype(np.float32)
    ours = log_mel(samples, 16000, mel)
    assert ours.shape == (80, 1 + len(samples) // 200)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, reference_mel(samples, 16000, mel), atol=1e-4)


def test_filter_bank_is_slaneys(mel: Mel) -> None:
    np.testing.assert_allclose(mel_filters(16000, mel), slaney_bank(16000, mel), atol=1e-12)


def test_filters_peak_at_published_frequencies(mel: Mel) -> None:
    fine = mel.model_copy(update={"bins": 38, "n_fft": 1 << 17, "f_min_hz": 0.0, "f_max_hz": 11025.0})
    peaks = mel_filters(22050, fine).argmax(axis=1) * 22050 / fine.n_fft
    np.testing.assert_allclose(peaks[[place - 1 for place in PUBLISHED_PLACES]], PUBLISHED_HZ, atol=0.2)


def test_silence_is_the_floor_and_columns_follow_time(mel: Mel) -> None:
    samples = np.zeros(16000, np.float32)
    assert (log_mel(samples, 16000, mel) == -4).all()
    samples[8000:8010] = 0.9
    assert log_mel(samples, 16000, mel).mean(axis=0).argmax() in (39, 40, 41)


def test_long_sound_takes_little_memory_and_gives_the_same_columns(mel: Mel) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 16000 * 400).astype(np.float32)
    tracemalloc.start()
    whole = log_mel(samples, 16000, mel)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 420 * 2**20  # all windows of it at once take 500 MiB more
    first = log_mel(samples[: 16000 * 50], 16000, mel)
    np.testing.assert_allclose(whole[:, : first.shape[1] - 4], first[:, :-4], atol=1e-5)


def test_windows_start_where_wav2lip_starts_them() -> None:
    starts = window_starts(np.arange(1000), Clock(25, 16000, 200, smooth_frames=1))
    assert starts.tolist() == [int(80.0 * (frame / 25.0)) for frame in range(1000)]


@pytest.mark.parametrize("columns", [15, 16, 24])
@pytest.mark.parametrize("fps", [24, 25, 30])
def test_centred_windows_have_the_frame_in_the_middle(columns: int, fps: int) -> None:
    frames = np.arange(200)
    middles = centred_starts(frames, Clock(fps, 16000, 200, smooth_frames=1), columns) + columns / 2
    assert np.abs(middles - (frames + 0.5) * 80.0 / fps).max() <= 0.5


def test_gathered_columns_repeat_the_ends() -> None:
    mel = np.arange(20, dtype=np.float32).reshape(2, 10)
    windows = gather_columns(mel, np.array([-2, 3, 8]), 4)
    assert windows[:, 0].tolist() == [[0, 0, 0, 1], [3, 4, 5, 6], [8, 9, 9, 9]]
    np.testing.assert_array_equal(windows[:, 1], windows[:, 0] + 10)
