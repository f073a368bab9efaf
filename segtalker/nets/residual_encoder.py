"""Mask-guided encoder with the layers of E4S's and pSp's (arXiv 2211.14068, 2008.00951): IR-SE and a feature pyramid.

Residual units as ArcFace has them (arXiv 1801.07698, 3.2.2): normalised, with squeeze and excitation (1709.01507). From
the smallest scale upwards maps are enlarged and added to the next larger one (arXiv 1612.03144), and regions are
averaged over each. What differs: the mask enters the layers too, as in `MaskGuidedEncoder`, which gives the codes; an
image larger than the first level enters as blocks of pixels, where pSp shrinks it.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.layers import RegionLinear
from segtalker.nets.tensors import pixel_unshuffle

_SQUEEZE = 16  # channels to one of the bottleneck


class SqueezeExcitation(nn.Module):
    """Scales channels by what the whole picture shows of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // _SQUEEZE)
        self.squeeze = nn.Conv2d(channels, inner, 1, bias=False)
        self.excite = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Maps `(B, C, H, W)` to the same shape."""
        shares = torch.relu(self.squeeze(features.mean((2, 3), keepdim=True)))
        return features * torch.sigmoid(self.excite(shares))


class ResidualUnit(nn.Module):
    """IR-SE: normalise, convolve, PReLU, convolve, normalise, squeeze and excite, beside a short cut.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: 1, or 2 for half the size.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            SqueezeExcitation(outputs),
        )
        self.short_cut: nn.Module = nn.MaxPool2d(1, stride)
        if inputs != outputs:
            convolution = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.short_cut = nn.Sequential(convolution, nn.BatchNorm2d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Maps `(B, I, H, W)` to `(B, O, H / stride, W / stride)`."""
        return self.residual(features) + self.short_cut(features)


class ResidualEncoder(MaskGuidedEncoder):
    """Codes of the regions of an image.

    Args:
        units: residual units of each level after the first, from large to small; IR-SE-50 has 3, 4, 14, 3.
        config: see `MaskGuidedEncoder`.
    """

    kind = "residual_encoder"

    def __init__(self, *, units: Sequence[int], **config: Any) -> None:
        super().__init__(**config)
        channels: Mapping[int, int] = config["channels"]
        widths = [channels[size] for size in self.sizes]
        first = self.convolutions[0]
        assert isinstance(first, nn.Conv2d)
        stem = nn.Conv2d(first.in_channels, widths[0], 3, padding=1, bias=False)
        levels = [nn.Sequential(stem, nn.BatchNorm2d(widths[0]), nn.PReLU(widths[0]))]
        for (inputs, outputs), count in zip(pairwise(widths), units, strict=True):
            more = (ResidualUnit(outputs, outputs, 1) for _ in range(count - 1))
            levels.append(nn.Sequential(ResidualUnit(inputs, outputs, 2), *more))
        self.convolutions = nn.ModuleList(levels)
        taps = sorted(self.taps, reverse=True)
        deepest = channels[taps[-1]]
        self.laterals = nn.ModuleList(nn.Conv2d(channels[size], deepest, 1) for size in taps[:-1])
        self.hidden = RegionLinear(self.hidden.weight.shape[0], deepest * len(taps), self.hidden.weight.shape[2])

    def tapped(self, inputs: Tensor) -> dict[int, Tensor]:
        features = pixel_unshuffle(inputs, self.block)
        levels = {}
        for size, level in zip(self.sizes, self.convolutions, strict=True):
            levels[size] = features = level(features)
        taps = sorted(self.taps, reverse=True)
        pyramid = {taps[-1]: levels[taps[-1]]}
        for (size, smaller), lateral in reversed(list(zip(pairwise(taps), self.laterals, strict=True))):
            larger = F.interpolate(pyramid[smaller], size=(size, size), mode="bilinear", align_corners=False)
            pyramid[size] = larger + lateral(levels[size])
        return pyramid
