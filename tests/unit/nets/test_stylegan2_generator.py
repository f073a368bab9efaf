"""StyleGAN2's generator with a style for each region."""

import pytest
import torch
from torch import Tensor

from segtalker.nets.layers import mask_pyramid
from segtalker.nets.stylegan2_generator import StyledLayer, StyleGan2Generator
from segtalker.nets.tensors import best_regions, one_hot
from segtalker.regions import NUM_REGIONS, REGION_INDEX

from .test_stylegan2_weights import SIDE, STYLE, make_stylegan2

HAIR = REGION_INDEX["hair"]


def _masks(seed: int, batch: int = 2) -> Tensor:
    """Quilts of 4 px patches and single pixels."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, NUM_REGIONS, (batch, SIDE // 4, SIDE // 4), generator=draw)
    labels = labels.repeat_interleave(4, 1).repeat_interleave(4, 2)
    labels[:, ::5, ::7] = HAIR
    return one_hot(labels)


def _pass_a_region(layer: StyledLayer, features: Tensor, styles: Tensor, labels: Tensor, noise: Tensor) -> Tensor:
    """As E4S does: the layer once for each region with that region's style everywhere, each pixel from its own."""
    generator = make_stylegan2()
    result = None
    for region in range(NUM_REGIONS):
        everywhere = torch.zeros(len(labels), NUM_REGIONS, SIDE, SIDE)
        everywhere[:, region] = 1.0
        grids = {grid.masks.shape[2]: grid for grid in generator._grids(everywhere) if grid.masks.shape[2] > 1}
        image = layer(features, styles, grids[labels.shape[1]], noise)
        result = torch.zeros_like(image) if result is None else result
        result = torch.where((labels == region)[:, None], image, result)
    return result


@pytest.mark.parametrize("enlarges", [True, False])
def test_exact_borders_are_a_pass_a_region_in_values_and_gradients(enlarges: bool) -> None:
    torch.manual_seed(0)
    layer, generator = StyledLayer(5, 7, STYLE, enlarges), make_stylegan2()
    torch.nn.init.normal_(layer.noise_strength)
    masks, styles = _masks(1), torch.randn(2, NUM_REGIONS, STYLE, requires_grad=True)
    features = torch.randn(2, 5, 8, 8, requires_grad=True)
    size = 16 if enlarges else 8
    grid = next(grid for grid in generator._grids(masks) if grid.masks.shape[2] == size)
    labels, noise = best_regions(mask_pyramid(masks, [16, 8])[size]).long(), torch.randn(1, 1, size, size)
    weights = torch.randn(2, 7, size, size)
    exact = layer(features, styles, grid, noise)
    expected = _pass_a_region(layer, features, styles, labels, noise)
    torch.testing.assert_close(exact, expected, rtol=1e-4, atol=1e-5)
    inputs = [features, styles, *layer.parameters()]
    pairs = zip(*(torch.autograd.grad((image * weights).sum(), inputs) for image in (exact, expected)), strict=True)
    for gradient, true_gradient in pairs:
        torch.testing.assert_close(gradient, true_gradient, rtol=1e-3, atol=1e-4)
    blended = layer(features, styles, grid._replace(crossings=None, enlarged_crossings=None), noise)
    assert not torch.allclose(blended, expected, atol=1e-2)


def test_swapping_a_row_changes_that_region_most() -> None:
    generator, masks = make_stylegan2(), torch.zeros(1, NUM_REGIONS, SIDE, SIDE)
    masks[:, 0, :, : SIDE // 2], masks[:, HAIR, :, SIDE // 2 :] = 1.0, 1.0
    codes = torch.randn(1, NUM_REGIONS, STYLE)
    swapped = codes.clone()
    swapped[:, HAIR] = torch.randn(STYLE)
    change = (generator(masks, swapped) - generator(masks, codes)).abs().mean(1)[0]
    assert change[masks[0, HAIR] == 1].mean() > 2 * change[masks[0, HAIR] == 0].mean()


@pytest.mark.parametrize("per_layer", [True, False])
def test_layers_have_a_style_each_by_choice(per_layer: bool) -> None:
    generator = make_stylegan2(per_layer=per_layer)
    assert generator.layers == 2 * 4  # StyleGAN2's 2 log2(32) - 2
    assert generator.layer_styles(torch.randn(2, NUM_REGIONS, STYLE)).shape == (
        2, NUM_REGIONS, 8 if per_layer else 1, STYLE,
    )  # fmt: skip


def test_painting_is_a_function_of_mask_and_codes() -> None:
    generator, masks, codes = make_stylegan2(), _masks(3), torch.randn(2, NUM_REGIONS, STYLE)
    together = generator(masks, codes)
    assert together.shape == (2, 3, SIDE, SIDE)
    torch.testing.assert_close(together[1:], generator(masks[1:], codes[1:]), rtol=1e-4, atol=1e-5)
    with pytest.raises(AssertionError, match="do not fit"):
        generator(masks, codes[..., 1:])


def test_the_published_size_builds() -> None:
    """Config F at 1024 px has 30.37 M parameters with its mapping network of 2.1 M (arXiv 1912.04958)."""
    with torch.device("meta"):
        generator = StyleGan2Generator(
            regions=NUM_REGIONS, image_size=1024, channel_base=32768, channel_max=512, masked_up_to=256, style=512,
            per_layer=True, mapping_layers=0, exact_borders=False,
        )  # fmt: skip
    synthesis = sum(weight.numel() for name, weight in generator.named_parameters() if not name.startswith("heads"))
    assert synthesis / 1e6 == pytest.approx(30.37 - 8 * (512 * 512 + 512) / 1e6, abs=0.05)
