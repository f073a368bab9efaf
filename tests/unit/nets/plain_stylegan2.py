"""StyleGAN2's generator written out plainly from the paper's equations, on the tensors of a published file.

One image at a time, its weights modulated and demodulated themselves (arXiv 1912.04958, equations 1 and 3); the filter
as a sum over shifted images. Shares no code with the generator it is compared to.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor


def _leaky(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, 0.2 * values) * math.sqrt(2)


def _filtered(values: Tensor, before: int, after: int) -> Tensor:
    """The filter [1, 3, 3, 1] / 4 each way, which doubles the sum each way: for images with zeros in between."""
    padded = F.pad(values, (before, after, before, after))
    height, width = padded.shape[2] - 3, padded.shape[3] - 3
    taps = [0.25, 0.75, 0.75, 0.25]
    return sum(
        taps[row] * taps[column] * padded[:, :, row : row + height, column : column + width]
        for row in range(4)
        for column in range(4)
    )


def _with_zeros(values: Tensor) -> Tensor:
    larger = values.new_zeros(*values.shape[:2], 2 * values.shape[2], 2 * values.shape[3])
    larger[:, :, ::2, ::2] = values
    return larger


class PlainStyleGan2:
    """Args: tensors: of the file, by name; size: px."""

    def __init__(self, tensors: dict[str, Tensor], size: int) -> None:
        self.tensors = tensors
        self.levels = int(math.log2(size)) - 1

    def _weight(self, name: str, style: Tensor, demodulate: bool) -> Tensor:
        weight = self.tensors[f"{name}.conv.weight"][0]
        weight = weight / math.sqrt(weight[0].numel())
        linear = self.tensors[f"{name}.conv.modulation.weight"] / math.sqrt(len(style))
        weight = weight * (linear @ style + self.tensors[f"{name}.conv.modulation.bias"])[None, :, None, None]
        if demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        return weight

    def _layer(self, name: str, noise: int, features: Tensor, style: Tensor, enlarge: bool) -> Tensor:
        weight = self._weight(name, style, demodulate=True)
        if enlarge:
            # a transposed convolution is a convolution with the mirrored kernel on an image with zeros in between
            stretched = _with_zeros(features)[:, :, :-1, :-1]
            features = _filtered(F.conv2d(F.pad(stretched, (2,) * 4), weight.flip(2, 3)), 1, 1)
        else:
            features = F.conv2d(features, weight, padding=1)
        noise_image = self.tensors[f"noises.noise_{noise}"] * self.tensors[f"{name}.noise.weight"]
        return _leaky(features + noise_image + self.tensors[f"{name}.activate.bias"][:, None, None])

    def _rgb(self, name: str, features: Tensor, style: Tensor) -> Tensor:
        return F.conv2d(features, self._weight(name, style, demodulate=False)) + self.tensors[f"{name}.bias"]

    def image(self, styles: Tensor) -> Tensor:
        """Styles of the layers, `(L, S)`, to an image, `(1, 3, size, size)`."""
        features = self._layer("conv1", 0, self.tensors["input.input"], styles[0], enlarge=False)
        image = self._rgb("to_rgb1", features, styles[1])
        for level in range(1, self.levels):
            first = 2 * level - 1
            features = self._layer(f"convs.{first - 1}", first, features, styles[first], enlarge=True)
            features = self._layer(f"convs.{first}", first + 1, features, styles[first + 1], enlarge=False)
            rgb = self._rgb(f"to_rgbs.{level - 1}", features, styles[first + 2])
            image = rgb + _filtered(_with_zeros(image), 2, 1)
        return image

    def style(self, draw: Tensor) -> Tensor:
        """The mapping network: `(S,)` to `(S,)`."""
        features = draw / (draw.square().mean() + 1e-8).sqrt()
        for layer in range(1, 9):
            weight = self.tensors[f"style.{layer}.weight"] / math.sqrt(len(draw)) * 0.01
            features = _leaky(weight @ features + self.tensors[f"style.{layer}.bias"] * 0.01)
        return features


def random_file(size: int, widths: dict[int, int], style: int) -> dict[str, Tensor]:
    """A file as published versions write it, with random values."""
    torch.manual_seed(5)
    tensors: dict[str, Tensor] = {}
    for layer in range(1, 9):
        tensors[f"style.{layer}.weight"] = torch.randn(style, style) / 0.01
        tensors[f"style.{layer}.bias"] = torch.randn(style)
    tensors["input.input"] = torch.randn(1, widths[4], 4, 4)

    def convolution(name: str, inputs: int, outputs: int, kernel: int) -> None:
        tensors[f"{name}.conv.weight"] = torch.randn(1, outputs, inputs, kernel, kernel)
        tensors[f"{name}.conv.modulation.weight"] = torch.randn(inputs, style)
        tensors[f"{name}.conv.modulation.bias"] = 1.0 + 0.1 * torch.randn(inputs)

    def layer(name: str, inputs: int, outputs: int) -> None:
        convolution(name, inputs, outputs, 3)
        tensors[f"{name}.noise.weight"] = torch.randn(1)
        tensors[f"{name}.activate.bias"] = torch.randn(outputs)

    def rgb(name: str, inputs: int) -> None:
        convolution(name, inputs, 3, 1)
        tensors[f"{name}.bias"] = torch.randn(1, 3, 1, 1)

    layer("conv1", widths[4], widths[4])
    rgb("to_rgb1", widths[4])
    sizes = sorted(widths)
    for number, (below, above) in enumerate(pairwise(sizes)):
        layer(f"convs.{2 * number}", widths[below], widths[above])
        layer(f"convs.{2 * number + 1}", widths[above], widths[above])
        tensors[f"convs.{2 * number}.conv.blur.kernel"] = torch.ones(4, 4)  # in the file, of no use
        rgb(f"to_rgbs.{number}", widths[above])
    for number in range(2 * len(sizes) - 1):
        side = sizes[(number + 1) // 2]
        tensors[f"noises.noise_{number}"] = torch.randn(1, 1, side, side)
    return tensors
