"""A convolutional network with random weights: features for `lpips_seeded` and `fid_seeded`, where no trained ones are.

Random features see edges, colours and textures at several scales but nothing of what a picture means, so numbers made
with them compare rows of one table and nothing else; hence names of their own.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SEED = 2409_03605
_CHANNELS = (3, 32, 48, 64, 96)
_POOLED_SCALE = 10.0  # only so that distances are no tiny numbers


class SeededFeatures(nn.Module):
    """3x3 convolutions of stride 2 with rectifiers; the weights follow from a fixed seed."""

    WINDOWS = ((3, 2, 1),) * (len(_CHANNELS) - 1)  # from each level to the next: side, stride, padding

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(_SEED)
        self.layers = nn.ModuleList(nn.Conv2d(*widths, 3, stride=2, bias=False) for widths in pairwise(_CHANNELS))
        for layer in self.layers:
            assert isinstance(layer, nn.Conv2d)
            spread = math.sqrt(2.0 / layer.weight[0].numel())
            layer.weight.data.normal_(0.0, spread, generator=random)
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor, count: int | None = None) -> list[Tensor]:
        """Features of each level.

        Args:
            image: RGB, `(B, 3, H, W)`, float32 in [-1, 1].
            count: how many levels, from the finest; None for all.

        Returns:
            `(B, C, H / 2^l, W / 2^l)` for the levels l = 1 to 4.
        """
        assert image.shape[1] == _CHANNELS[0], image.shape
        levels = []
        for layer in self.layers[:count]:
            image = F.relu(layer(F.pad(image, (1, 1, 1, 1), mode="replicate")))
            levels.append(image)
        return levels

    def weights(self) -> list[Tensor]:
        """Equal weights of the channels of each level, `(C,)`, for the distance of features."""
        return [torch.full((width,), 1.0 / (len(_CHANNELS) - 1)) for width in _CHANNELS[1:]]

    @staticmethod
    def pooled(levels: list[Tensor]) -> Tensor:
        """Mean over space of all levels: `(B, D)`, float32."""
        return torch.cat([level.mean(dim=(2, 3)) for level in levels], dim=1) * _POOLED_SCALE
