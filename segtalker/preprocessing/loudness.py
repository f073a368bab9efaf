"""Where a recording has sound."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from segtalker.media.audio import Sound

BLOCK_S = 0.05
_FLOOR_DB = -100.0
_LOUD_PERCENTILE = 95


@dataclass(frozen=True)
class Loudness:
    """The level of a sound track over time.

    Args:
        start_s: container time of the first block.
        levels_db: root mean square of each block of `BLOCK_S`, dB below full scale, `(N,)`, float32.
    """

    start_s: float
    levels_db: np.ndarray

    @property
    def loud_db(self) -> float:
        """How loud its loud parts are."""
        return float(np.percentile(self.levels_db, _LOUD_PERCENTILE)) if len(self.levels_db) else _FLOOR_DB

    def at(self, time_s: float) -> float:
        """The level at a moment; silence where there is no sound."""
        block = int((time_s - self.start_s) / BLOCK_S)
        return float(self.levels_db[block]) if 0 <= block < len(self.levels_db) else _FLOOR_DB

    @property
    def outside(self) -> list[tuple[float, float]]:
        """Where there is no sound at all: before it begins and after it ends, container time."""
        return [(-np.inf, self.start_s), (self.start_s + len(self.levels_db) * BLOCK_S, np.inf)]

    def silences(self, below_db: float, at_least_s: float) -> list[tuple[float, float]]:
        """Stretches of silence, container time.

        Args:
            below_db: how far below the loud parts silence lies, negative.
            at_least_s: shorter ones are pauses of speech.
        """
        quiet = np.concatenate([[False], self.levels_db < self.loud_db + below_db, [False]])
        edges = np.flatnonzero(np.diff(quiet.astype(np.int8)))
        spans = edges.reshape(-1, 2) * BLOCK_S + self.start_s
        return [(float(start), float(end)) for start, end in spans if end - start >= at_least_s]


def measure_loudness(pieces: Iterable[Sound]) -> Loudness:
    """Measures a sound track as it is read; see `segtalker.media.audio.sound_pieces`."""
    start_s, rest = 0.0, np.zeros(0, np.float32)
    levels: list[np.ndarray] = []
    for piece in pieces:
        start_s = start_s if levels or len(rest) else piece.start_s
        rest = np.concatenate([rest, piece.samples])
        block = round(BLOCK_S * piece.sample_rate_hz)
        whole = rest[: len(rest) // block * block].reshape(-1, block)
        if len(whole):
            levels.append(20 * np.log10(np.maximum(np.sqrt((whole**2).mean(axis=1)), 10 ** (_FLOOR_DB / 20))))
        rest = rest[whole.size :]
    return Loudness(start_s, np.concatenate([np.zeros(0), *levels]).astype(np.float32))
