"""The constant rate at which the frames of a video are written again, so that every frame keeps its place."""

from fractions import Fraction

import numpy as np

from segtalker.media.probe import packet_times
from segtalker.media.video import Video

_LARGEST_DENOMINATOR = 1001  # of television's rates, such as 30000/1001
_COMMON = (*(Fraction(rate * 1000, 1001) for rate in (24, 30, 60, 120)), *map(Fraction, (12, 15, 24, 25, 30, 50, 60)))
_SAME_RATE = 0.012  # containers that count whole milliseconds make 33 of 33.4
_MOST_FPS = 120


def constant_rate(video: Video) -> Fraction:
    """Frames a second of a video, exact: 30000/1001, not 29.97.

    Where frames come at a variable rate, as phones and screen recorders write them, it is the rate of most of them: a
    frame that lasts longer is shown again, and none is left out.
    """
    stated = Fraction(video.fps).limit_denominator(_LARGEST_DENOMINATOR)
    times = packet_times(video.path, video.stream) if video.has_clock else np.zeros(0)
    if len(times) < 2:
        return stated
    # what a container states may count a last frame of another length; what was meant is a common rate
    mean = (len(times) - 1) / float(times[-1] - times[0])
    own = Fraction(mean).limit_denominator(_LARGEST_DENOMINATOR)
    candidates = (*(rate for rate in (stated,) if rate in _COMMON), _nearest(mean), stated, own)
    steady = next((rate for rate in candidates if _is_steady(times, rate)), None)
    if steady is not None:
        return steady
    most = 1.0 / float(np.median(np.diff(times)))
    near = _nearest(most)
    close = abs(float(near) / most - 1) < _SAME_RATE
    rate = near if close else Fraction(most).limit_denominator(_LARGEST_DENOMINATOR)
    return min(max(rate, stated), Fraction(_MOST_FPS))


def _nearest(fps: float) -> Fraction:
    return min(_COMMON, key=lambda rate: abs(float(rate) - fps))


def _is_steady(times: np.ndarray, rate: Fraction) -> bool:
    """Whether each frame is nearest to the tick of its own number."""
    ticks = (times - times[0]) * float(rate)
    return bool(np.abs(ticks - np.arange(len(times))).max() < 0.5)
