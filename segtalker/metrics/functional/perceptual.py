"""LPIPS: distance of deep features (R. Zhang et al., "The Unreasonable Effectiveness of Deep Features", CVPR 2018)."""

from collections.abc import Sequence

import torch
from torch import Tensor

_EPSILON = 1e-10


def feature_distance(reference: Sequence[Tensor], features: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Squared difference of unit channel vectors, weighted by channel, averaged over space, summed over levels.

    Args:
        reference: feature maps, `(T, C, h, w)`, float32, one a level.
        features: likewise.
        weights: of the channels of each level, `(C,)`, float32, at least 0.

    Returns:
        `(T,)`, float32, at least 0.
    """
    total = reference[0].new_zeros(len(reference[0]))
    for have, want, weight in zip(features, reference, weights, strict=True):
        assert have.shape == want.shape, (have.shape, want.shape)
        difference = (_unit(have) - _unit(want)).square()
        total += torch.einsum("tchw,c->t", difference, weight.to(difference)) / difference[0, 0].numel()
    return total


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON)
