"""The uncropped pictures of a source: of a still, or of a part of a video, each of its frames once, at its own rate."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice, repeat
from pathlib import Path

import numpy as np

from segtalker.inference.talk_inputs import check_part, open_portrait
from segtalker.media.decoders import TimedFrame
from segtalker.media.frame_times import constant_rate
from segtalker.media.video import Decoder, Video, resample

_LEAST_FPS = 12  # slower, a mouth does not seem to move
_KEPT_BYTES = 256 * 2**20  # decoded frames held to be walked backwards


@dataclass(frozen=True)
class Pictures:
    """Pictures by number, read as they are asked for.

    Args:
        source: a still, RGB, `(H, W, 3)`, uint8, or a video.
        own_rate: frames a second of the source. A video of a variable rate gets the one of most of its frames, so that
            none is left out.
        times: how often each frame is shown, so that there are 12 a second at least.
        first: of a video, the number of its first picture, counted from the start of the file.
        limit: of a video, how many pictures there are at most; None for all up to its end.
    """

    source: np.ndarray | Video
    own_rate: Fraction
    times: int
    first: int
    limit: int | None

    @property
    def rate(self) -> Fraction:
        """Pictures a second."""
        return self.own_rate * self.times

    @property
    def expected(self) -> int:
        """About how many there are."""
        if isinstance(self.source, np.ndarray):
            return 1
        there = max(1, round(self.source.seconds * self.rate) - self.first)
        return there if self.limit is None else min(there, self.limit)

    def __iter__(self) -> Iterator[np.ndarray]:
        """All of them, in order: RGB, `(H, W, 3)`, uint8."""
        if isinstance(self.source, np.ndarray):
            return iter([self.source])
        return (frame.image for frame in self._frames(0))

    def _frames(self, start: int) -> Iterator[TimedFrame]:
        """Those from number `start` on."""
        assert isinstance(self.source, Video)
        number, shown = divmod(self.first + start, self.times)
        begin_s, rate = self.source.start_s, self.own_rate
        own = resample(self.source.frames(begin_s + number / rate), rate, begin_s, float(1 / rate), number)
        frames = islice(chain.from_iterable(repeat(frame, self.times) for frame in own), shown, None)
        return frames if self.limit is None else islice(frames, max(0, self.limit - start))

    def walk(self, order: Iterable[int]) -> Iterator[np.ndarray]:
        """Pictures in any order, cheap where it goes forwards; backwards, stretches of what fits in memory are read.

        Args:
            order: their numbers, as long as pictures are wanted.
        """
        if isinstance(self.source, np.ndarray):
            yield from (self.source for _ in order)
            return
        kept: dict[int, TimedFrame] = {}
        forward, upcoming, last = self._frames(0), 0, -1
        for number in map(int, order):
            if number not in kept:
                if number < last:
                    kept = self._before(number, next(iter(kept.values())).memory)
                else:
                    forward = forward if number == upcoming else self._frames(number)
                    kept, upcoming = {number: next(forward)}, number + 1
            last = number
            yield kept[number].image

    def _before(self, number: int, frame_bytes: int) -> dict[int, TimedFrame]:
        """Frames up to a number, as many as fit in memory."""
        start = max(0, number + 1 - max(2, _KEPT_BYTES // frame_bytes))
        return dict(zip(range(start, number + 1), self._frames(start), strict=False))

    def still(self) -> "Pictures":
        """The first of them, held."""
        return replace(self, source=next(iter(self)), first=0, limit=None)


def open_pictures(
    path: Path, decoder: Decoder, still_fps: int, from_s: float | None = None, to_s: float | None = None
) -> Pictures:
    """Opens a picture or video.

    Args:
        path: the file.
        decoder: of videos.
        still_fps: frames a second of the video that a still becomes.
        from_s: where the wanted part of a video begins, s from its start; None for its start.
        to_s: where it ends, likewise.

    Raises:
        BadInputError: it cannot be read, or has no such part.
    """
    source = open_portrait(path, decoder)
    check_part(path, source, from_s, to_s)
    if isinstance(source, np.ndarray):
        return Pictures(source, Fraction(still_fps), 1, 0, None)
    own_rate = constant_rate(source)
    times = math.ceil(_LEAST_FPS / own_rate)
    first = round((from_s or 0.0) * own_rate * times)
    limit = None if to_s is None else max(1, round(to_s * own_rate * times) - first)
    return Pictures(source, own_rate, times, first, limit)
