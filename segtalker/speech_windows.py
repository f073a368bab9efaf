"""Columns of a log-mel spectrogram that belong to frames of video."""

import numpy as np


def gather_columns(mel: np.ndarray, starts: np.ndarray, columns: int) -> np.ndarray:
    """Cuts windows; beyond the ends the first and last column are repeated.

    Args:
        mel: `(M, N)`, float32.
        starts: first column of each window, `(W,)`, int.
        columns: length of a window.

    Returns:
        `(W, M, columns)`, float32.
    """
    index = np.asarray(starts)[:, None] + np.arange(columns)
    return np.ascontiguousarray(mel[:, index.clip(0, mel.shape[1] - 1)].transpose(1, 0, 2))


def window_starts(frames: np.ndarray, fps: float, mel_rate: float) -> np.ndarray:
    """First mel column of windows that start with a frame (Wav2Lip), `(W,)`, int."""
    return (np.asarray(frames) * mel_rate / fps).astype(int)


def centred_starts(frames: np.ndarray, fps: float, mel_rate: float, columns: int) -> np.ndarray:
    """First mel column of windows whose middle is the middle of a frame, `(W,)`, int."""
    middle = (np.asarray(frames) + 0.5) * mel_rate / fps
    return np.floor(middle - columns / 2 + 0.5).astype(int)
