"""Silence is found where nothing is said, in noise and hum too, and a mouth that does not rest in it is counted."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from segtalker.config.base import Clock
from segtalker.media.audio import load_audio
from segtalker.metrics.registry import NotMeasurable
from segtalker.metrics.silence import mouth_in_silence, mouth_size, restless, silent_frames
from segtalker.regions import LIP, MOUTH
from segtalker.synthetic.speech import Voice, resample, speak

RATE = 16000
CLOCK = Clock(25, RATE, 200, 5)
EYES = 40.0
ROOT = os.environ.get("SEGTALKER_REAL_DATA", "")


@pytest.fixture(scope="module")
def spoken() -> tuple[np.ndarray, np.ndarray]:
    """4 s of speech with a pause of a second from 1.5 s on, and whether all of a frame's time is in the pause."""
    voice = Voice("en-us", "f2", 150, 50, 50)
    parts = [resample(speak(text, voice), RATE) for text in ("The baker opens his shop", "Nobody knew why it stopped")]
    sound = np.zeros(4 * RATE, np.float32)
    before, after = parts[0][: int(1.5 * RATE)], parts[1][: int(1.5 * RATE)]
    sound[int(1.5 * RATE) - len(before) : int(1.5 * RATE)] = before
    sound[int(2.5 * RATE) : int(2.5 * RATE) + len(after)] = after
    frames = np.arange(100)
    return sound, (frames >= 38) & (frames < 62)


def noise(level_db: float, count: int, colour: float = 0.0) -> np.ndarray:
    """Noise of a level below full scale, white or (0.9) like that of a room: low tones are the loudest."""
    white = np.random.default_rng(5).standard_normal(count)
    coloured = np.zeros(count)
    for index in range(count):
        coloured[index] = white[index] + colour * (coloured[index - 1] if index else 0)
    return (coloured / coloured.std() * 10 ** (level_db / 20)).astype(np.float32)


def hum(level_db: float, count: int) -> np.ndarray:
    """Mains at 50 Hz with its second harmonic."""
    times = np.arange(count) / RATE
    wave = np.sin(2 * np.pi * 50 * times) + 0.3 * np.sin(2 * np.pi * 100 * times)
    return (wave / wave.std() * 10 ** (level_db / 20)).astype(np.float32)


@pytest.mark.parametrize("disturbed", ["clean", "quiet", "white", "room", "hum", "click"])
def test_the_pause_is_silent_and_speech_is_not(spoken: tuple[np.ndarray, np.ndarray], disturbed: str) -> None:
    sound, pause = spoken
    loud_db = 20 * np.log10(np.sqrt(np.mean(sound[int(0.3 * RATE) : int(1.4 * RATE)] ** 2)))
    count = len(sound)
    added = {
        "white": noise(loud_db - 25, count),
        "room": noise(loud_db - 20, count, 0.9),
        "hum": hum(loud_db - 6, count),
    }
    heard = sound + added.get(disturbed, 0.0)
    if disturbed == "click":
        heard[2 * RATE : 2 * RATE + 100] = 0.5
    silent = silent_frames(heard * (0.01 if disturbed == "quiet" else 1.0), CLOCK, 100)
    assert not (silent & ~pause)[5:95].any()
    assert silent[pause].sum() >= (6 if disturbed == "click" else 12)


