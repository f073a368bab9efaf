"""The log-mel spectrogram of sound that is still coming: equal to that of the whole, and no more of it kept than is
still to be heard."""

import numpy as np

from segtalker.config.base import Mel
from segtalker.media.mel import gather_columns, log_mel


class LiveMel:
    """Makes columns as soon as their samples are there.

    Args:
        sample_rate_hz: of the sound.
        mel: sizes and levels.
    """

    def __init__(self, sample_rate_hz: int, mel: Mel) -> None:
        self.sample_rate_hz, self.mel = sample_rate_hz, mel
        self.samples = 0  # so far
        self._columns = 0  # made so far
        self._kept = np.zeros(0, np.float32)
        self._kept_from = 0  # sample, a whole number of hops
        self._margin = mel.n_fft // mel.hop + 1  # columns that a cut spoils

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Takes the next samples, `(S,)`, float32 in [-1, 1]; gives the columns that are complete by now, `(M, N)`."""
        self._kept = np.concatenate([self._kept, samples])
        self.samples += len(samples)
        # a column is complete when all of its window is there; the first one's is mirrored at the start of the sound
        half = self.mel.n_fft // 2
        return self._made((self.samples - half) // self.mel.hop + 1 if self.samples > half else 0)

    def finish(self) -> np.ndarray:
        """The last columns, `(M, N)`, float32: their windows reach beyond the end. Sound shorter than half a window has
        none."""
        return self._made(1 + self.samples // self.mel.hop if self.samples > self.mel.n_fft // 2 else 0)

    def _made(self, columns: int) -> np.ndarray:
        if columns <= self._columns:
            return np.zeros((self.mel.bins, 0), np.float32)
        first = self._kept_from // self.mel.hop
        made_columns = log_mel(self._kept, self.sample_rate_hz, self.mel)[:, self._columns - first : columns - first]
        self._columns = columns
        keep_from = max(0, columns - self._margin) * self.mel.hop
        self._kept, self._kept_from = self._kept[keep_from - self._kept_from :], keep_from
        return made_columns


class HeardColumns:
    """The columns of a spectrogram that are still to be heard.

    Args:
        rows: M.
    """

    def __init__(self, rows: int) -> None:
        self._kept = np.zeros((rows, 0), np.float32)
        self._first = 0

    @property
    def count(self) -> int:
        """How many there were so far."""
        return self._first + self._kept.shape[1]

    def push(self, columns: np.ndarray) -> None:
        """Adds the next ones, `(M, N)`, float32."""
        self._kept = np.concatenate([self._kept, columns], axis=1)

    def gather(self, starts: np.ndarray, columns: int) -> np.ndarray:
        """Windows as `segtalker.media.mel.gather_columns` cuts them from all columns so far, `(W, M, columns)`."""
        assert not self._first or (np.asarray(starts) >= self._first).all(), (starts, self._first)
        return gather_columns(self._kept, np.asarray(starts) - self._first, columns)

    def forget(self, before: int) -> None:
        """Lets go of the columns before one, but for the last."""
        drop = min(before, self.count - 1) - self._first
        if drop > 0:
            self._kept, self._first = self._kept[:, drop:], self._first + drop
