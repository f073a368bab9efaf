"""Mel windows lie where their frames are heard."""

import numpy as np
import pytest

from segtalker.config.base import Clock
from segtalker.media.mel import centred_starts, gather_columns, window_starts


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
