"""The generator: what it promises of mask and codes."""

import pytest
import torch
import torch.nn.functional as F
from tiny_encoder import make_encoder

from segtalker.nets.encoder import MaskGuidedEncoder, code_size
from segtalker.nets.generator import LayeredGenerator, MaskGuidedGenerator
from segtalker.nets.region_texture import soften_edges
from segtalker.regions import NUM_REGIONS

from .tiny_renderer import HAIR, SIZE, STYLE, make_generator, quilts


def test_swapping_a_row_changes_that_region_most() -> None:
    generator, masks = make_generator(), quilts(2, batch=1)
    codes = torch.randn(1, NUM_REGIONS, generator.code)
    swapped = codes.clone()
    swapped[:, HAIR] = torch.randn(generator.code)
    change = (generator(masks, swapped) - generator(masks, codes)).abs().mean(1)[0]
    inside = change[masks[0, HAIR] == 1].mean()
    assert inside > 2 * change[masks[0, HAIR] == 0].mean()
    far = F.max_pool2d(masks[:, HAIR : HAIR + 1], 33, stride=1, padding=16)[0, 0] == 0
    assert far.any()
    assert change[far].mean() < 0.05 * inside


def test_painting_is_a_function_of_mask_and_codes() -> None:
    generator = make_generator()
    masks, codes = quilts(3), torch.randn(2, NUM_REGIONS, generator.code)
    together = generator(masks, codes)
    assert together.shape == (2, 3, SIZE, SIZE)
    assert torch.equal(together, generator(masks, codes))
    torch.testing.assert_close(together[1:], generator(masks[1:], codes[1:]))


def _bare(generator: MaskGuidedGenerator) -> MaskGuidedGenerator:
    """A generator that adds nothing and keeps all detail."""
    torch.nn.init.constant_(generator.keep.shift.bias, 30.0)
    for level in generator.levels:
        torch.nn.init.zeros_(level.to_rgb.weight)
    return generator


@pytest.mark.parametrize("soft_edges", [False, True])
def test_a_generator_that_adds_nothing_and_keeps_all_detail_paints_the_textures(soft_edges: bool) -> None:
    generator = _bare(make_generator(soft_edges=soft_edges))
    codes = torch.zeros(1, NUM_REGIONS, generator.code)
    codes[:, HAIR, STYLE:] = 0.5
    masks = quilts(4, batch=1)
    hard = 0.5 * masks[:, HAIR : HAIR + 1].expand(-1, 3, -1, -1)
    expected = soften_edges(hard, masks.argmax(1)) if soft_edges else hard
    torch.testing.assert_close(generator(masks, codes).detach(), expected)


def test_layers_above_the_masked_ones_take_one_style_for_the_image() -> None:
    generator = make_generator(masked_up_to=16)
    calls: list[tuple[int, ...]] = []
    generator.levels[2].first.convolution.register_forward_pre_hook(lambda _, args: calls.append(args[1].shape))
    generator.levels[1].first.convolution.register_forward_pre_hook(lambda _, args: calls.append(args[1].shape))
    generator(quilts(3), torch.randn(2, NUM_REGIONS, generator.code))
    assert calls == [(2, NUM_REGIONS, STYLE), (2, 1, STYLE)]


def test_exact_borders_are_those_of_masked_levels_alone() -> None:
    generator = make_generator(masked_up_to=16, exact_borders=True)
    crossings: list[bool] = []
    for level in generator.levels:
        level.second.convolution.register_forward_pre_hook(
            lambda _, args: crossings.append(args[2].crossings is not None)
        )
    exact = generator(quilts(3), codes := torch.randn(2, NUM_REGIONS, generator.code))
    assert crossings == [True, True, False]
    assert not torch.allclose(exact, make_generator(masked_up_to=16)(quilts(3), codes))


