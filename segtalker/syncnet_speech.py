"""The speech SyncNet hears of a clip."""

import numpy as np
import torch

from segtalker.metrics.functional.mfcc import COEFFICIENTS, mfcc
from segtalker.nets.external import syncnet

_PCM_PEAK = 32767.0


def syncnet_speech(audio: np.ndarray, frames: int) -> torch.Tensor:
    """Speech of the windows that SyncNet's release compares: not of the last, nor of those that the sound is short of.

    Args:
        audio: of a clip, `(S,)`, float32 in [-1, 1], at SyncNet's rate.
        frames: of the clip.

    Returns:
        `(W, 13, 20)`, float32.
    """
    whole = min(frames, len(audio) * syncnet.FPS // syncnet.SAMPLE_RATE_HZ)
    count = max(whole - syncnet.WINDOW_FRAMES, 0)
    if not count:
        return torch.zeros(0, COEFFICIENTS, syncnet.WINDOW_COLUMNS)
    cepstra = torch.from_numpy(mfcc(np.rint(audio * _PCM_PEAK), syncnet.SAMPLE_RATE_HZ)).float()
    windows = cepstra.unfold(1, syncnet.WINDOW_COLUMNS, syncnet.COLUMNS_PER_FRAME)[:, :count]  # (13, W, 20)
    return windows.movedim(1, 0).contiguous()
