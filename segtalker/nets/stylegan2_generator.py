"""StyleGAN2's synthesis network (arXiv 1912.04958) with a style for each region, as E4S and SegTalker render.

A learned constant at 4 px, then two modulated convolutions and an RGB layer a level, to the image's size; it is the
published network, and starts from its weights (`segtalker.nets.stylegan2_weights`). As in E4S (arXiv 2211.14068) the
levels up to `masked_up_to` give every region its own styles, those above one style for the image, the mean over it.
What differs from E4S: one pass a layer whatever the number of regions, with the same values inside regions and, by
`exact_borders`, on their borders (`segtalker.nets.region_convolution`). Noise is one fixed image a layer.
Nothing is painted under it: its codes carry no texture.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segtalker.nets.layers import RegionLinear, activate, mask_pyramid
from segtalker.nets.network import Network
from segtalker.nets.region_convolution import (
    Crossings,
    border_difference,
    find_crossings,
    find_enlarged_crossings,
    spread,
)
from segtalker.nets.resampling import blur, channels_at, enlarge, enlarging_taps, level_sizes
from segtalker.nets.stylegan2_discriminator import scaled_linear
from segtalker.nets.tensors import best_regions, one_hot

_NOISE_SEED = 20240903
_RGB = 3


class LevelGrid(NamedTuple):
    """Which style counts where, at one resolution and at the one below, from which it is enlarged.

    Args:
        masks: see `spread`.
        masks_below: likewise; None at the smallest resolution.
        crossings: for exact borders, see `find_crossings`; None where styles blend over them, or there is one style.
        enlarged_crossings: likewise, see `find_enlarged_crossings`.
    """

    masks: Tensor
    masks_below: Tensor | None
    crossings: Crossings | None = None
    enlarged_crossings: Crossings | None = None


class StyleConv(nn.Module):
    """Modulated convolution with a style for each region.

    Args:
        inputs: channels in.
        outputs: channels out.
        style: size of a style.
        kernel: side of the kernel, 1 or 3.
        enlarges: whether the result is twice as large.
    """

    def __init__(self, inputs: int, outputs: int, style: int, kernel: int, enlarges: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) / math.sqrt(inputs * kernel**2))
        self.modulation = scaled_linear(style, inputs)
        nn.init.ones_(self.modulation.bias)
        self.enlarges = enlarges

    def forward(self, features: Tensor, styles: Tensor, grid: LevelGrid) -> tuple[Tensor, Tensor]:
        """Convolves.

        Args:
            features: `(B, I, H, W)`.
            styles: `(B, K, S)`.
            grid: of the result's size.

        Returns:
            `(B, O, H, W)`, or twice as large, and the scale of each region, `(B, K, I)`.
        """
        scale = self.modulation(styles)
        if self.enlarges:
            assert grid.masks_below is not None, "there is nothing below the smallest resolution"
            return self._enlarged(features, scale, grid.masks_below, grid.enlarged_crossings), scale
        kernel = self.weight.shape[2]
        result = F.conv2d(features * spread(scale, grid.masks), self.weight, padding=kernel // 2)
        if grid.crossings is not None and kernel > 1:
            taps = self.weight.permute(2, 3, 1, 0).flatten(0, 1)
            result = result + border_difference(features, scale, taps, grid.crossings, result.shape[2:])
        return result, scale

    def _enlarged(self, features: Tensor, scale: Tensor, masks: Tensor, crossings: Crossings | None) -> Tensor:
        modulated = features * spread(scale, masks)
        # four ninths of the products of the same convolution at the larger size
        larger = blur(F.conv_transpose2d(modulated, self.weight.transpose(0, 1), stride=2), 1, 1, gain=4.0)
        if crossings is None:
            return larger
        taps = enlarging_taps(self.weight)
        return larger + border_difference(features, scale, taps, crossings, larger.shape[2:])


class StyledLayer(nn.Module):
    """Modulated convolution, demodulation, noise, activation."""

    def __init__(self, inputs: int, outputs: int, style: int, enlarges: bool) -> None:
        super().__init__()
        self.convolution = StyleConv(inputs, outputs, style, 3, enlarges)
        self.noise_strength = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, features: Tensor, styles: Tensor, grid: LevelGrid, noise: Tensor) -> Tensor:
        """Maps `(B, I, H, W)` to `(B, O, H, W)`, or twice as large; see `StyleConv`."""
        features, scale = self.convolution(features, styles, grid)
        norm = torch.rsqrt(scale.square() @ self.convolution.weight.square().sum((2, 3)).T + 1e-8)
        features = features * spread(norm, grid.masks)
        return activate(features + self.noise_strength * noise + self.bias[:, None, None])


class RgbLayer(nn.Module):
    """What a level adds to the image."""

    def __init__(self, inputs: int, style: int) -> None:
        super().__init__()
        self.convolution = StyleConv(inputs, _RGB, style, 1, enlarges=False)
        self.bias = nn.Parameter(torch.zeros(_RGB))

    def forward(self, features: Tensor, styles: Tensor, grid: LevelGrid) -> Tensor:
        """Maps `(B, I, H, W)` to `(B, 3, H, W)`; see `StyleConv`."""
        return self.convolution(features, styles, grid)[0] + self.bias[:, None, None]


class StyleGan2Generator(Network):
    """Paints a face.

    Args:
        regions: K.
        image_size: px, a power of two.
        channel_base: see `channels_at`.
        channel_max: likewise.
        masked_up_to: the largest resolution with a style for each region.
        style: size of a code, and of a style.
        per_layer: whether each layer has a style of its own.
        mapping_layers: layers of each region's mapping network before its last, which is linear.
        exact_borders: see `MaskGuidedGenerator`.
    """

    kind = "stylegan2_generator"

    def __init__(
        self,
        *,
        regions: int,
        image_size: int,
        channel_base: int,
        channel_max: int,
        masked_up_to: int,
        style: int,
        per_layer: bool,
        mapping_layers: int,
        exact_borders: bool,
    ) -> None:
        super().__init__()
        self.sizes = level_sizes(image_size)
        self.masked_up_to, self.exact_borders = masked_up_to, exact_borders
        self.style = self.code = style
        self.layers = 2 * len(self.sizes)
        self.mapping = nn.ModuleList(RegionLinear(regions, style, style) for _ in range(mapping_layers))
        self.heads = RegionLinear(regions, style, style * (self.layers if per_layer else 1))
        widths = [channels_at(size, channel_base, channel_max) for size in self.sizes]
        self.start = nn.Parameter(torch.randn(1, widths[0], self.sizes[0], self.sizes[0]))
        styled = [StyledLayer(widths[0], widths[0], style, enlarges=False)]
        for inputs, outputs in pairwise(widths):
            styled += [StyledLayer(inputs, outputs, style, enlarges=True)]
            styled += [StyledLayer(outputs, outputs, style, enlarges=False)]
        self.styled = nn.ModuleList(styled)
        self.to_rgb = nn.ModuleList(RgbLayer(width, style) for width in widths)
        draw = torch.Generator().manual_seed(_NOISE_SEED)
        for number in range(len(styled)):
            size = self.sizes[(number + 1) // 2]
            self.register_buffer(f"noise_{number}", torch.randn(1, 1, size, size, generator=draw))

    def parts(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Codes, `(B, K, S)`, and their textures, which are empty."""
        return codes, codes[:, :, :0]

    def layer_styles(self, learned: Tensor) -> Tensor:
        """Codes `(B, K, S)` to styles of regions and layers, `(B, K, L, S)`; L is 1 where all layers share one."""
        for layer in self.mapping:
            learned = activate(layer(learned))
        return self.heads(learned).unflatten(2, (-1, self.style))

    def forward(self, masks: Tensor, codes: Tensor, frames: Tensor | None = None) -> Tensor:
        """Paints.

        Args:
            masks: one-hot regions, `(B, K, H, W)`, float in {0, 1}.
            codes: see `MaskGuidedEncoder`, `(B, K, S)`.
            frames: as `MaskGuidedGenerator` takes them; here nothing is laid out in them.

        Returns:
            RGB, `(B, 3, H, W)`, about [-1, 1] (not clipped).
        """
        assert masks.shape[2] == self.sizes[-1], f"mask of {masks.shape[2]} px"
        assert codes.shape == (*masks.shape[:2], self.code), f"codes {tuple(codes.shape)} do not fit {self.code}"
        learned, textures = self.parts(codes)
        return self.paint(masks, self.layer_styles(learned), textures, frames)

    def paint(self, masks: Tensor, styles: Tensor, textures: Tensor, frames: Tensor | None = None) -> Tensor:
        """What `forward` does, from the styles that `layer_styles` makes of the codes."""
        rows = list(styles.unbind(2)) * (self.layers // styles.shape[2])
        mean_rows = [self._mean_style(masks, row) for row in rows]
        features = self.start.expand(len(masks), -1, -1, -1)
        image = None
        for level, (size, grid) in enumerate(zip(self.sizes, self._grids(masks), strict=True)):
            own = rows if size <= self.masked_up_to else mean_rows
            # the first level has one layer, the others two; RGB shares its style with the next level's first
            for number in range(max(0, 2 * level - 1), 2 * level + 1):
                noise = self.get_buffer(f"noise_{number}")
                features = self.styled[number](features, own[number], grid, noise)
            rgb = self.to_rgb[level](features, own[2 * level + 1], grid)
            image = rgb if image is None else rgb + enlarge(image)
        assert image is not None
        return image

    @staticmethod
    def _mean_style(masks: Tensor, rows: Tensor) -> Tensor:
        """The mean over the image, `(B, 1, S)`."""
        return masks.mean((2, 3))[:, None] @ rows

    def _grids(self, masks: Tensor) -> Iterator[LevelGrid]:
        """The grid of each level, from small to large."""
        shares = mask_pyramid(masks, [size for size in self.sizes if size <= self.masked_up_to])
        whole = torch.ones_like(masks[:, :1, :1, :1])
        below, labels_below = None, None
        for size in self.sizes:
            if size > self.masked_up_to:
                yield LevelGrid(whole, whole)
            elif not self.exact_borders:
                yield LevelGrid(shares[size], below)
                below = shares[size]
            else:
                labels = best_regions(shares[size])
                hard, regions = one_hot(labels).to(masks.dtype), masks.shape[1]
                enlarged = None
                if labels_below is not None:
                    enlarged = find_enlarged_crossings(labels, labels_below, regions)
                yield LevelGrid(hard, below, find_crossings(labels, regions), enlarged)
                below, labels_below = hard, labels
