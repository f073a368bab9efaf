"""Patch discriminator that sees the mask: is this patch a photograph of these regions?

After pix2pixHD and SPADE (arXiv 1711.11585, 1903.07291), at one scale: strided convolutions with spectral
normalisation over image and mask, one score a patch. Its features serve the feature-matching loss.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from segtalker.nets.layers import SLOPE


class PatchDiscriminator(nn.Module):
    """Scores patches.

    Args:
        regions: K.
        channels: width of each strided convolution.
    """

    def __init__(self, *, regions: int, channels: Sequence[int]) -> None:
        super().__init__()
        widths = [3 + regions, *channels]
        self.convolutions = nn.ModuleList(
            spectral_norm(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)) for inputs, outputs in pairwise(widths)
        )
        self.score = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, image: Tensor, masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores.

        Args:
            image: RGB, `(B, 3, H, W)`, in [-1, 1].
            masks: one-hot regions, `(B, K, H, W)`.

        Returns:
            Scores, `(B, 1, h, w)`, high for real, and the features of each layer.
        """
        features = torch.cat((image, masks), 1)
        feature_maps = []
        for convolution in self.convolutions:
            features = F.leaky_relu(convolution(features), SLOPE)
            feature_maps.append(features)
        return self.score(features), feature_maps