@pytest.mark.parametrize("layered", [False, True])
def test_without_textures_styles_alone_are_painted(layered: bool) -> None:
    generator = make_generator(kind=LayeredGenerator if layered else MaskGuidedGenerator, texture=0)
    masks, codes = quilts(2, batch=1), torch.randn(1, NUM_REGIONS, STYLE)
    assert generator.code == STYLE
    assert not hasattr(generator, "keep")
    image = generator(masks, codes)
    assert image.shape == (1, 3, SIZE, SIZE)
    changed = codes.clone()
    changed[:, HAIR] += 1.0
    change = (generator(masks, changed) - image).abs().mean(1)[0]
    assert change[masks[0, HAIR] == 1].mean() > 2 * change[masks[0, HAIR] == 0].mean()
    for level in generator.levels:
        torch.nn.init.zeros_(level.to_rgb.weight)
    assert generator(masks, codes).abs().max() == 0  # nothing is painted under what the levels add


def test_every_layer_may_have_a_style_of_its_own() -> None:
    generator = make_generator(kind=LayeredGenerator)
    styles: list[torch.Tensor] = []
    for level in generator.levels:
        for convolution in (level.first.convolution, level.second.convolution, level.to_rgb):
            convolution.register_forward_pre_hook(lambda _, args: styles.append(args[1]))
    codes = torch.randn(2, NUM_REGIONS, generator.code)
    image = generator(quilts(3), codes)
    assert len({id(style) for style in styles}) == 2 * len(generator.levels)  # that of RGB is the second one's
    assert generator.layer_styles(codes[..., :STYLE]).shape == (2, NUM_REGIONS, 6, STYLE)
    swapped = codes.clone()
    swapped[:, HAIR] = codes[:, HAIR].flip(0)
    own, other = (generator.layer_styles(rows[..., :STYLE]) for rows in (codes, swapped))
    torch.testing.assert_close(other[:, HAIR], own[:, HAIR].flip(0))
    assert not torch.allclose(generator(quilts(3), swapped), image)


def test_one_style_for_all_layers_is_the_layered_generator_with_equal_heads() -> None:
    shared, layered = make_generator(), make_generator(kind=LayeredGenerator)
    layered.load_state_dict(shared.state_dict(), strict=False)
    codes = torch.randn(2, NUM_REGIONS, shared.code)
    learned, textures = shared.parts(codes)
    styles = shared.layer_styles(learned).expand(-1, -1, 6, -1)
    torch.testing.assert_close(layered.paint(quilts(3), styles, textures), shared(quilts(3), codes))


def test_a_mask_or_code_of_another_size_is_refused() -> None:
    generator = make_generator()
    with pytest.raises(AssertionError, match="32 px"):
        generator(quilts(3)[..., :32, :32], torch.randn(2, NUM_REGIONS, generator.code))
    with pytest.raises(AssertionError, match="do not fit"):
        generator(quilts(3), torch.randn(2, NUM_REGIONS, 5))


def test_the_paper_size_builds() -> None:
    """512 px and full width are a matter of params; counts are of StyleGAN2's order of magnitude (30 M)."""
    with torch.device("meta"):
        encoder = make_encoder(
            MaskGuidedEncoder, image_size=512, channels={256: 64, 128: 128, 64: 256, 32: 512, 16: 512},
            taps=(64, 32, 16), style=512, texture=16,
        )  # fmt: skip
    generator = MaskGuidedGenerator(
        regions=NUM_REGIONS,
        image_size=512,
        channels={16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64},
        masked_up_to=256,
        detailed=("hair",),
        style=512,
        texture=16,
        hung_mouth=False,
        mapping_layers=1,
        exact_borders=False,  # where regions meet, a tensor without content does not know
        soft_edges=True,
    ).to("meta")
    counts = [sum(weight.numel() for weight in net.parameters()) for net in (encoder, generator)]
    assert 10e6 < counts[0] < 40e6
    assert 15e6 < counts[1] < 50e6
    masks = torch.empty(1, NUM_REGIONS, 512, 512, device="meta")
    codes = torch.empty(1, NUM_REGIONS, code_size(512, 16), device="meta")
    assert generator(masks, codes).shape == (1, 3, 512, 512)
