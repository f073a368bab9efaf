"""StyleGAN2's discriminator against its equations, written out plainly."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.signal import convolve2d
from torch import Tensor

from segtalker.nets.resampling import blur, channels_at, enlarge, level_sizes
from segtalker.nets.stylegan2_discriminator import ResidualBlock, StyleGan2Discriminator, batch_deviation
from segtalker.regions import NUM_REGIONS

from .tiny_renderer import SIZE, quilts


def _discriminator(regions: int = NUM_REGIONS) -> StyleGan2Discriminator:
    torch.manual_seed(0)
    return StyleGan2Discriminator(regions=regions, image_size=SIZE, channel_base=256, channel_max=16)


def test_levels_and_widths_are_the_published_ones() -> None:
    assert level_sizes(512) == [4, 8, 16, 32, 64, 128, 256, 512]
    widths = {size: channels_at(size, 32768, 512) for size in level_sizes(1024)}
    assert widths == {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
    with torch.device("meta"):
        net = StyleGan2Discriminator(regions=0, image_size=1024, channel_base=32768, channel_max=512)
    # the published network has 28.98 M (arXiv 1912.04958's config F, FFHQ 1024)
    assert sum(weight.numel() for weight in net.parameters()) / 1e6 == pytest.approx(29.0, abs=0.1)


def test_blur_and_enlargement_are_convolutions_with_the_filter() -> None:
    values = torch.rand(1, 1, 6, 6, dtype=torch.float64)
    row = np.array([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = np.outer(row, row)
    padded = np.pad(values[0, 0].numpy(), ((2, 2), (2, 2)))
    np.testing.assert_allclose(blur(values, 2, 2)[0, 0].numpy(), convolve2d(padded, kernel, mode="valid"))
    spread = np.zeros((12, 12))
    spread[::2, ::2] = values[0, 0].numpy()
    expected = convolve2d(np.pad(spread, ((2, 1), (2, 1))), 4 * kernel, mode="valid")
    np.testing.assert_allclose(enlarge(values)[0, 0].numpy(), expected)


def _plain_block(block: ResidualBlock, features: Tensor) -> Tensor:
    """The equations, with every step at full size and every second pixel kept at the end."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8

    def plain_blur(values: Tensor, before: int) -> Tensor:
        kernel = (row[:, None] * row).expand(values.shape[1], 1, 4, 4)
        return F.conv2d(F.pad(values, (before,) * 4), kernel, groups=values.shape[1])

    def leaky(values: Tensor) -> Tensor:
        return torch.where(values > 0, values, 0.2 * values) * math.sqrt(2)

    first = leaky(F.conv2d(features, block.first.weight, block.first.bias, padding=1))
    second = leaky(F.conv2d(plain_blur(first, 2), block.second.weight, block.second.bias)[..., ::2, ::2])
    return (second + F.conv2d(plain_blur(features, 1), block.short_cut.weight)[..., ::2, ::2]) / math.sqrt(2)


def test_a_block_is_its_equations() -> None:
    torch.manual_seed(0)
    block, features = ResidualBlock(3, 5), torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(block(features), _plain_block(block, features), rtol=1e-5, atol=1e-6)
    assert block(features).shape == (2, 5, 8, 8)


def test_the_deviation_over_the_batch() -> None:
    features = torch.randn(8, 3, 4, 4, dtype=torch.float64)
    values = batch_deviation(features.float())
    for first in (0, 1):  # images 0, 2, 4, 6 and 1, 3, 5, 7
        group = features[first::2].numpy()
        np.testing.assert_allclose(values[first::2].numpy(), np.std(group, axis=0).mean(), rtol=1e-4)
    assert values.shape == (8, 1, 4, 4)
    assert batch_deviation(features[:1].float()).max() < 1e-3
    assert batch_deviation(features[:3].float()).min() > 0.1  # three are a group too
    assert batch_deviation(features[:1].expand(4, -1, -1, -1)).max() < 1e-3


def test_it_scores_images_beside_their_batch_and_masks() -> None:
    discriminator, image = _discriminator(), torch.rand(2, 3, SIZE, SIZE)
    scores, features = discriminator(image, quilts(1))
    assert scores.shape == (2, 1)
    assert [tuple(level.shape[1:]) for level in features] == [(8, 32, 32), (16, 16, 16), (16, 8, 8), (16, 4, 4)]
    assert not torch.allclose(scores, discriminator(image, quilts(2))[0])
    alone = torch.cat([discriminator(image[index : index + 1], quilts(1)[index : index + 1])[0] for index in (0, 1)])
    assert not torch.allclose(scores, alone, atol=1e-5)  # the others of its batch count
    blind = _discriminator(regions=0)
    torch.testing.assert_close(blind(image, quilts(1))[0], blind(image, quilts(2))[0])
