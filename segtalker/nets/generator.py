"""Mask-guided generator: region mask and codes to a face.

The structure is StyleGAN2's (arXiv 1912.04958): modulated convolutions with noise at growing resolution, an RGB image
summed up by skips, no tanh. As in SegTalker (arXiv 2409.03605) and E4S (arXiv 2211.14068) every region has its own
styles, and layers above a resolution are unmasked (one style, the mean over the image). What differs:

- one convolution a layer, whatever the number of regions (see `segtalker.nets.region_convolution`);
- it starts from the mask at low resolution instead of a constant;
- the codes' textures are painted into the mask; their means enter the levels, which add the rest; their fine detail,
  which no level sees and so none can smooth away, is added as far as the last level lets it, in hair all of it;
- noise is laid out in each region's own frame, so that strands and freckles move with the head;
- where the last level is smaller than the image its RGB layer writes blocks of pixels.

Codes without a texture leave the painting out: styles and mask are all there is. `LayeredGenerator` gives every layer a
style of its own, as E4S does (StyleGAN's W+ space).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segtalker.nets.encoder import code_size
from segtalker.nets.layers import RegionLinear, activate, mask_pyramid, shrink
from segtalker.nets.network import Network
from segtalker.nets.region_convolution import RegionGrid, RegionModulatedConv, exact_grid
from segtalker.nets.region_texture import paint, region_coordinates, region_frames, soften_edges
from segtalker.nets.tensors import pixel_shuffle
from segtalker.regions import REGION_INDEX

_NOISE_SEED = 20240903
_RGB = 3


def _enlarge(features: Tensor) -> Tensor:
    """Twice the size; bilinear is StyleGAN2's [1, 3, 3, 1] filter."""
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def _stretch(values: Tensor, size: int) -> Tensor:
    """To `size` by `size` pixels."""
    return F.interpolate(values, size=(size, size), mode="bilinear", align_corners=False)


class StyledConv(nn.Module):
    """Modulated convolution, noise, activation."""

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.convolution = RegionModulatedConv(inputs, outputs, style, kernel=3, demodulate=True)
        self.noise_strength = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, features: Tensor, styles: Tensor, grid: RegionGrid, noise: Tensor) -> Tensor:
        return activate(self.convolution(features, styles, grid) + self.noise_strength * noise)


