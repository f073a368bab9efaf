"""The sound of a video that is written: the one a person gave, at its own rate and with its own channels."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

from segtalker.media.audio import channel_pieces
from segtalker.media.probe import choose_sound, open_media

_AAC_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # that every player of AAC knows; others are mixed to stereo
_AAC_SAMPLES = 1024


@dataclass(frozen=True)
class Soundtrack:
    """Sound to be encoded, read as it is needed.

    Args:
        rate_hz: samples a second.
        layout: of its channels, by FFmpeg's name.
        pieces: gives it from its start, piece by piece, `(C, S)`, float32 in [-1, 1].
    """

    rate_hz: int
    layout: str
    pieces: Callable[[], Iterable[np.ndarray]]

    def blocks(self) -> Iterator[av.AudioFrame]:
        """It as the encoder takes it."""
        cutter = BlockCutter(self.rate_hz, self.layout)
        for samples in self.pieces():
            yield from cutter.push(samples)
        yield from cutter.finish()


class BlockCutter:
    """Sound in blocks of one length; times are counted in samples, so nothing drifts however long it is.

    Args:
        rate_hz: samples a second.
        layout: of its channels, by FFmpeg's name.
    """

    def __init__(self, rate_hz: int, layout: str) -> None:
        self.rate_hz, self.layout = rate_hz, layout
        self._rest: np.ndarray | None = None
        self._start = 0

    def push(self, samples: np.ndarray) -> Iterator[av.AudioFrame]:
        """Takes the next samples, `(C, S)`, float32; gives the blocks that are full."""
        rest = samples if self._rest is None else np.concatenate([self._rest, samples], axis=1)
        whole = rest.shape[1] // _AAC_SAMPLES * _AAC_SAMPLES
        self._rest = rest[:, whole:]
        for start in range(0, whole, _AAC_SAMPLES):
            yield self._block(rest[:, start : start + _AAC_SAMPLES])

    def finish(self) -> Iterator[av.AudioFrame]:
        """The last block, perhaps shorter."""
        if self._rest is not None and self._rest.shape[1]:
            yield self._block(self._rest)
            self._rest = None

    def _block(self, samples: np.ndarray) -> av.AudioFrame:
        block = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, dtype=np.float32), format="fltp", layout=self.layout
        )
        block.sample_rate, block.time_base, block.pts = self.rate_hz, Fraction(1, self.rate_hz), self._start
        self._start += samples.shape[1]
        return block


def mono_track(samples: np.ndarray, rate_hz: int) -> Soundtrack:
    """Sound that is in memory, `(S,)`, float32 in [-1, 1]."""
    return Soundtrack(rate_hz, "mono", lambda: [samples[None]])


def open_soundtrack(path: Path) -> Soundtrack:
    """The sound track of a file that a player plays, from where `segtalker.media.audio.load_sound` begins.

    Its rate and channels are kept where AAC has them; else it gets the next higher rate, or stereo.

    Raises:
        BadClipError: unreadable, or no sound track.
    """
    with open_media(path) as container:
        rate_hz, layout = track_format(choose_sound(container, path.name))
    return Soundtrack(rate_hz, layout, lambda: channel_pieces(path, rate_hz, layout))


def track_format(stream: AudioStream) -> tuple[int, str]:
    """Samples a second and channels of the track that some sound becomes, see `open_soundtrack`."""
    rate_hz = next((rate for rate in _AAC_RATES_HZ if rate >= stream.rate), _AAC_RATES_HZ[-1])
    return rate_hz, _LAYOUTS.get(stream.channels, "stereo")
