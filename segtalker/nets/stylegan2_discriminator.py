"""StyleGAN2's discriminator (arXiv 1912.04958, section 4.1 and appendix B), which may see the mask beside the image.

Residual blocks from the image's size down to 4 px, the deviation over the batch (arXiv 1710.10196, section 3) as one
more feature, one score an image. Weights are drawn as they are used, with a variance of one over their inputs; that
their rate is equalised is the optimiser's matter (`lightning_modules.equalised`). What differs: the mask enters as
further channels.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from segtalker.nets.discriminator import Discriminator
from segtalker.nets.layers import activate
from segtalker.nets.resampling import blur, channels_at, level_sizes
from segtalker.nets.tensors import full_precision

_GROUP = 4  # images at most that are compared with each other


def scaled_conv(inputs: int, outputs: int, kernel: int, **settings: bool | int) -> nn.Conv2d:
    """A convolution whose weights keep the variance of what goes in, and whose bias starts at 0."""
    convolution = nn.Conv2d(inputs, outputs, kernel, **settings)  # type: ignore[arg-type]
    nn.init.normal_(convolution.weight, std=1.0 / math.sqrt(inputs * kernel**2))
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution


def scaled_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer of the same kind."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=1.0 / math.sqrt(inputs))
    nn.init.zeros_(layer.bias)
    return layer


def batch_deviation(features: Tensor) -> Tensor:
    """How much images differ from each other: standard deviations over groups of a batch, averaged to one number each.

    Args:
        features: `(B, C, H, W)`.

    Returns:
        `(B, 1, H, W)`: of each image's group, at most four, as many as divide the batch: of 5 or 7 images each
        is alone, and the value 0 but for the square root's margin.
    """
    size = next(size for size in range(_GROUP, 0, -1) if len(features) % size == 0)
    # images B / size apart form a group, as published
    groups = features.unflatten(0, (size, -1))  # (G, B / G, C, H, W)
    deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(size)[:, None, None, None].expand(-1, 1, *features.shape[2:])


class ResidualBlock(nn.Module):
    """Two convolutions beside a short cut, at half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = scaled_conv(inputs, inputs, 3, padding=1)
        self.second = scaled_conv(inputs, outputs, 3, stride=2)
        self.short_cut = scaled_conv(inputs, outputs, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Maps `(B, I, H, W)` to `(B, O, H / 2, W / 2)`."""
        result = activate(self.second(blur(activate(self.first(features)), 2, 2)))
        # a 1x1 convolution may as well come after every second pixel is left out
        return (result + self.short_cut(blur(features, 1, 1, stride=2))) / math.sqrt(2.0)


class StyleGan2Discriminator(Discriminator):
    """Scores whole images.

    Args:
        regions: K, of the masks it looks at; 0 for none.
        image_size: px, a power of two.
        channel_base: see `channels_at`.
        channel_max: likewise.
    """

    compares_images = True

    def __init__(self, *, regions: int, image_size: int, channel_base: int, channel_max: int) -> None:
        super().__init__()
        self.regions = regions
        sizes = level_sizes(image_size)[::-1]
        widths = [channels_at(size, channel_base, channel_max) for size in sizes]
        self.enter = scaled_conv(3 + regions, widths[0], 1)
        self.blocks = nn.ModuleList(ResidualBlock(wide, deep) for wide, deep in pairwise(widths))
        self.last = scaled_conv(widths[-1] + 1, widths[-1], 3, padding=1)
        self.hidden = scaled_linear(widths[-1] * sizes[-1] ** 2, widths[-1])
        self.score = scaled_linear(widths[-1], 1)

    def forward(self, image: Tensor, masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores.

        Args:
            image: RGB, `(B, 3, H, W)`, in [-1, 1].
            masks: one-hot regions, `(B, K, H, W)`.

        Returns:
            Scores, `(B, 1)`, high for real, and the features of each block.
        """
        features = activate(self.enter(torch.cat((image, masks[:, : self.regions]), 1)))
        feature_maps = []
        for block in self.blocks:
            features = block(features)
            feature_maps.append(features)
        with full_precision(image.device):  # as published: the score hangs on small differences
            return self._score(features.float()), feature_maps

    def _score(self, features: Tensor) -> Tensor:
        features = activate(self.last(torch.cat((features, batch_deviation(features)), 1)))
        return self.score(activate(self.hidden(features.flatten(1))))
