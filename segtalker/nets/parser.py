"""Face parser: a small U-Net (arXiv 1505.04597) that names the region of every pixel.

What differs: the image enters as 2x2 pixel blocks and the scores leave as such, so no convolution runs at full size;
batch normalisation; a globally pooled context is added at the bottom.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from segtalker.nets.network import Network
from segtalker.nets.tensors import pixel_shuffle, pixel_unshuffle

_BLOCK = 2  # px, side of the pixel blocks


def _convolutions(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each normalised and rectified."""
    layers: list[nn.Module] = []
    for width in (inputs, outputs):
        layers += [nn.Conv2d(width, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class FaceParser(Network):
    """Image to region scores.

    Args:
        channels: width at half size; deeper levels multiply it.
        multipliers: width factor of each level, from half size down.
        regions: K.
    """

    kind = "face_parser"

    def __init__(self, *, channels: int, multipliers: Sequence[int], regions: int) -> None:
        super().__init__()
        widths = [channels * factor for factor in multipliers]
        self.stride = _BLOCK * 2 ** (len(widths) - 1)
        inputs = [3 * _BLOCK**2, *widths[:-1]]
        self.down = nn.ModuleList(_convolutions(*pair) for pair in zip(inputs, widths, strict=True))
        self.context = nn.Linear(widths[-1], widths[-1])
        self.up = nn.ModuleList(
            _convolutions(deep + skip, skip) for deep, skip in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], regions * _BLOCK**2, 3, padding=1)

    def folded(self) -> "FaceParser":
        """This network for use alone: normalisations are folded into the convolutions before them."""
        self.eval()
        for block in [*self.down, *self.up]:
            assert isinstance(block, nn.Sequential)
            for index, layer in enumerate(block):
                if isinstance(layer, nn.BatchNorm2d):
                    convolution = block[index - 1]
                    assert isinstance(convolution, nn.Conv2d)
                    block[index - 1], block[index] = fuse_conv_bn_eval(convolution, layer), nn.Identity()
        return self

    def features(self, image: Tensor) -> list[Tensor]:
        """Features of each level on the way down, for the parsing-feature loss and for `forward`.

        Args:
            image: RGB, `(B, 3, H, W)`, float in [-1, 1]; H and W multiples of `stride`.

        Returns:
            `(B, C, H / 2^l, W / 2^l)` for the levels l = 1, 2, ...
        """
        _, depth, height, width = image.shape
        assert depth == 3, f"expected (B, 3, H, W), got {tuple(image.shape)}"
        assert height % self.stride == width % self.stride == 0, f"sides are not multiples of {self.stride}"
        level = pixel_unshuffle(image, _BLOCK)
        levels: list[Tensor] = []
        for block in self.down:
            level = block(F.max_pool2d(level, 2) if levels else level)
            levels.append(level)
        return levels

    def forward(self, image: Tensor) -> Tensor:
        """Scores every region at every pixel.

        Args:
            image: see `features`.

        Returns:
            Logits, `(B, K, H, W)`.
        """
        *skips, deep = self.features(image)
        deep = deep + self.context(deep.mean((2, 3)))[:, :, None, None]
        for block, skip in zip(self.up, reversed(skips), strict=True):
            deep = block(torch.cat((F.interpolate(deep, scale_factor=2.0, mode="nearest"), skip), 1))
        return pixel_shuffle(self.head(deep), _BLOCK)
