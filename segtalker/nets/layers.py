"""Layers shared by the mask-guided encoder and generator."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky rectifier, as in StyleGAN2


def activate(features: Tensor) -> Tensor:
    """Leaky rectifier that keeps the variance, as in StyleGAN2."""
    return F.leaky_relu(features, SLOPE) * math.sqrt(2.0)


def shrink(values: Tensor, size: int) -> Tensor:
    """Means over areas, of masks or colours, at a smaller size: `(B, C, H, W)` to `(B, C, size, size)`."""
    factor = values.shape[2] // size
    return F.avg_pool2d(values, factor) if factor > 1 else values


def mask_pyramid(masks: Tensor, sizes: Iterable[int]) -> dict[int, Tensor]:
    """What `shrink` makes of hard masks at several sizes, each from the next larger one.

    Means of means are exact where sizes differ by powers of two: they are counts divided by powers of four.
    """
    pyramid: dict[int, Tensor] = {}
    for size in sorted(sizes, reverse=True):
        masks = pyramid[size] = shrink(masks, size)
    return pyramid


class RegionLinear(nn.Module):
    """A linear layer of its own for each region: `(B, K, I)` to `(B, K, O)`."""

    def __init__(self, regions: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(regions, inputs, outputs) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(regions, 1, outputs))

    def forward(self, rows: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, rows.transpose(0, 1), self.weight).transpose(0, 1)
