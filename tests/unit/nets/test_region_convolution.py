"""The region-modulated convolution against independent formulas."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.nets.region_convolution import (
    RegionGrid,
    RegionModulatedConv,
    exact_grid,
    find_crossings,
    spread,
)
from segtalker.nets.tensors import one_hot
from segtalker.regions import NUM_REGIONS

_ONE_STYLE = RegionGrid(torch.ones(1, 1, 1, 1, dtype=torch.float64))


def _stylegan2(layer: RegionModulatedConv, features: Tensor, style: Tensor) -> Tensor:
    """StyleGAN2 as published: modulate and demodulate the weights of each sample, then convolve.

    Args:
        features: `(B, I, H, W)`.
        style: `(B, S)`.
    """
    outputs = []
    for sample, row in zip(features, style, strict=True):
        weight = layer.weight * layer.scale(row)[None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        convolved = F.conv2d(sample[None], weight, padding=weight.shape[2] // 2)
        outputs.append(convolved + layer.shift(row)[None, :, None, None])
    return torch.cat(outputs)


@pytest.fixture
def layer() -> RegionModulatedConv:
    torch.manual_seed(0)
    return RegionModulatedConv(5, 7, style=6, kernel=3, demodulate=True)


def test_one_region_is_stylegan2(layer: RegionModulatedConv) -> None:
    features, styles = torch.randn(2, 5, 8, 8), torch.randn(2, 1, 6)
    expected = _stylegan2(layer, features, styles[:, 0])
    torch.testing.assert_close(layer(features, styles, RegionGrid(torch.ones(2, 1, 8, 8))), expected)
    torch.testing.assert_close(layer(features, styles, RegionGrid(torch.ones(2, 1, 1, 1))), expected)


def _per_region(layer: RegionModulatedConv, features: Tensor, styles: Tensor, masks: Tensor) -> Tensor:
    """E4S: a convolution once per region, the masked results summed."""
    outputs = [_stylegan2(layer, features, styles[:, k]) * masks[:, k : k + 1] for k in range(masks.shape[1])]
    return torch.stack(outputs).sum(0)


def _patchwork(batch: int, height: int, width: int) -> Tensor:
    """Regions in patches of 1 to 4 px and single pixels of others."""
    draw = torch.Generator().manual_seed(3)
    coarse = torch.randint(0, NUM_REGIONS, (batch, -(-height // 4), -(-width // 4)), generator=draw)
    labels = coarse.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, :height, :width]
    single = torch.rand(labels.shape, generator=draw) < 0.1
    return torch.where(single, torch.randint(0, NUM_REGIONS, labels.shape, generator=draw), labels)


def test_blended_borders_equal_a_convolution_per_region_inside_regions_alone(layer: RegionModulatedConv) -> None:
    features, styles = torch.randn(1, 5, 8, 12), torch.randn(1, 3, 6)
    masks = torch.zeros(1, 3, 8, 12)
    for region in range(3):
        masks[:, region, :, 4 * region : 4 * region + 4] = 1
    expected, blended = _per_region(layer, features, styles, masks), layer(features, styles, RegionGrid(masks))
    inner = [1, 2, 5, 6, 9, 10]
    torch.testing.assert_close(blended[..., inner], expected[..., inner])
    assert not torch.allclose(blended[..., 4], expected[..., 4])


@pytest.mark.parametrize(("demodulate", "kernel"), [(True, 3), (False, 3), (False, 1)])
def test_exact_borders_equal_a_convolution_per_region(demodulate: bool, kernel: int) -> None:
    """Values, and gradients of features, styles and weights."""
    torch.manual_seed(0)
    layer = RegionModulatedConv(5, 7, style=6, kernel=kernel, demodulate=demodulate).double()
    features = torch.randn(2, 5, 11, 14, dtype=torch.float64, requires_grad=True)
    styles = torch.randn(2, NUM_REGIONS, 6, dtype=torch.float64, requires_grad=True)
    masks = one_hot(_patchwork(2, 11, 14)).double()
    if demodulate:
        expected = _per_region(layer, features, styles, masks)
    else:
        plain = [layer(features, styles[:, k : k + 1], _ONE_STYLE) * masks[:, k : k + 1] for k in range(NUM_REGIONS)]
        expected = torch.stack(plain).sum(0)
    result = layer(features, styles, exact_grid(masks))
    torch.testing.assert_close(result, expected)
    inputs = [features, styles, *layer.parameters()]
    weighting = torch.randn_like(expected)
    gradients = [torch.autograd.grad((output * weighting).sum(), inputs) for output in (result, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_mask_of_one_region_has_no_crossings() -> None:
    assert sum(find_crossings(torch.ones(2, 6, 6, dtype=torch.uint8), NUM_REGIONS).counts) == 0


def test_shared_pixels_go_to_the_region_with_most_of_them() -> None:
    shares = torch.tensor([0.2, 0.5, 0.3]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    assert torch.equal(exact_grid(shares).masks.argmax(1), torch.ones(1, 4, 4, dtype=torch.int64))


def test_spread_gives_each_pixel_its_regions_row() -> None:
    labels = torch.randint(0, 4, (2, 5, 6))
    values = torch.randn(2, 4, 3)
    spread_out = spread(values, F.one_hot(labels, 4).movedim(-1, 1).float())
    assert torch.equal(spread_out[1, :, 2, 3], values[1, labels[1, 2, 3]])


def test_the_benchmark_shows_what_exact_borders_cost() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SEGTALKER_REAL_DATA"}
    size = ["--sizes", "16", "--channels", "4", "--batch", "1", "--turns", "1", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.region_convolution", *size],
        cwd=Path(__file__).parents[3], env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = {row[4].strip(): row for line in done.stdout.splitlines() if len(row := line.split("|")) > 6}
    assert float(rows["exact"][7]) < 1e-5 < 0.01 < float(rows["blended"][7])
    assert float(rows["plain"][5]) == 1.0
