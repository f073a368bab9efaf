"""Whether the mouth rests while nothing is said.

The idea is KeySync's LipLeak (A. Bigata et al., "KeySync: A Robust Approach for Leakage-free Lip Synchronization in
High Resolution", 2025), which drives a model by silence; here the silences are those of the clip itself, the same for
every method. The recording's masks are those of the stage `parse`, which averages them over time; a method's are of
single frames, and so tremble a little more.

Silence is found by an energy gate. All its thresholds are relative to the clip, and where it errs it misses silence
rather than take speech for it: stretches of weak sounds are loud enough, or too short.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_dilation, binary_opening
from scipy.signal import butter, sosfiltfilt

from segtalker.config.base import Clock
from segtalker.metrics.frame_chunks import FrameChunk, MetricNets, ReferenceClip
from segtalker.metrics.registry import FrameMeasure, NotMeasurable, metric
from segtalker.regions import LIP, MOUTH

_STEPS_A_SECOND = 100  # levels; each of a window of so many steps
_WINDOW_STEPS = 3
_HUM_HZ, _FILTER_ORDER = 120.0, 4  # the hum of mains lies below, and hardly any speech
_LEAST_POWER = 1e-10
_LOUD, _FLOOR = 95, 5  # percentiles of the levels: of stressed vowels, and of what is heard when nothing is said
_BELOW_LOUD_DB = 35.0  # the weakest speech sound is 28 dB below the strongest (Fletcher, 1953)
_ABOVE_FLOOR_DB = 6.0  # noise varies by so much
_LEAST_RANGE_DB = 14.0  # between silence and loud speech: with less, weak sounds drown in the noise
_HYSTERESIS_DB = 3.0
_LEAST_SOUND_S = 0.05  # what is shorter is a click
_LEAST_SILENCE_S = 0.3  # what is shorter may be the closure of a stop
_MARGIN_S = 0.16  # lips are under way before a sound begins and after it has ended
# in eye distances; a pixel of a face of 128 px is 0.03
_OPEN = 0.06
_MOVED = 0.03  # from one frame to the next at 25 frames a second
_MOVED_FPS = 25


def sound_levels(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Levels of a sound without its hum.

    Args:
        audio: `(S,)`, float32 in [-1, 1], a hundredth of a second at least.
        sample_rate_hz: samples a second.

    Returns:
        dB, `(N,)`, float64, a hundred a second; each of the 30 ms around its time.
    """
    step = sample_rate_hz // _STEPS_A_SECOND
    high = butter(_FILTER_ORDER, _HUM_HZ, "highpass", fs=sample_rate_hz, output="sos")
    samples = sosfiltfilt(high, audio.astype(np.float64), padlen=min(len(audio) - 1, sample_rate_hz // 10))
    power = np.square(samples[: len(samples) // step * step]).reshape(-1, step).mean(axis=1)
    sides = np.pad(power, _WINDOW_STEPS // 2, mode="edge")
    mean_power = np.convolve(sides, np.full(_WINDOW_STEPS, 1 / _WINDOW_STEPS), mode="valid")
    return 10.0 * np.log10(np.maximum(mean_power, _LEAST_POWER))


def silent_steps(levels_db: np.ndarray) -> np.ndarray:
    """Where nothing is said.

    Args:
        levels_db: see `sound_levels`, `(N,)`.

    Returns:
        `(N,)`, bool, without the margins around what is said; what lies beyond the ends counts as said.

    Raises:
        NotMeasurable: silence is not to be told from speech.
    """
    loud, floor = np.percentile(levels_db, (_LOUD, _FLOOR))
    below = max(loud - _BELOW_LOUD_DB, floor + _ABOVE_FLOOR_DB)
    if below > loud - _LEAST_RANGE_DB:
        raise NotMeasurable(
            f"its loud parts are only {loud - floor:.0f} dB above its quietest: silence cannot be told from speech"
        )
    # between the two thresholds it stays what it was; it begins as sound
    mark = np.where(levels_db < below, -1, np.where(levels_db > below + _HYSTERESIS_DB, 1, 0))
    last_mark = np.maximum.accumulate(np.where(mark != 0, np.arange(len(mark)), 0))
    sounds = binary_opening(mark[last_mark] >= 0, np.ones(round(_LEAST_SOUND_S * _STEPS_A_SECOND)))
    silences = binary_opening(~sounds, np.ones(round(_LEAST_SILENCE_S * _STEPS_A_SECOND)))
    around = np.ones(2 * round(_MARGIN_S * _STEPS_A_SECOND) + 1)
    return ~binary_dilation(~silences, around, border_value=1)


def silent_frames(audio: np.ndarray, clock: Clock, count: int) -> np.ndarray:
    """Frames in all of whose time nothing is said; raises as `silent_steps`.

    Args:
        audio: `(S,)`, float32 in [-1, 1].
        clock: of frames and audio.
        count: T, frames.

    Returns:
        `(T,)`, bool.
    """
    is_silent = silent_steps(sound_levels(audio, clock.sample_rate_hz))
    # a step is a whole number of samples, so not everywhere a hundredth of a second
    first_samples = np.arange(len(is_silent)) * (clock.sample_rate_hz // _STEPS_A_SECOND)
    frame_of_step = first_samples * clock.fps // clock.sample_rate_hz
    steps = np.bincount(frame_of_step, minlength=count)[:count]
    silent = np.bincount(frame_of_step, weights=is_silent, minlength=count)[:count]
    return (silent == steps) & (steps > 0)


class MouthSize(NamedTuple):
    """How large a mouth is, `(T,)` each, float64, eye distances; NaN where a frame has none.

    Args:
        opening: mean height of what the lips leave open, over the width of the mouth.
        height: likewise of the lips and what they leave open.
    """

    opening: np.ndarray
    height: np.ndarray


def mouth_size(masks: np.ndarray, eye_distance: float) -> MouthSize:
    """Of the mouths in region masks.

    Args:
        masks: region indices, `(T, H, W)`, uint8.
        eye_distance: px.
    """
    interior = masks == MOUTH
    mouth = interior | (masks == LIP)
    width = mouth.any(axis=1).sum(axis=1).astype(np.float64)
    width[width == 0] = np.nan
    return MouthSize(*(region.sum(axis=(1, 2)) / width / eye_distance for region in (interior, mouth)))


def _without_single_frames(values: np.ndarray) -> np.ndarray:
    """The median of each value and its neighbours: a frame that is parsed wrongly for once does not count."""
    padded_values = np.pad(values, 1, mode="edge")
    around = np.stack([padded_values[:-2], values, padded_values[2:]])
    # a frame without a mouth says nothing of its neighbours
    return np.median(np.where(np.isnan(around), values, around), axis=0)


def restless(size: MouthSize, fps: int) -> np.ndarray:
    """Whether the mouth is open or moves in each frame, `(T,)`, float64 0 or 1; NaN where it is not seen."""
    steady = [_without_single_frames(values) for values in size]
    step = _MOVED * _MOVED_FPS / fps
    moves = np.zeros(len(size.opening), dtype=bool)
    for values in steady:
        changes = np.abs(np.diff(values)) > step
        moves[1:] |= changes
        moves[:-1] |= changes
    opening = steady[0]
    return np.where(np.isfinite(opening), (opening > _OPEN) | moves, np.nan)


def _size_of_chunk(chunk: FrameChunk) -> MouthSize:
    return mouth_size(chunk.video.parsed, chunk.reference.clip.eye_distance)


def _in_silence(size: MouthSize, clip: ReferenceClip, _nets: MetricNets) -> np.ndarray:
    """Of the silent frames, whether the mouth is open or moves."""
    silent = silent_frames(clip.audio, clip.clock, len(size.opening))
    if not silent.any():
        raise NotMeasurable(f"nowhere in it is nothing said for {_LEAST_SILENCE_S} s and more")
    return restless(size, clip.clock.fps)[silent]


SILENCE = FrameMeasure("mouth_in_silence", _size_of_chunk, against_sound=_in_silence)


@metric(
    SILENCE,
    unit="",
    higher_is_better=False,
    protocol=f"share of silent frames in which the parsed mouth is open (by more than {_OPEN} of the eye distance, "
    f"mean over its width) or changes (by more than {_MOVED} of it in a frame); silent is where the clip's own sound "
    f"is {_BELOW_LOUD_DB:.0f} dB below its loud parts, or at its noise, for {_LEAST_SILENCE_S} s, less {_MARGIN_S} s "
    "at either end",
    source="after LipLeak, Bigata et al., 2025",
)
def mouth_in_silence(is_restless: np.ndarray) -> float:
    """Of a clip, from what is said of its silent frames, `(N,)`."""
    visible_frames = is_restless[np.isfinite(is_restless)]
    if not len(visible_frames):
        raise NotMeasurable("no mouth is seen in its silence")
    return float(visible_frames.mean())
