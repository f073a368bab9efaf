"""The equalised learning rate against a network that is reparametrised as published."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flows.stages.train_sgi import sgi_nets
from lightning_modules.equalised import SCALE_KEY, equalise, equalised_groups
from segtalker.config.experiment import compose
from segtalker.nets.layers import RegionLinear
from segtalker.nets.region_convolution import RegionModulatedConv
from segtalker.nets.stylegan2_discriminator import StyleGan2Discriminator

ROOT = Path(__file__).parents[3]


def _descend(parameters: list, loss: Callable[[], Tensor], steps: int) -> None:
    optimizer = torch.optim.Adam(parameters, lr=1e-2, betas=(0.0, 0.99), eps=1e-3)
    equalise(optimizer)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def test_weights_move_as_those_that_are_multiplied_where_they_are_used() -> None:
    """`F.conv2d(x, c * v)` with Adam on v, the published way, against the layer itself."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(8 * 16, 2)).double()
    scales = 1 / math.sqrt(27), 1 / math.sqrt(128)
    raw = [(net[index].weight.detach() / scale).requires_grad_() for index, scale in zip((0, 3), scales, strict=True)]
    biases = [net[index].bias.detach().clone().requires_grad_() for index in (0, 3)]
    images, target = torch.randn(4, 3, 6, 6).double(), torch.randn(4, 2).double()

    def published() -> Tensor:
        features = F.leaky_relu(F.conv2d(images, raw[0] * scales[0], biases[0]), 0.2).flatten(1)
        return F.mse_loss(F.linear(features, raw[1] * scales[1], biases[1]), target)

    _descend([*raw, *biases], published, steps=20)
    _descend(equalised_groups(net), lambda: F.mse_loss(net(images), target), steps=20)
    torch.testing.assert_close(net[0].weight.detach(), raw[0].detach() * scales[0])
    torch.testing.assert_close(net[3].weight.detach(), raw[1].detach() * scales[1])
    torch.testing.assert_close(net[3].bias.detach(), biases[1].detach())


def test_every_parameter_is_in_one_group_by_its_inputs() -> None:
    net = nn.ModuleDict(
        {
            "region": RegionLinear(3, 16, 4),
            "modulated": RegionModulatedConv(5, 7, 9, kernel=3, demodulate=True),
            "norm": nn.BatchNorm2d(4),
        }
    )
    groups = equalised_groups(net)
    inputs_of = {id(values): round(group[SCALE_KEY] ** -2) for group in groups for values in group["params"]}
    assert len(inputs_of) == sum(len(group["params"]) for group in groups) == len(list(net.parameters()))
    assert inputs_of[id(net["region"].weight)] == 16
    assert inputs_of[id(net["modulated"].weight)] == 45
    assert inputs_of[id(net["modulated"].scale.weight)] == 9
    assert inputs_of[id(net["norm"].weight)] == inputs_of[id(net["region"].bias)] == 1


@pytest.mark.parametrize("generator", ["mask_guided", "stylegan2"])
def test_every_layer_of_the_renderer_counts_its_inputs(generator: str) -> None:
    _, params = compose(ROOT, "demo", ["train_sgi.code.texture=0", f"train_sgi.generator.kind={generator}"])
    for net in (*sgi_nets(params), StyleGan2Discriminator(regions=12, image_size=64, channel_base=512, channel_max=16)):
        scales = {id(values): group[SCALE_KEY] for group in equalised_groups(net) for values in group["params"]}
        weights = {
            name: values for name, values in net.named_parameters() if name.endswith(".weight") and values.dim() > 1
        }
        assert weights
        assert {name for name, values in weights.items() if scales[id(values)] == 1.0} == set()


def test_other_optimisers_are_left_alone() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.5)
    equalise(optimizer)
    assert optimizer.param_groups[0]["lr"] == 0.5
