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


def spread(values: Tensor, masks: Tensor) -> Tensor:
    """Gives every pixel the values of its region.

    Args:
        values: one row a region, `(B, K, C)`.
        masks: regions, `(B, K, H, W)`, summing to one at each pixel; `(B, 1, 1, 1)` ones for one global row.

    Returns:
        `(B, C, H, W)`.
    """
    return (values.transpose(1, 2) @ masks.flatten(2)).unflatten(2, masks.shape[2:])


class RegionLinear(nn.Module):
    """A linear layer of its own for each region: `(B, K, I)` to `(B, K, O)`."""

    def __init__(self, regions: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(regions, inputs, outputs) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(regions, 1, outputs))

    def forward(self, rows: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, rows.transpose(0, 1), self.weight).transpose(0, 1)


class RegionModulatedConv(nn.Module):
    """StyleGAN2's modulated convolution (arXiv 1912.04958, 2.2) with a style for each region, at the cost of one.

    E4S (arXiv 2211.14068) convolves once per region and sums the masked results. Here the style is spread over the
    region's pixels as a scale before one shared convolution, and the region's demodulation and shift after it (the
    idea of SEAN, arXiv 1911.12861). Inside a region both are equal; along borders a pixel sees its neighbour's style.

    Args:
        inputs: channels in.
        outputs: channels out.
        style: size of a region's style.
        kernel: side of the kernel, odd.
        demodulate: scale the outputs back to unit variance.
    """

    def __init__(self, inputs: int, outputs: int, style: int, kernel: int, demodulate: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) / math.sqrt(inputs * kernel**2))
        self.scale = nn.Linear(style, inputs)
        self.shift = nn.Linear(style, outputs)
        self.demodulate = demodulate
        nn.init.normal_(self.scale.weight, std=0.5 / math.sqrt(style))
        nn.init.ones_(self.scale.bias)
        nn.init.normal_(self.shift.weight, std=0.5 / math.sqrt(style))
        nn.init.zeros_(self.shift.bias)

    def forward(self, features: Tensor, styles: Tensor, masks: Tensor) -> Tensor:
        """Convolves.

        Args:
            features: `(B, I, H, W)`.
            styles: `(B, K, S)`.
            masks: see `spread`.

        Returns:
            `(B, O, H, W)`.
        """
        scale = self.scale(styles)
        result = F.conv2d(features * spread(scale, masks), self.weight, padding=self.weight.shape[2] // 2)
        if self.demodulate:
            norm = torch.rsqrt(scale.square() @ self.weight.square().sum((2, 3)).T + 1e-8)
            result = result * spread(norm, masks)
        return result + spread(self.shift(styles), masks)
