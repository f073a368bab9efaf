"""A generator that starts from a trained StyleGAN2, in the layout its PyTorch versions have in common.

`g_ema` holds the averaged generator: `input.input`, `conv1`, `convs.N`, `to_rgb1`, `to_rgbs.N`, `noises.noise_N` and
the mapping network `style.N`. Weights are kept there without the factor they are used with (arXiv 1710.10196, 4.1);
here they are kept as they are used. The mapping network names no region: of it the mean style is taken, the mean face,
at which every region's own mapping starts.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.nets.external.state_dicts import load_published
from segtalker.nets.layers import activate
from segtalker.nets.stylegan2_generator import RgbLayer, StyleConv, StyledLayer, StyleGan2Generator

_MAPPING_LAYERS = 8
_MAPPING_RATE = 0.01  # with which its weights and biases are used
_DRAWS, _SEED = 4096, 0


class Published(NamedTuple):
    """A tensor of the file and where it goes.

    Args:
        name: in the file.
        shape: there.
        target: of the generator; as many values.
        factor: they are used with.
    """

    name: str
    shape: tuple[int, ...]
    target: Tensor
    factor: float


def _convolution(name: str, layer: StyleConv) -> Iterator[Published]:
    weight, modulation = layer.weight, layer.modulation
    yield Published(f"{name}.weight", (1, *weight.shape), weight, 1.0 / math.sqrt(weight[0].numel()))
    factor = 1.0 / math.sqrt(modulation.in_features)
    yield Published(f"{name}.modulation.weight", tuple(modulation.weight.shape), modulation.weight, factor)
    yield Published(f"{name}.modulation.bias", tuple(modulation.bias.shape), modulation.bias, 1.0)


def _styled(name: str, layer: StyledLayer) -> Iterator[Published]:
    yield from _convolution(f"{name}.conv", layer.convolution)
    yield Published(f"{name}.noise.weight", (1,), layer.noise_strength, 1.0)
    yield Published(f"{name}.activate.bias", tuple(layer.bias.shape), layer.bias, 1.0)


def _rgb(name: str, layer: RgbLayer) -> Iterator[Published]:
    yield from _convolution(f"{name}.conv", layer.convolution)
    yield Published(f"{name}.bias", (1, len(layer.bias), 1, 1), layer.bias, 1.0)


def published_tensors(generator: StyleGan2Generator) -> Iterator[Published]:
    """Every tensor of the synthesis network, in the order in which the file has them."""
    yield Published("input.input", tuple(generator.start.shape), generator.start, 1.0)
    for number, styled in enumerate(generator.styled):
        yield from _styled(f"convs.{number - 1}" if number else "conv1", styled)  # type: ignore[arg-type]
    for number, layer in enumerate(generator.to_rgb):
        yield from _rgb(f"to_rgbs.{number - 1}" if number else "to_rgb1", layer)  # type: ignore[arg-type]
    for number in range(len(generator.styled)):
        noise = generator.get_buffer(f"noise_{number}")
        yield Published(f"noises.noise_{number}", tuple(noise.shape), noise, 1.0)


def _mapping_names(style: int) -> dict[str, Tensor]:
    shapes = {"weight": (style, style), "bias": (style,)}
    return {
        f"style.{layer}.{name}": torch.empty(shape)
        for layer in range(1, _MAPPING_LAYERS + 1)
        for name, shape in shapes.items()
    }


def mean_style(tensors: dict[str, Tensor], style: int) -> Tensor:
    """The mean of many styles of the mapping network, `(S,)`; the same each time.

    Args:
        tensors: of the file, `style.1.weight` and so on.
        style: S.
    """
    draws = torch.randn(_DRAWS, style, generator=torch.Generator().manual_seed(_SEED))
    features = draws * torch.rsqrt(draws.square().mean(1, keepdim=True) + 1e-8)
    for layer in range(1, _MAPPING_LAYERS + 1):
        weight, bias = tensors[f"style.{layer}.weight"], tensors[f"style.{layer}.bias"]
        factor = _MAPPING_RATE / math.sqrt(style)
        features = activate(F.linear(features, weight * factor, bias * _MAPPING_RATE))
    return features.mean(0)


@torch.no_grad()
def start_from_stylegan2(generator: StyleGan2Generator, path: Path) -> None:
    """Gives a generator the weights of a trained StyleGAN2.

    Args:
        generator: untrained, of the file's size and widths.
        path: the file; read with `weights_only=True`.

    Raises:
        MissingWeightsError: there is no such file.
        BadInputError: it is damaged, or a tensor is missing or of another shape, the first is named; or it is of a
            larger size.
    """
    wanted = list(published_tensors(generator))
    names = {item.name: torch.empty(item.shape) for item in wanted} | _mapping_names(generator.style)
    size = generator.sizes[-1]
    what = f"the weights of a StyleGAN2 generator of {size} px"
    tensors = load_published(path, names, what, absent=f"to_rgbs.{len(generator.to_rgb) - 1}.bias")
    for item in wanted:
        item.target.copy_(tensors[item.name].view_as(item.target) * item.factor)
    style = mean_style(tensors, generator.style)
    generator.heads.weight.zero_()  # what a region adds to the mean is learnt
    generator.heads.bias.copy_(style.repeat(generator.heads.bias.shape[2] // len(style)))
