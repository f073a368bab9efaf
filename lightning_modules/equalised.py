"""The equalised learning rate (arXiv 1710.10196, 4.1), as StyleGAN2 has it, by the optimiser.

There a weight is kept as w / c, c one over the square root of its inputs, and multiplied by c where it is used, so that
Adam, which makes steps of one length, moves each weight in proportion to its size. Adam moves w the same way at the
rate times c with its epsilon over c, and networks, checkpoints and averages stay as they are.
"""

import math
from collections import defaultdict
from typing import Any

import torch
from torch import nn

from segtalker.nets.layers import RegionLinear
from segtalker.nets.region_convolution import RegionModulatedConv
from segtalker.nets.stylegan2_generator import StyleConv

SCALE_KEY = "equalised_scale"
_WEIGHED = (nn.Conv2d, nn.Linear, RegionModulatedConv, StyleConv)


def _inputs(layer: nn.Module) -> int:
    """How many products are summed up for one output; 1 where nothing is known of it."""
    weight = dict(layer.named_parameters(recurse=False)).get("weight")
    if weight is None:
        return 1
    if isinstance(layer, RegionLinear):
        return weight.shape[1]
    return weight[0].numel() if isinstance(layer, _WEIGHED) else 1


def equalised_groups(net: nn.Module) -> list[dict[str, Any]]:
    """The parameters of a network by how large their weights are, for an optimiser to be built with.

    Biases and what is no layer's weight are of size one.
    """
    groups: dict[int, list[nn.Parameter]] = defaultdict(list)
    for layer in net.modules():
        for name, values in layer.named_parameters(recurse=False):
            groups[_inputs(layer) if name == "weight" else 1].append(values)
    return [{"params": groups[inputs], SCALE_KEY: 1.0 / math.sqrt(inputs)} for inputs in sorted(groups)]


def equalise(optimizer: torch.optim.Optimizer) -> None:
    """Scales rate and epsilon of an Adam built with `equalised_groups`; leaves any other optimiser alone."""
    for group in optimizer.param_groups:
        if scale := group.get(SCALE_KEY):
            group["lr"], group["eps"] = group["lr"] * scale, group["eps"] / scale
