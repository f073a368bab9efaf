"""How loud a recording is, and where it is silent."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segtalker.media.audio import Sound
from segtalker.preprocessing.loudness import Loudness, measure_loudness


def test_loudness_does_not_depend_on_how_the_sound_comes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = (rng.normal(0, 0.1, 16000) * (np.arange(16000) > 8000)).astype(np.float32)
    whole = measure_loudness([Sound(samples, 8000, 1.5)])
    parts = measure_loudness(Sound(part, 8000, 1.5) for part in np.split(samples, [100, 133, 5000, 9999]))
    assert whole.start_s == parts.start_s == 1.5
    np.testing.assert_array_equal(whole.levels_db, parts.levels_db)
    assert whole.at(2.0) < -99.9
    assert abs(whole.at(3.0) + 20) < 1.5
    assert whole.at(9.0) == -100.0


def test_silence_is_measured_against_the_loud_parts(sound: Callable) -> None:
    quiet = Loudness(2.0, sound(10, (3.0, 5.0)).levels_db - 30)
    assert quiet.silences(-35.0, 1.0) == [pytest.approx((5.0, 7.0))]
    assert quiet.silences(-35.0, 2.5) == []
    assert Loudness(0.0, np.zeros(0, np.float32)).silences(-35.0, 1.0) == []
