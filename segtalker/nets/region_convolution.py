"""StyleGAN2's modulated convolution with a style for each region, at little more than the cost of one.

E4S (arXiv 2211.14068) convolves once per region and sums the masked results. Here the style is spread over a region's
pixels as a scale before one shared convolution, and the region's demodulation and shift after it (the idea of SEAN,
arXiv 1911.12861). Inside a region both are equal. Where a kernel reaches into another region it would see that
region's style; there the difference is added, tap by tap, so that the result is E4S's. Few taps cross a border, 7 % at
64 px on photographs, so this is 7 to 9 times faster (`benchmarks.region_convolution`).
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segtalker.nets.tensors import best_regions, one_hot

_KERNEL = 3  # of the convolutions that reach over borders


def spread(values: Tensor, masks: Tensor) -> Tensor:
    """Gives every pixel the values of its region.

    Args:
        values: one row a region, `(B, K, C)`.
        masks: regions, `(B, K, H, W)`, summing to one at each pixel; `(B, 1, 1, 1)` ones for one global row.

    Returns:
        `(B, C, H, W)`.
    """
    return (values.transpose(1, 2) @ masks.flatten(2)).unflatten(2, masks.shape[2:])


class Crossings(NamedTuple):
    """Taps of a 3x3 kernel that read a pixel of another region than the one they write, N in all, tap by tap.

    Args:
        written: pixels written, `(N,)`, int64, counted through batch, rows and columns.
        read: pixels read, likewise.
        written_row: style of the pixel written, `(N,)`, int64, counted through batch and regions.
        read_row: style of the pixel read, likewise.
        counts: how many belong to each of the nine taps.
    """

    written: Tensor
    read: Tensor
    written_row: Tensor
    read_row: Tensor
    counts: tuple[int, ...]


class RegionGrid(NamedTuple):
    """Which style counts where, at one resolution.

    Args:
        masks: see `spread`.
        crossings: for exact borders; None where styles blend over them, or where there is one style.
    """

    masks: Tensor
    crossings: Crossings | None = None


def _shifted(side: int, step: int) -> tuple[slice, slice]:
    """Places along an axis that have a neighbour `step` further on, and these neighbours."""
    return slice(max(0, -step), side - max(0, step)), slice(max(0, step), side - max(0, -step))


def find_crossings(labels: Tensor, regions: int) -> Crossings:
    """Where 3x3 kernels reach over borders. Padding belongs to no region: it is zero whatever the style.

    Args:
        labels: region indices, `(B, H, W)`.
        regions: K.
    """
    batch, height, width = labels.shape
    pixels = torch.arange(labels.numel(), device=labels.device).view_as(labels)
    pairs = []
    for tap in range(_KERNEL**2):
        rows, other_rows = _shifted(height, tap // _KERNEL - 1)
        columns, other_columns = _shifted(width, tap % _KERNEL - 1)
        crosses = labels[:, rows, columns] != labels[:, other_rows, other_columns]
        pairs.append((pixels[:, rows, columns][crosses], pixels[:, other_rows, other_columns][crosses]))
    written, read = (torch.cat(places) for places in zip(*pairs, strict=True))
    first_rows = regions * torch.arange(batch, device=labels.device)[:, None, None]
    style_rows = (labels.long() + first_rows).flatten()
    return Crossings(written, read, style_rows[written], style_rows[read], tuple(len(place) for place, _ in pairs))


def find_enlarged_crossings(labels: Tensor, labels_below: Tensor, regions: int) -> Crossings:
    """The same of a convolution to twice the size, in which each pixel written reads 3x3 pixels around the one below.

    Args:
        labels: region indices of the pixels written, `(B, 2 H, 2 W)`.
        labels_below: of those read, `(B, H, W)`.
        regions: K.

    Returns:
        Nine taps for each of the four places in a block of 2x2 pixels, block by block in rows.
    """
    batch, height, width = labels_below.shape
    pixels, pixels_below = (
        torch.arange(values.numel(), device=labels.device).view_as(values) for values in (labels, labels_below)
    )
    pairs = []
    for down, right in product(range(2), repeat=2):
        block, own = (values[:, down::2, right::2] for values in (pixels, labels))
        for tap in range(_KERNEL**2):
            rows, other_rows = _shifted(height, tap // _KERNEL - 1)
            columns, other_columns = _shifted(width, tap % _KERNEL - 1)
            crosses = own[:, rows, columns] != labels_below[:, other_rows, other_columns]
            pairs.append((block[:, rows, columns][crosses], pixels_below[:, other_rows, other_columns][crosses]))
    written, read = (torch.cat(places) for places in zip(*pairs, strict=True))
    first_rows = regions * torch.arange(batch, device=labels.device)[:, None, None]
    written_row, read_row = ((values.long() + first_rows).flatten() for values in (labels, labels_below))
    return Crossings(written, read, written_row[written], read_row[read], tuple(len(place) for place, _ in pairs))


def exact_grid(shares: Tensor) -> RegionGrid:
    """Every pixel belongs to the region with most of it.

    Args:
        shares: of each region in each pixel, `(B, K, H, W)`.
    """
    labels = best_regions(shares)
    return RegionGrid(one_hot(labels).to(shares.dtype), find_crossings(labels, shares.shape[1]))


def border_difference(
    features: Tensor, scale: Tensor, taps: Tensor, crossings: Crossings, size: Sequence[int]
) -> Tensor:
    """What taps over borders would give with the style of the pixel they write, less what they gave.

    Args:
        features: `(B, I, H, W)`.
        scale: of each region, by which features were multiplied, `(B, K, I)`.
        taps: `(T, I, O)`, as many as `crossings` counts.
        crossings: pairs of pixels written and read.
        size: height and width of the image written.

    Returns:
        `(B, O, *size)`.
    """
    batch, inputs = features.shape[:2]
    rows, pixels = scale.flatten(0, 1), features.permute(0, 2, 3, 1).reshape(-1, inputs)
    change = (rows[crossings.written_row] - rows[crossings.read_row]) * pixels[crossings.read]
    terms = torch.cat([values @ tap for values, tap in zip(change.split(crossings.counts), taps, strict=True)])
    total = terms.new_zeros(batch * math.prod(size), terms.shape[1]).index_add(0, crossings.written, terms)
    return total.view(batch, *size, -1).permute(0, 3, 1, 2)


class RegionModulatedConv(nn.Module):
    """StyleGAN2's modulated convolution (arXiv 1912.04958, 2.2) with a style for each region.

    Args:
        inputs: channels in.
        outputs: channels out.
        style: size of a region's style.
        kernel: side of the kernel, 1 or 3.
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

    def forward(self, features: Tensor, styles: Tensor, grid: RegionGrid) -> Tensor:
        """Convolves.

        Args:
            features: `(B, I, H, W)`.
            styles: `(B, K, S)`.
            grid: of the features' size.

        Returns:
            `(B, O, H, W)`. With exact borders each pixel is what a convolution with its own region's style alone gives;
            blended, a tap that reaches into another region takes that region's style.
        """
        scale = self.scale(styles)
        kernel = self.weight.shape[2]
        result = F.conv2d(features * spread(scale, grid.masks), self.weight, padding=kernel // 2)
        if grid.crossings is not None and kernel == _KERNEL:
            taps = self.weight.permute(2, 3, 1, 0).reshape(_KERNEL**2, -1, len(self.weight))
            result = result + border_difference(features, scale, taps, grid.crossings, result.shape[2:])
        if self.demodulate:
            norm = torch.rsqrt(scale.square() @ self.weight.square().sum((2, 3)).T + 1e-8)
            result = result * spread(norm, grid.masks)
        return result + spread(self.shift(styles), grid.masks)
