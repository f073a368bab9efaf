"""Shared layers against independent formulas."""

import torch
import torch.nn.functional as F

from segtalker.nets.layers import RegionLinear, mask_pyramid, shrink
from segtalker.nets.tensors import one_hot
from segtalker.regions import NUM_REGIONS


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