def test_a_closed_stop_is_no_silence(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    sound = spoken[0].copy()
    sound[int(1.5 * RATE) : int(2.5 * RATE)] = 0
    short = np.concatenate([sound[: int(1.5 * RATE)], np.zeros(RATE // 5, np.float32), sound[int(2.5 * RATE) :]])
    assert not silent_frames(short, CLOCK, len(short) * 25 // RATE)[5:70].any()


@pytest.mark.parametrize("level_db", [-3.0, -60.0])
def test_noise_alone_has_no_silence_to_be_told(level_db: float) -> None:
    with pytest.raises(NotMeasurable, match="cannot be told"):
        silent_frames(noise(level_db, 2 * RATE), CLOCK, 50)


def test_speech_in_loud_noise_is_not_measured(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    sound = spoken[0]
    level = 20 * np.log10(np.sqrt(np.mean(sound**2)))
    with pytest.raises(NotMeasurable, match="cannot be told"):
        silent_frames(sound + noise(level, len(sound)), CLOCK, 100)


def mouths(heights: list[int]) -> np.ndarray:
    """Masks of 64 px with lips of 20 x 4 px and an opening of so many rows between them."""
    masks = np.full((len(heights), 64, 64), 6, np.uint8)
    for mask, height in zip(masks, heights, strict=True):
        mask[40 : 44 + height, 20:40] = LIP
        mask[42 : 42 + height, 20:40] = MOUTH
    return masks


def test_mouth_size_is_in_eye_distances() -> None:
    size = mouth_size(mouths([0, 4]), EYES)
    np.testing.assert_allclose(size.opening, [0.0, 4 / EYES])
    np.testing.assert_allclose(size.height, [4 / EYES, 8 / EYES])
    nothing = mouth_size(np.zeros((1, 8, 8), np.uint8), EYES)
    assert np.isnan(nothing.opening).all()
    assert np.isnan(nothing.height).all()


@pytest.mark.parametrize(
    ("heights", "share"),
    [
        ([0] * 10, 0.0),  # closed
        ([1, 1, 1, 2, 1, 1, 0, 1, 1, 1], 0.0),  # the parser's trembling
        ([4] * 10, 1.0),  # hangs open
        ([0, 0, 0, 0, 9, 0, 0, 0, 0, 0], 0.0),  # one frame parsed wrongly
        ([0, 4] * 5, None),  # moves at every frame: what is left of it after the median depends
        ([0, 0, 0, 0, 0, 0, 4, 4, 4, 4], 0.5),  # opens in the middle: four open frames and the one before
    ],
)
def test_an_open_or_moving_mouth_is_counted(heights: list[int], share: float | None) -> None:
    is_restless = restless(mouth_size(mouths(heights), EYES), 25)
    if share is None:
        assert mouth_in_silence(is_restless) > 0.5
    else:
        assert mouth_in_silence(is_restless) == pytest.approx(share)


def test_a_slow_change_counts_by_time_not_by_frames() -> None:
    """The same movement at twice the rate has half the step a frame."""
    lips = [4 + height for height in range(0, 12, 2)]
    masks = np.full((len(lips), 64, 64), 6, np.uint8)
    for mask, height in zip(masks, lips, strict=True):
        mask[30 : 30 + height, 20:40] = LIP
    twice = np.repeat(masks, 2, axis=0)
    assert restless(mouth_size(masks, EYES), 25).all()
    assert restless(mouth_size(twice, EYES), 50).mean() > 0.8


def test_a_frame_without_a_mouth_says_nothing_of_its_neighbours() -> None:
    masks = mouths([2] * 7)
    masks[3] = 0
    frames = restless(mouth_size(masks, 20.0), 25)
    assert np.flatnonzero(np.isnan(frames)).tolist() == [3]


def test_silence_stays_in_time_at_any_sample_rate(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    sound, rate = np.tile(spoken[0], 12), 22050
    count = len(sound) * 25 // 16000
    silent = silent_frames(sound, CLOCK, count)
    other = silent_frames(resample_poly(sound, 441, 320), Clock(25, rate, CLOCK.mel_hop, CLOCK.smooth_frames), count)
    last = np.flatnonzero(np.diff(silent.astype(int)) == 1)[-1]
    assert abs(np.flatnonzero(np.diff(other.astype(int)) == 1)[-1] - last) <= 1


def test_frames_without_a_mouth_do_not_count() -> None:
    masks = mouths([0] * 6 + [4] * 6)
    masks[7:] = 0
    is_restless = restless(mouth_size(masks, EYES), 25)
    assert mouth_in_silence(is_restless[:5]) == 0.0
    with pytest.raises(NotMeasurable, match="no mouth"):
        mouth_in_silence(is_restless[8:])


# pauses seen in the levels of blocks of 50 ms: 20 dB and more below the loud parts from one of these times to the other
PAUSES = {
    "ChrisVanHollen1_0.wav": (4.75, 5.55), "AdamSchiff_0.wav": (16.6, 17.1),
    "chinese_poem1_24k.wav": (2.3, 2.85),
}  # fmt: skip


RECORDINGS = (
    "AdamSchiff_0.wav", "ChrisVanHollen1_0.wav", "RD_Radio31_000.wav", "RD_Radio36_000.wav", "audio_only_container.mov",
    "bus_chinese_48k_stereo.wav", "chinese_poem1_24k.wav", "latentsync_demo1_16k.wav", "retalking_1_44k_stereo.wav",
)  # fmt: skip


@pytest.mark.real
@pytest.mark.skipif(not ROOT, reason="SEGTALKER_REAL_DATA is not set")
@pytest.mark.parametrize("name", RECORDINGS)
def test_real_recordings_are_speech_for_the_most_part(name: str) -> None:
    sound = load_audio(Path(ROOT) / "speech" / name, RATE)
    count = len(sound) * 25 // RATE
    silent = silent_frames(sound, CLOCK, count)
    assert silent.mean() < 0.2
    power = np.square(sound[: count * RATE // 25]).reshape(count, -1).mean(axis=1)  # hum and all
    levels = 10 * np.log10(power + 1e-12)
    below = levels - np.percentile(levels, 95)
    assert (below[silent] < -18).all()
    if name in PAUSES:
        start, end = PAUSES[name]
        inside = np.arange(int((start + 0.16) * 25) + 1, int((end - 0.16) * 25))
        assert len(inside)
        assert silent[inside].all()
