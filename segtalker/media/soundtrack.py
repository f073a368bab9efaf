"""The sound of a video that is written: the one a person gave, at its own rate and with its own channels."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

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
        """It as the encoder takes it; times are counted in samples, so nothing drifts however long it is."""
        start = 0
        for samples in _even_blocks(self.pieces()):
            block = av.AudioFrame.from_ndarray(samples, format="fltp", layout=self.layout)
            block.sample_rate, block.time_base, block.pts = self.rate_hz, Fraction(1, self.rate_hz), start
            yield block
            start += samples.shape[1]


def _even_blocks(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Pieces of any length as blocks of one, the last perhaps shorter."""
    rest: np.ndarray | None = None
    for piece in pieces:
        rest = piece if rest is None else np.concatenate([rest, piece], axis=1)
        whole = rest.shape[1] // _AAC_SAMPLES * _AAC_SAMPLES
        for start in range(0, whole, _AAC_SAMPLES):
            yield np.ascontiguousarray(rest[:, start : start + _AAC_SAMPLES], dtype=np.float32)
        rest = rest[:, whole:]
    if rest is not None and rest.shape[1]:
        yield np.ascontiguousarray(rest, dtype=np.float32)


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
        stream = choose_sound(container, path.name)
        own_hz, channels = stream.rate, stream.channels
    rate_hz = next((rate for rate in _AAC_RATES_HZ if rate >= own_hz), _AAC_RATES_HZ[-1])
    layout = _LAYOUTS.get(channels, "stereo")
    return Soundtrack(rate_hz, layout, lambda: channel_pieces(path, rate_hz, layout))