class Level(nn.Module):
    """Two styled convolutions at one resolution and the image they add.

    Args:
        inputs: channels from the level below.
        outputs: channels here.
        style: size of a style.
        block: side of the pixel blocks the RGB layer writes.
        colours: channels of what is painted under it; 0 for nothing.
    """

    def __init__(self, inputs: int, outputs: int, style: int, block: int, colours: int) -> None:
        super().__init__()
        self.block = block
        self.first = StyledConv(inputs + colours, outputs, style)
        self.second = StyledConv(outputs, outputs, style)
        self.to_rgb = RegionModulatedConv(outputs, _RGB * block**2, style, kernel=1, demodulate=False)
        nn.init.zeros_(self.to_rgb.weight)
        nn.init.zeros_(self.to_rgb.shift.weight)

    def forward(
        self, features: Tensor, styles: tuple[Tensor, Tensor], grid: RegionGrid, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        features = self.first(features, styles[0], grid, noise[:, :1])
        features = self.second(features, styles[1], grid, noise[:, 1:])
        return features, pixel_shuffle(self.to_rgb(features, styles[1], grid), self.block)


class MaskGuidedGenerator(Network):
    """Paints a face.

    Args:
        regions: K.
        image_size: px, side of the images.
        channels: width at each resolution, from small to large, each twice the one before.
        masked_up_to: the largest resolution with a style for each region.
        style: size of the learned part of a code.
        texture: side of the texture in a code; 0 for none.
        hung_mouth: see `segtalker.nets.region_texture.region_frames`; as the encoder has it.
        mapping_layers: depth of each region's mapping network.
        detailed: names of the regions that keep all fine detail of their texture.
        exact_borders: whether every pixel of a masked level is of one region and convolved with its style alone, as in
            E4S; else regions share pixels by area, and styles blend where a kernel reaches over a border.
        soft_edges: whether painted textures mix where regions meet, see `soften_edges`.
    """

    kind = "mask_guided_generator"

    def __init__(
        self,
        *,
        regions: int,
        image_size: int,
        channels: Mapping[int, int],
        masked_up_to: int,
        style: int,
        texture: int,
        hung_mouth: bool,
        mapping_layers: int,
        detailed: Sequence[str],
        exact_borders: bool,
        soft_edges: bool,
    ) -> None:
        super().__init__()
        self.sizes = sorted(channels)
        self.block = image_size // self.sizes[-1]
        self.masked_up_to = masked_up_to
        self.style = style
        self.texture = texture
        self.hung_mouth = hung_mouth
        self.exact_borders = exact_borders
        self.soft_edges = soft_edges
        self.code = code_size(style, texture)
        self.mapping = nn.ModuleList(RegionLinear(regions, style, style) for _ in range(mapping_layers))
        first = channels[self.sizes[0]]
        self.start = nn.Conv2d(regions, first, 3, padding=1)
        widths = [first, *(channels[size] for size in self.sizes)]
        blocks = [1] * (len(self.sizes) - 1) + [self.block]
        self.levels = nn.ModuleList(
            Level(inputs, outputs, style, block, _RGB if texture else 0)
            for (inputs, outputs), block in zip(pairwise(widths), blocks, strict=True)
        )
        if texture:
            self.keep = RegionModulatedConv(widths[-1], 1, style, kernel=1, demodulate=False)
            nn.init.zeros_(self.keep.weight)
        self.detailed = [REGION_INDEX[name] for name in detailed]
        draw = torch.Generator().manual_seed(_NOISE_SEED)
        for size in self.sizes:
            noise = torch.randn(1, 2, size, size, generator=draw)
            self.register_buffer(f"noise_{size}", noise, persistent=False)

    @property
    def layers(self) -> int:
        """L: two a level."""
        return 2 * len(self.sizes)

    def parts(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The learned part of codes, `(B, K, S)`, and their textures, `(B, K, 3 G^2)`."""
        # split, not cut twice: the gradient is put together once
        learned, textures = codes.split((self.style, self.code - self.style), dim=2)
        return learned, textures

    def _mapped(self, learned: Tensor) -> Tensor:
        for layer in self.mapping:
            learned = activate(layer(learned))
        return learned

    def layer_styles(self, learned: Tensor) -> Tensor:
        """The learned part of codes to styles of regions and layers.

        Args:
            learned: see `parts`, `(B, K, S)`.

        Returns:
            `(B, K, L, S)`, L two a level, or 1 where all layers share one.
        """
        return self._mapped(learned)[:, :, None]

    def _noise(self, size: int, local: Tensor) -> Tensor:
        """Noise fixed to the regions' frames, `(B, 2, size, size)`."""
        step = local.shape[1] // size
        grid = local[:, step // 2 :: step, step // 2 :: step]
        noise = self.get_buffer(f"noise_{size}").expand(grid.shape[0], -1, -1, -1)
        return F.grid_sample(noise, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def forward(self, masks: Tensor, codes: Tensor, frames: Tensor | None = None) -> Tensor:
        """Paints.

        Args:
            masks: one-hot regions, `(B, K, H, W)`, float in {0, 1}.
            codes: see `MaskGuidedEncoder`, `(B, K, D)`.
            frames: in which the codes' textures are laid out, see `region_coordinates`; None for the masks' own.

        Returns:
            RGB, `(B, 3, H, W)`, about [-1, 1] (not clipped).
        """
        assert masks.shape[2] == self.sizes[-1] * self.block, f"mask of {masks.shape[2]} px"
        assert codes.shape == (*masks.shape[:2], self.code), f"codes {tuple(codes.shape)} do not fit {self.code}"
        learned, textures = self.parts(codes)
        return self.paint(masks, self.layer_styles(learned), textures, frames)

    def paint(self, masks: Tensor, styles: Tensor, textures: Tensor, frames: Tensor | None = None) -> Tensor:
        """What `forward` does, from the styles that `layer_styles` makes of the codes, and from their textures."""
        if frames is None:
            frames = torch.cat(region_frames(masks, hung_mouth=self.hung_mouth), 2)
        labels, local = region_coordinates(masks, frames)
        texture_image = self._texture_image(textures, labels, local) if self.texture else None
        smooth = None
        if texture_image is not None:
            smooth = _stretch(shrink(texture_image, self.sizes[-2]), texture_image.shape[2])
        # one row for all layers, or a row each
        layers = list(styles.unbind(2)) * (2 * len(self.sizes) // styles.shape[2])
        shares = mask_pyramid(masks, {self.sizes[0], *(size for size in self.sizes if size <= self.masked_up_to)})
        features = self.start(shares[self.sizes[0]])
        image = masks.new_zeros(masks.shape[0], _RGB, 1, 1)  # `len` would fix the batch of an exported network
        for size, level in zip(self.sizes, self.levels, strict=True):
            if size > self.sizes[0]:
                features = _enlarge(features)
            rows = layers.pop(0), layers.pop(0)
            if size <= self.masked_up_to:
                grid = exact_grid(shares[size]) if self.exact_borders else RegionGrid(shares[size])
            else:
                grid, rows = self._mean_styles(masks, rows)
            if smooth is not None:
                features = torch.cat((features, shrink(smooth, size)), 1)
            features, rgb = level(features, rows, grid, self._noise(size, local))
            image = rgb + _stretch(image, rgb.shape[2])
        if texture_image is None or smooth is None:
            return image
        detail_share = _stretch(torch.sigmoid(self.keep(features, rows[1], grid)), texture_image.shape[2])
        detail_share = torch.maximum(detail_share, masks[:, self.detailed].sum(1, keepdim=True))
        return smooth + detail_share * (texture_image - smooth) + image

    def _texture_image(self, textures: Tensor, labels: Tensor, local: Tensor) -> Tensor:
        """The codes' textures laid into the mask, `(B, 3, H, W)`; see `region_coordinates`."""
        texture_image = paint(textures.unflatten(2, (3, self.texture, self.texture)), labels, local)
        return soften_edges(texture_image, labels) if self.soft_edges else texture_image

    @staticmethod
    def _mean_styles(masks: Tensor, rows: tuple[Tensor, Tensor]) -> tuple[RegionGrid, tuple[Tensor, Tensor]]:
        """Grid and styles of a level above `masked_up_to`: one mean style everywhere."""
        shares = masks.mean((2, 3))[:, None]  # (B, 1, K)
        first = shares @ rows[0]
        second = first if rows[1] is rows[0] else shares @ rows[1]
        return RegionGrid(torch.ones_like(masks[:, :1, :1, :1])), (first, second)


class LayeredGenerator(MaskGuidedGenerator):
    """Paints a face, with a style for each region and layer.

    Args:
        config: see `MaskGuidedGenerator`.
    """

    kind = "layered_generator"

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.heads = RegionLinear(config["regions"], self.style, 2 * len(self.sizes) * self.style)

    def layer_styles(self, learned: Tensor) -> Tensor:
        return activate(self.heads(self._mapped(learned))).unflatten(2, (-1, self.style))
