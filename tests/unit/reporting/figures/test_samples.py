"""Which clips are shown, and what is heard of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtalker.reporting.figures.samples import Sample, envelope, loudest_window, spread_over_subjects


def test_samples_show_every_subject_before_one_twice(sample: Sample) -> None:
    clips = [type(sample.clip)(f"{who}_{n}", who, "test", None, None, None) for who in "ab" for n in range(2)]
    assert [clip.clip_id for clip in spread_over_subjects(clips)] == ["a_0", "b_0", "a_1", "b_1"]


def test_the_reference_frame_and_the_sounds_are_those_of_the_table(sample: Sample) -> None:
    assert sample.reference_frame == 3
    assert sample.sounds["segtalker"] == sample.clip.audio_path
    assert sample.sounds["shuffled_audio"] != sample.clip.audio_path


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60), st.integers(1, 20))
def test_loudest_window_and_envelope(samples: list[float], points: int) -> None:
    audio = np.array(samples, np.float32)
    start = loudest_window(audio, 10, 1)
    energies = [float((audio[i : i + 10].astype(float) ** 2).sum()) for i in range(max(len(audio) - 10, 0) + 1)]
    assert energies[start] == pytest.approx(max(energies), abs=1e-9)
    assert envelope(audio, points).shape == (points,)
    assert envelope(audio, points).max() == np.abs(audio).max()
