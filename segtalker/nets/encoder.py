"""Mask-guided multi-scale encoder: image and mask to one code a region.

After SegTalker (arXiv 2409.03605) and E4S (arXiv 2211.14068): features at several scales, averaged over each region
by its mask, joined and sent through a layer of the region's own. What differs: the mask enters the convolutions too;
an absent region has a learned code instead of zeros, so that a mouth closed in the reference still opens; a code also
carries the region's coarse texture (see `region_texture`).

What is learned for an absent mouth is a mean, a dull red without teeth. So an encoder may keep mouths of people it was
trained on and lend a shut one that of the person whose skin is most like it, in the light of the face: other people's
teeth, which no picture of a shut mouth can tell. The same picture borrows the same mouth.

Without mask guidance, an ablation, the encoder never sees the mask: features are averaged over the whole picture and
every region gets the same code, as in SPADE (arXiv 1903.07291). Its texture is flat, the picture's mean colour, for
what lies where in a region only the mask could tell. The generator still knows the mask of the frame it paints.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from segtalker.nets.layers import RegionLinear, activate, mask_pyramid
from segtalker.nets.network import Network
from segtalker.nets.region_texture import gather_textures
from segtalker.nets.tensors import pixel_unshuffle
from segtalker.regions import MOUTH, REGION_INDEX

_SKIN = REGION_INDEX["skin"]
_DARKEST = 1e-2  # of a skin's colour, so that its logarithm and what is divided by it stay finite


def code_size(style: int, texture: int) -> int:
    """D: a style, then a texture of `texture`^2 RGB texels, flattened; 0 for none."""
    return style + 3 * texture**2


class MaskGuidedEncoder(Network):
    """Codes of the regions of an image.

    Args:
        regions: K.
        image_size: px, side of the images.
        channels: width at each resolution; from large to small, each half the one before.
        taps: resolutions at which regions are averaged.
        style: size of the learned part of a code.
        texture: G, side of the texture in a code, a power of two; 0 for none.
        hung_mouth: see `segtalker.nets.region_texture.region_frames`.
        present_share: share of the image a region needs to count as present.
        mask_guided: whether the mask says what belongs to a region's code.
        lent_mouths: N, how many mouths are kept to be lent, see `keep_mouths`; 0 for none.
        shut_below: share of the skin; a mouth whose interior shows less borrows one.
    """

    kind = "mask_guided_encoder"
    lent_codes: Tensor
    lenders_skin: Tensor

    def __init__(
        self,
        *,
        regions: int,
        image_size: int,
        channels: Mapping[int, int],
        taps: Sequence[int],
        style: int,
        texture: int,
        hung_mouth: bool,
        present_share: float,
        mask_guided: bool,
        lent_mouths: int,
        shut_below: float,
    ) -> None:
        super().__init__()
        assert mask_guided or not lent_mouths, "without the mask no mouth is told from the rest"
        self.regions = regions
        self.mask_guided = mask_guided
        self.sizes = sorted(channels, reverse=True)
        self.taps = set(taps)
        self.texture = texture
        self.hung_mouth = hung_mouth
        self.present_share = present_share
        self.block = image_size // self.sizes[0]
        widths = [(3 + regions if mask_guided else 3) * self.block**2, *(channels[size] for size in self.sizes)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, stride=2 if level else 1, padding=1)
            for level, (inputs, outputs) in enumerate(pairwise(widths))
        )
        pooled_channels = sum(channels[size] for size in taps)
        rows = regions if mask_guided else 1
        self.hidden = RegionLinear(rows, pooled_channels, style)
        self.to_style = RegionLinear(rows, style, style)
        if mask_guided:
            self.absent_style = nn.Parameter(torch.zeros(regions, style))
        if mask_guided and texture:
            self.absent_texture = nn.Parameter(torch.zeros(regions, 3, texture, texture))
        self.lent_mouths, self.shut_below = lent_mouths, shut_below
        self.register_buffer("lent_codes", torch.zeros(lent_mouths, code_size(style, texture)))
        self.register_buffer("lenders_skin", torch.zeros(lent_mouths, 3))  # black where nobody lends

    def tapped(self, inputs: Tensor) -> dict[int, Tensor]:
        """Features at the tapped scales by their size, `(B, C, size, size)`."""
        features = pixel_unshuffle(inputs, self.block)
        levels = {}
        for size, convolution in zip(self.sizes, self.convolutions, strict=True):
            levels[size] = features = activate(convolution(features))
        return {size: level for size, level in levels.items() if size in self.taps}

    def _pooled(self, inputs: Tensor, masks: Tensor) -> Tensor:
        """Mean features of each of N regions at the tapped scales, `(B, N, sum of C)`."""
        shares = mask_pyramid(masks, self.taps)
        rows = []
        for size, features in self.tapped(inputs).items():
            share = shares[size].flatten(2)
            rows.append(share @ features.flatten(2).transpose(1, 2) / (share.sum(2, keepdim=True) + 1e-3))
        return torch.cat(rows, 2)

    def forward(self, image: Tensor, masks: Tensor) -> Tensor:
        """Encodes.

        Args:
            image: RGB, `(B, 3, H, W)`, in [-1, 1].
            masks: one-hot regions, `(B, K, H, W)`, float in {0, 1}.

        Returns:
            Codes, `(B, K, D)`. Everything a region's texture needs is in its row: swapping rows swaps textures.
        """
        assert image.shape[2] == self.sizes[0] * self.block, f"expected {self.sizes[0] * self.block} px"
        assert masks.shape[2:] == image.shape[2:], f"masks {tuple(masks.shape)} and image {tuple(image.shape)} differ"
        if not self.mask_guided:
            return self._one_code(image)
        codes = self._codes(image, masks)
        # in training an absent mouth is learnt
        return codes if self.training or not self.lent_mouths else self._with_lent_mouths(codes, image, masks)

    def _one_code(self, image: Tensor) -> Tensor:
        """The same code for every region, `(B, K, D)`."""
        style = self.to_style(activate(self.hidden(self._pooled(image, torch.ones_like(image[:, :1])))))
        colour = image.mean((2, 3)).repeat_interleave(self.texture**2, 1)[:, None]
        return torch.cat((style, colour), 2).expand(-1, self.regions, -1)

    def _codes(self, image: Tensor, masks: Tensor) -> Tensor:
        present = masks.mean((2, 3)) > self.present_share  # (B, K)
        style = self.to_style(activate(self.hidden(self._pooled(torch.cat((image, masks), 1), masks))))
        style = torch.where(present[..., None], style, self.absent_style)
        if not self.texture:
            return style
        texture = gather_textures(image, masks, self.texture, hung_mouth=self.hung_mouth)
        texture = torch.where(present[..., None, None, None], texture, self.absent_texture)
        return torch.cat((style, texture.flatten(2)), 2)

    @torch.no_grad()
    def keep_mouths(self, images: Tensor, masks: Tensor) -> None:
        """Keeps mouths to be lent, in place of those kept before.

        Args:
            images: of people with an open mouth, `(M, 3, H, W)`, M at most `lent_mouths`.
            masks: their regions, `(M, K, H, W)`.
        """
        assert len(images) <= self.lent_mouths, f"{len(images)} mouths for {self.lent_mouths} places"
        self.lent_codes.zero_()[: len(images)] = self._codes(images, masks)[:, MOUTH]
        self.lenders_skin.zero_()[: len(images)] = _skin_colours(images, masks)

    def _with_lent_mouths(self, codes: Tensor, image: Tensor, masks: Tensor) -> Tensor:
        """Codes, `(B, K, D)`, with borrowed mouths where they are shut, darker where the skin is than the lender's."""
        skin, lends = _skin_colours(image, masks), self.lenders_skin.sum(1) > 0
        distance = torch.cdist(skin.log(), self.lenders_skin.clamp_min(_DARKEST).log())
        lender = distance.masked_fill(~lends, torch.inf).argmin(1)
        light = skin.mean(1, keepdim=True) / self.lenders_skin[lender].mean(1, keepdim=True).clamp_min(_DARKEST)
        light = light.clamp_max(1.0)  # brighter than they were, teeth would have no shading
        style, texture = self.lent_codes[lender].tensor_split((codes.shape[2] - 3 * self.texture**2,), dim=1)
        lent = torch.cat((style, (texture + 1.0) * light - 1.0), 1)
        mouth, face = masks[:, MOUTH].mean((1, 2)), masks[:, _SKIN].mean((1, 2))
        borrows = (mouth <= self.shut_below * face) & lends.any()
        return torch.cat(
            (codes[:, :MOUTH], torch.where(borrows[:, None], lent, codes[:, MOUTH])[:, None], codes[:, MOUTH + 1 :]), 1
        )


def _skin_colours(images: Tensor, masks: Tensor) -> Tensor:
    """Mean colours of the skin, `(B, 3)`, from `_DARKEST` to 1; the darkest where there is none."""
    skin = masks[:, _SKIN : _SKIN + 1]
    total = ((images + 1.0) * 0.5 * skin).sum((2, 3))
    return (total / skin.sum((2, 3)).clamp_min(1.0)).clamp(_DARKEST, 1.0)
