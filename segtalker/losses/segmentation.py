"""Losses between region scores and region maps, fair to small regions."""

import torch
import torch.nn.functional as F
from torch import Tensor


def balanced_weights(labels: Tensor, regions: int, power: float) -> Tensor:
    """Weights that lift rare regions: frequency ** -power, averaging one over the pixels.

    Args:
        labels: region indices, `(B, H, W)`, int64.
        regions: K.
        power: 0 treats all pixels alike, 1 all regions alike.

    Returns:
        A weight for each region, `(K,)`, float32; 0 for a region that is nowhere.
    """
    counts = torch.bincount(labels.flatten(), minlength=regions).float()
    frequency = counts / counts.sum()
    weights = torch.where(counts > 0, frequency.clamp_min(1e-6) ** -power, torch.zeros_like(counts))
    return weights / (weights * frequency).sum()


def balanced_cross_entropy(logits: Tensor, labels: Tensor, power: float) -> Tensor:
    """Cross-entropy with the weights of `balanced_weights` drawn from the batch itself.

    Args:
        logits: region scores, `(B, K, H, W)`.
        labels: region indices, `(B, H, W)`, int64.
        power: see `balanced_weights`.
    """
    logits = logits.float()  # under autocast they come in half precision
    weights = balanced_weights(labels, logits.shape[1], power)
    return F.cross_entropy(logits, labels, weight=weights)


def dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """One minus the mean soft Dice overlap of the regions present in the batch (arXiv 1606.04797).

    Overlaps are summed over the whole batch, so an earring of six pixels counts as much as the hair.

    Args:
        logits: region scores, `(B, K, H, W)`.
        labels: region indices, `(B, H, W)`, int64.

    Returns:
        A scalar in [0, 1].
    """
    logits = logits.float()  # sums over all pixels need more than the 8 bits of bfloat16
    probabilities = logits.softmax(1)
    # by comparison: `one_hot` would write 64-bit numbers region by region, and copy them
    truth = (labels[:, None] == torch.arange(logits.shape[1], device=labels.device)[:, None, None]).to(logits.dtype)
    overlap = (probabilities * truth).sum((0, 2, 3))
    sizes = truth.sum((0, 2, 3))
    dice = 2.0 * overlap / (probabilities.sum((0, 2, 3)) + sizes).clamp_min(1e-6)
    present = (sizes > 0).to(dice.dtype)
    return 1.0 - (dice * present).sum() / present.sum()
