"""Losses between embeddings of frames and of speech: two to train an expert, one to learn from it."""

import torch
from torch.nn import functional as F


def sync_contrast(frames: torch.Tensor, audio: torch.Tensor, temperature: float) -> torch.Tensor:
    """Batch-contrastive loss (InfoNCE, both directions): every other window of the batch is a negative.

    Chance is ln B. It leaves that plateau far sooner than `sync_bce`, which sees one negative a window.

    Args:
        frames: unit vectors of windows of frames, `(B, D)`.
        audio: unit vectors of the speech of the same windows, `(B, D)`, float32.
        temperature: divides the cosines.

    Returns:
        Scalar.
    """
    # a product under autocast is rounded to bfloat16, which the temperature would make errors of 0.05 of
    with torch.autocast(frames.device.type, enabled=False):
        logits = frames.float() @ audio.float().T / temperature
    target = torch.arange(len(frames), device=frames.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def sync_bce(frames: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy on the cosine (Wav2Lip): each window with its own speech and with its neighbour's.

    Chance is ln 2.

    Args:
        frames: non-negative unit vectors, `(B, D)`, float32.
        audio: non-negative unit vectors of the speech of the same windows, `(B, D)`, float32.

    Returns:
        Scalar.
    """
    frames, audio = frames.float(), audio.float()
    cosines = torch.cat([(frames * audio).sum(dim=1), (frames * audio.roll(1, dims=0)).sum(dim=1)])
    target = torch.cat([torch.ones(len(frames)), torch.zeros(len(frames))]).to(cosines)
    # CUDA's autocast refuses it, whatever the precision of its inputs
    with torch.autocast(frames.device.type, enabled=False):
        return F.binary_cross_entropy(cosines.clamp(0.0, 1.0), target)


def sync_loss(frames: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
    """How far generated frames are from their speech by a frozen expert: 1 - cosine, mean over `(B, D)` rows."""
    return 1.0 - (frames * audio).sum(dim=1).mean()
