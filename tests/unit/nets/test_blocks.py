"""Convolutions that experts and segmenter share."""

import pytest
import torch

from segtalker.nets.blocks import ResidualConv, conv_norm


def test_a_residual_block_that_adds_nothing_is_its_input_but_for_the_relu() -> None:
    block = ResidualConv(3).eval()
    torch.nn.init.zeros_(block.conv.weight)
    features = torch.randn(2, 3, 5, 7)
    assert torch.equal(block(features), features.relu())


@pytest.mark.parametrize(("stride", "size"), [(1, (9, 12)), (2, (5, 6)), ((2, 1), (5, 12))])
def test_strides_round_sizes_up(stride: int | tuple[int, int], size: tuple[int, int]) -> None:
    features = conv_norm(3, 4, stride).eval()(torch.randn(1, 3, 9, 12))
    assert features.shape == (1, 4, *size)
    assert features.min() >= 0
