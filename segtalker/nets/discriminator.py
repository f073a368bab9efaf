"""Patch discriminator that sees the mask: is this patch a photograph of these regions?

After pix2pixHD and SPADE (arXiv 1711.11585, 1903.07291), at one scale: strided convolutions over image and mask, one
score a patch. Its features serve the feature-matching loss. By choice it judges fine detail alone, which is what
losses between pixels lose, by a first layer at full size; and its layers go without spectral normalisation
(arXiv 1802.05957), which holds a short training back: in 250 steps of the demo the hinge loss then falls to 1.14 in
place of 1.94, where 2 is chance.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from segtalker.nets.layers import SLOPE

_BLUR_PX = 5
_DETAIL_GAIN = 4.0  # differences from the blurred image are about a quarter as large as colours


def fine_detail(image: Tensor) -> Tensor:
    """What a blur of 5 px takes away, `(B, 3, H, W)`, scaled to about [-1, 1]."""
    edge = _BLUR_PX // 2
    # of the ways to pad, `replicate` is deterministic on CUDA, backwards too
    blurred_image = F.avg_pool2d(F.pad(image, (edge,) * 4, mode="replicate"), _BLUR_PX, stride=1)
    return _DETAIL_GAIN * (image - blurred_image)


class Discriminator(nn.Module):
    """What judges images: `(image, masks)` to scores, high for real, and the features of each layer.

    Attributes:
        compares_images: whether an image's score depends on the others of its batch.
    """

    compares_images = False


class PatchDiscriminator(Discriminator):
    """Scores patches.

    Args:
        regions: K, of the masks it looks at; 0 for none.
        full_size: width of a first convolution at the image's own size; 0 for none.
        channels: width of each strided convolution.
        detail: whether it sees fine detail alone, see `fine_detail`.
        spectral: whether weights are normalised by their largest singular value.
    """

    def __init__(self, *, regions: int, full_size: int, channels: Sequence[int], detail: bool, spectral: bool) -> None:
        super().__init__()
        self.detail, self.regions = detail, regions
        inputs = 3 + regions
        layers = [nn.Conv2d(inputs, full_size, 3, padding=1)] if full_size else []
        widths = [full_size or inputs, *channels]
        layers += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1) for narrow, wide in pairwise(widths)]
        layers.append(nn.Conv2d(widths[-1], 1, 3, padding=1))
        *convolutions, self.score = (spectral_norm(layer) if spectral else layer for layer in layers)
        self.convolutions = nn.ModuleList(convolutions)

    def forward(self, image: Tensor, masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores.

        Args:
            image: RGB, `(B, 3, H, W)`, in [-1, 1].
            masks: one-hot regions, `(B, K, H, W)`.

        Returns:
            Scores, `(B, 1, h, w)`, high for real, and the features of each layer.
        """
        features = torch.cat((fine_detail(image) if self.detail else image, masks[:, : self.regions]), 1)
        feature_maps = []
        for convolution in self.convolutions:
            features = F.leaky_relu(convolution(features), SLOPE)
            feature_maps.append(features)
        return self.score(features), feature_maps
