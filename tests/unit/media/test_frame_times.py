"""The constant rate of videos whose frames come in all kinds of times."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from segtalker.media.frame_times import constant_rate
from segtalker.media.video import open_video, resample

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize("rate", [NTSC, Fraction(24000, 1001), Fraction(50), Fraction(12), Fraction(25)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_rates_are_exact_and_every_frame_has_its_tick(
    write_timed: Callable[..., Path], rate: Fraction, suffix: str
) -> None:
    video = open_video(write_timed(f"a.{suffix}", np.arange(90) / float(rate)), "pyav")
    assert constant_rate(video) == rate
    indices = [frame.index for frame in resample(video, rate, video.start_s, float(1 / rate))]
    assert indices == list(range(90))


def test_a_variable_rate_loses_no_frame(write_timed: Callable[..., Path]) -> None:
    """As a phone writes it: 30 a second, and in the dark every third one for a while."""
    ticks = np.array([*range(30), *range(30, 60, 3), *range(60, 90)])
    video = open_video(write_timed("phone.mp4", ticks / 30), "pyav")
    assert constant_rate(video) == 30
    indices = [frame.index for frame in resample(video, 30, video.start_s, 1 / 30)]
    assert len(indices) == 90
    assert sorted(set(indices)) == list(range(len(ticks)))
