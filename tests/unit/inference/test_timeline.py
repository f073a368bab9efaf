"""Frames of a video in time, and as the sequences that networks see."""

from fractions import Fraction

import numpy as np
import pytest
from drawn_people import SETTINGS

import segtalker.inference.talk_model
from segtalker.clips.store import Clip
from segtalker.inference.talk_model import TalkModel
from segtalker.inference.timeline import Pace, Timeline, at_rate, back_and_forth, source_order
from segtalker.media.mel import centred_starts

CLOCK = SETTINGS.clock
NTSC = Fraction(30000, 1001)


def test_what_follows_the_end_of_a_source() -> None:
    assert source_order(3, 7, "pingpong").tolist() == [0, 1, 2, 1, 0, 1, 2]
    assert source_order(3, 5, "hold").tolist() == [0, 1, 2, 2, 2]
    assert source_order(3, 5, "cut").tolist() == [0, 1, 2]
    assert source_order(9, 2, "cut").tolist() == [0, 1]


@pytest.mark.parametrize("window", [16, 24, 27])
def test_at_the_trained_rate_speech_is_heard_as_in_training(window: int) -> None:
    numbers = np.arange(100_000)
    pace = Pace.of(Fraction(25), 25)
    assert (pace.phases, pace.steps) == (1, 1)
    own = pace.columns(0, numbers, CLOCK.mel_rate, window)
    np.testing.assert_array_equal(own, centred_starts(numbers, CLOCK, window))
    np.testing.assert_array_equal(pace.columns(70, numbers[:9], CLOCK.mel_rate, window), own[70:79])


@pytest.mark.parametrize(
    ("rate", "phases", "steps"),
    [(NTSC, 1, 1), (24, 1, 1), (50, 2, 1), (2 * NTSC, 2, 1), (12, 1, 2), (120, 5, 1)],
)
def test_each_frame_hears_its_own_time(rate: Fraction, phases: int, steps: int) -> None:
    pace = Pace.of(Fraction(rate), 25)
    assert (pace.phases, pace.steps) == (phases, steps)
    assert 17 < pace.sequence_rate < 36
    last = int(3600 * rate)  # an hour in, the sound is no further off than a column
    for first in (0, last - last % phases + 1):
        columns = pace.columns(first, np.arange(0, 20 * steps, steps), CLOCK.mel_rate, 24)
        frames = first + np.arange(20) * phases
        middles = (frames + 0.5) / float(rate) * float(CLOCK.mel_rate)
        np.testing.assert_allclose(columns + 12, middles, atol=0.51)


def test_filters_take_as_long_at_any_rate() -> None:
    assert [at_rate(9, Fraction(rate), 25) for rate in (25, 50, 12)] == [9, 17, 5]
    assert at_rate(1, Fraction(60), 25) == 1


@pytest.mark.parametrize("rate", [NTSC, Fraction(50), Fraction(12)])
def test_stretches_leave_no_trace_at_any_rate(
    talk_model: TalkModel, clips: list[Clip], monkeypatch: pytest.MonkeyPatch, rate: Fraction
) -> None:
    count = 150
    mel = np.random.default_rng(3).standard_normal((80, int(count / rate * 80) + 1)).astype(np.float32)
    timeline, identity = Timeline(rate, back_and_forth(60, count)), talk_model.identify(clips[0])

    def layouts() -> tuple[np.ndarray, np.ndarray]:
        parts = list(talk_model.talking_layouts(clips[0], identity, mel, timeline, None))
        pieces.append(len(parts))
        return np.concatenate([masks for _, masks, _ in parts]), np.concatenate([place for *_, place in parts])

    pieces: list[int] = []
    whole, places = layouts()
    monkeypatch.setattr(segtalker.inference.talk_model, "_CHUNK_S", 0.5)
    masks, own_places = layouts()
    assert pieces[0] <= 2 < pieces[1]
    np.testing.assert_array_equal(masks, whole)
    np.testing.assert_allclose(own_places, places, atol=1e-5)
