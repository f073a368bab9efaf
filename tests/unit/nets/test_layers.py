"""The region-modulated convolution against independent formulas."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.nets.layers import RegionLinear, RegionModulatedConv, mask_pyramid, shrink, spread
from segtalker.nets.tensors import one_hot
from segtalker.regions import NUM_REGIONS


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
    torch.testing.assert_close(layer(features, styles, torch.ones(2, 1, 8, 8)), expected)
    torch.testing.assert_close(layer(features, styles, torch.ones(2, 1, 1, 1)), expected)


def test_inside_regions_it_equals_a_convolution_per_region(layer: RegionModulatedConv) -> None:
    """E4S convolves once per region and sums the masked results; one pixel off the border ours is the same."""
    features, styles = torch.randn(1, 5, 8, 12), torch.randn(1, 3, 6)
    masks = torch.zeros(1, 3, 8, 12)
    for region in range(3):
        masks[:, region, :, 4 * region : 4 * region + 4] = 1
    summed = sum(_stylegan2(layer, features, styles[:, k]) * masks[:, k : k + 1] for k in range(3))
    inner = [1, 2, 5, 6, 9, 10]
    torch.testing.assert_close(layer(features, styles, masks)[..., inner], summed[..., inner])
    assert not torch.allclose(layer(features, styles, masks)[..., 4], summed[..., 4])


def test_spread_gives_each_pixel_its_regions_row() -> None:
    labels = torch.randint(0, 4, (2, 5, 6))
    values = torch.randn(2, 4, 3)
    spread_out = spread(values, F.one_hot(labels, 4).movedim(-1, 1).float())
    assert torch.equal(spread_out[1, :, 2, 3], values[1, labels[1, 2, 3]])


def test_region_linear_keeps_regions_apart() -> None:
    layer = RegionLinear(3, 4, 2)
    rows = torch.randn(2, 3, 4)
    changed = rows.clone()
    changed[:, 1] += 1
    before, after = layer(rows), layer(changed)
    assert torch.equal(before[:, [0, 2]], after[:, [0, 2]])
    torch.testing.assert_close(before[1, 2], rows[1, 2] @ layer.weight[2] + layer.bias[2, 0])


def test_resized_masks_still_share_every_pixel_out() -> None:
    masks = F.one_hot(torch.randint(0, 12, (2, 16, 16)), 12).movedim(-1, 1).float()
    torch.testing.assert_close(shrink(masks, 4).sum(1), torch.ones(2, 4, 4))
    assert shrink(masks, 16) is masks


def test_a_pyramid_of_hard_masks_holds_what_each_size_alone_gives() -> None:
    masks = one_hot(torch.randint(0, NUM_REGIONS, (2, 64, 64), generator=torch.Generator().manual_seed(0)))
    pyramid = mask_pyramid(masks, {8, 64, 32})
    assert sorted(pyramid) == [8, 32, 64]
    for size, shares in pyramid.items():
        assert torch.equal(shares, shrink(masks, size))
