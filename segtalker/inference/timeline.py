"""When each frame of a talking video is shown, which frame of its source it moves like, and how networks that were
trained at one frame rate are asked for another.

The networks see sequences of frames as far apart as in training, or nearly so. Of a video of about twice the trained
rate, every other frame makes one sequence and those between make another; of one of half the rate, a frame of the
video is followed by one between it and the next, which is dropped again. Where the rates are close, the sequence is the
video itself, a little faster or slower than in training. What is heard with a frame is found by that frame's own time,
in whole numbers, so however long a video is, sound and mouth do not drift apart.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

Loop = Literal["pingpong", "hold", "cut"]


def back_and_forth(available: int, count: int) -> np.ndarray:
    """Indices that walk through a source to its end and back, as long as needed: `(count,)`, int."""
    return frames_of_source(available, np.arange(count), "pingpong")


def frames_of_source(available: int, numbers: np.ndarray, loop: Loop) -> np.ndarray:
    """Which frame of a source some frames of a video move like.

    Args:
        available: frames of the source.
        numbers: of the video's frames, `(T,)`, int.
        loop: see `source_order`; a video that is cut has no frames beyond those of the source.

    Returns:
        `(T,)`, int.
    """
    if loop != "pingpong":
        return numbers.clip(max=available - 1)
    period = max(1, 2 * (available - 1))
    step = numbers % period
    return np.minimum(step, period - step)


def source_order(available: int, count: int, loop: Loop) -> np.ndarray:
    """Which frame of a source each frame of a video moves like.

    Args:
        available: frames of the source.
        count: frames wanted.
        loop: what follows where the source ends: `pingpong` walks it back and forth, `hold` keeps the last frame,
            `cut` ends with the source.

    Returns:
        `(count,)`, int; shorter where it is cut.
    """
    return frames_of_source(available, np.arange(min(count, available) if loop == "cut" else count), loop)


def frames_of_speech(samples: int, sample_rate_hz: int, rate: Fraction | int) -> int:
    """How many frames speech of so many samples takes, at least one."""
    return max(1, round(samples * Fraction(rate) / sample_rate_hz))


def at_rate(frames: int, rate: Fraction, trained_fps: int) -> int:
    """The odd length of a filter that takes as long as one of `frames`, odd, at the rate of training."""
    return 2 * round((frames // 2) * rate / trained_fps) + frames % 2


@dataclass(frozen=True)
class Timeline:
    """Frames of a talking video.

    Args:
        rate: frames a second.
        order: which frame of the source each one moves like, `(T,)`, int.
    """

    rate: Fraction
    order: np.ndarray


@dataclass(frozen=True)
class Pace:
    """How frames of a video make the sequences that networks see.

    Args:
        rate: frames a second of the video.
        phases: sequences it is taken apart into; each takes every so manyth frame.
        steps: frames of a sequence from one frame of the video to the next; 1 unless `phases` is.
    """

    rate: Fraction
    phases: int
    steps: int

    @classmethod
    def of(cls, rate: Fraction, trained_fps: int) -> "Pace":
        """The one whose sequences come closest to the rate of training."""
        return cls(rate, max(1, round(rate / trained_fps)), max(1, round(trained_fps / rate)))

    @property
    def sequence_rate(self) -> Fraction:
        """Frames a second of a sequence."""
        return self.rate * self.steps / self.phases

    def columns(self, first: int, numbers: np.ndarray, mel_rate: Fraction, window: int) -> np.ndarray:
        """First mel column of windows whose middle is the middle of a frame.

        Args:
            first: frame of the video with which a sequence begins.
            numbers: frames of the sequence, `(F,)`, int.
            mel_rate: mel columns a second.
            window: columns of a window.

        Returns:
            `(F,)`, int; negative where a window begins before the sound.
        """
        steps = self.steps
        number, step = first + numbers // steps * self.phases, numbers % steps
        # floor(t * mel_rate - window / 2 + 1 / 2) with t = (number + 1 / 2 + step / steps) / rate
        column = mel_rate / (2 * steps * self.rate)
        doubled = 2 * column.numerator * (2 * steps * number + steps + 2 * step) - (window - 1) * column.denominator
        return doubled // (2 * column.denominator)
