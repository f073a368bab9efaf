"""A spectrogram that grows with its sound is that of the whole."""

from pathlib import Path

import numpy as np
import pytest

from segtalker.config.base import Mel
from segtalker.config.params import load_params
from segtalker.media.live_mel import HeardColumns, LiveMel
from segtalker.media.mel import gather_columns, log_mel

RATE_HZ = 16000


@pytest.fixture(scope="module")
def mel() -> Mel:
    """The params of the project."""
    return load_params(Path(__file__).parents[3]).base.mel


@pytest.mark.parametrize("sizes", [(1, 2000), (160, 161), (5000, 5001), (37, 640)])
@pytest.mark.parametrize("seconds", [0.3, 3.01])
def test_pieces_of_any_length_give_the_columns_of_the_whole(mel: Mel, sizes: tuple[int, int], seconds: float) -> None:
    rng = np.random.default_rng(1)
    samples = (rng.uniform(-0.5, 0.5, int(seconds * RATE_HZ)) * rng.uniform(0, 1)).astype(np.float32)
    live, columns, first = LiveMel(RATE_HZ, mel), [], 0
    while first < len(samples):
        piece = samples[first : first + int(rng.integers(*sizes))]
        columns.append(live.push(piece))
        first += len(piece)
        # nothing waits longer than half a window
        complete = (first - mel.n_fft // 2) // mel.hop + 1
        assert sum(part.shape[1] for part in columns) == (complete if first > mel.n_fft // 2 else 0)
        assert len(live._kept) < 2 * mel.n_fft + mel.hop
    columns.append(live.finish())
    whole = log_mel(samples, RATE_HZ, mel)
    assert np.concatenate(columns, axis=1).shape == whole.shape
    np.testing.assert_allclose(np.concatenate(columns, axis=1), whole, atol=1e-5)


def test_sound_shorter_than_half_a_window_has_no_columns(mel: Mel) -> None:
    live = LiveMel(RATE_HZ, mel)
    assert live.push(np.zeros(mel.n_fft // 2, np.float32)).shape == (mel.bins, 0)
    assert live.finish().shape == (mel.bins, 0)


def test_columns_that_are_kept_are_heard_as_all_of_them_would_be() -> None:
    rng = np.random.default_rng(2)
    columns = rng.standard_normal((3, 50)).astype(np.float32)
    heard, starts = HeardColumns(3), np.arange(-4, 0)
    heard.push(columns[:, :20])
    np.testing.assert_array_equal(heard.gather(starts, 8), gather_columns(columns, starts, 8))
    heard.push(columns[:, 20:])
    heard.forget(30)
    np.testing.assert_array_equal(heard.gather(np.arange(30, 49), 8), gather_columns(columns, np.arange(30, 49), 8))
    with pytest.raises(AssertionError):
        heard.gather(np.array([29]), 8)
    heard.forget(99)
    np.testing.assert_array_equal(heard.gather(np.array([49]), 2), gather_columns(columns, np.array([49]), 2))
