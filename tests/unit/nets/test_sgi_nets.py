"""Encoder, generator and discriminator: what the renderer promises its users."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.encoder import MaskGuidedEncoder, code_size
from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.regions import MOUTH, NUM_REGIONS, REGION_INDEX

SIZE, STYLE, TEXTURE = 64, 8, 4
HAIR = REGION_INDEX["hair"]


@pytest.fixture
def encoder() -> MaskGuidedEncoder:
    torch.manual_seed(0)
    return MaskGuidedEncoder(
        regions=NUM_REGIONS,
        image_size=SIZE,
        channels={32: 6, 16: 8, 8: 10},
        taps=(32, 16, 8),
        style=STYLE,
        texture=TEXTURE,
        present_share=2e-4,
        mask_guided=True,
    )


def _generator(masked_up_to: int = 32) -> MaskGuidedGenerator:
    torch.manual_seed(0)
    generator = MaskGuidedGenerator(
        regions=NUM_REGIONS,
        image_size=SIZE,
        channels={8: 10, 16: 8, 32: 6},
        masked_up_to=masked_up_to,
        detailed=("hair",),
        style=STYLE,
        texture=TEXTURE,
        mapping_layers=1,
    )
    for level in generator.levels:  # they start at zero, which would hide the network
        torch.nn.init.normal_(level.to_rgb.weight)
        torch.nn.init.normal_(level.first.noise_strength)
    return generator


def _masks(seed: int, batch: int = 2, without: int | None = None) -> Tensor:
    """Quilts of 8 px patches."""
    patches = torch.randint(
        0, NUM_REGIONS, (batch, SIZE // 8, SIZE // 8), generator=torch.Generator().manual_seed(seed)
    )
    if without is not None:
        patches[patches == without] = 0
    labels = patches.repeat_interleave(8, 1).repeat_interleave(8, 2)
    return F.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()


def test_codes_have_the_promised_size(encoder: MaskGuidedEncoder) -> None:
    codes = encoder(torch.rand(2, 3, SIZE, SIZE), _masks(1))
    assert codes.shape == (2, NUM_REGIONS, code_size(STYLE, TEXTURE))


def test_an_absent_region_gets_the_learned_code(encoder: MaskGuidedEncoder) -> None:
    torch.nn.init.normal_(encoder.absent_style)
    torch.nn.init.normal_(encoder.absent_texture)
    codes = encoder(torch.rand(2, 3, SIZE, SIZE), _masks(1, without=MOUTH))
    learned = torch.cat((encoder.absent_style[MOUTH], encoder.absent_texture[MOUTH].flatten()))
    assert torch.equal(codes[0, MOUTH], learned)
    assert torch.equal(codes[1, MOUTH], learned)
    assert not torch.equal(codes[0, HAIR], codes[1, HAIR])
    codes[:, MOUTH].sum().backward()
    assert encoder.absent_texture.grad is not None
    assert encoder.absent_texture.grad[MOUTH].abs().sum() > 0


def test_without_mask_guidance_every_region_gets_the_code_of_the_picture() -> None:
    torch.manual_seed(0)
    encoder = MaskGuidedEncoder(
        regions=NUM_REGIONS,
        image_size=SIZE,
        channels={32: 8, 16: 16},
        taps=(32, 16),
        style=STYLE,
        texture=TEXTURE,
        present_share=2e-4,
        mask_guided=False,
    )
    image = torch.rand(2, 3, SIZE, SIZE)
    codes = encoder(image, _masks(1))
    assert codes.shape == (2, NUM_REGIONS, code_size(STYLE, TEXTURE))
    assert torch.equal(codes, codes[:, :1].expand_as(codes))
    assert torch.equal(codes, encoder(image, _masks(2)))
    assert not torch.equal(codes[0], codes[1])
    colours = codes[:, 0, STYLE:].view(2, 3, TEXTURE**2)
    torch.testing.assert_close(colours, image.mean((2, 3))[..., None].expand_as(colours))
    assert not torch.equal(encoder(image.flip(1), _masks(1))[..., :STYLE], codes[..., :STYLE])
    assert _generator()(_masks(1), codes).shape == image.shape


def test_swapping_a_row_changes_that_region_most() -> None:
    generator, masks = _generator(), _masks(2, batch=1)
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
    generator = _generator()
    masks, codes = _masks(3), torch.randn(2, NUM_REGIONS, generator.code)
    together = generator(masks, codes)
    assert together.shape == (2, 3, SIZE, SIZE)
    assert torch.equal(together, generator(masks, codes))
    torch.testing.assert_close(together[1:], generator(masks[1:], codes[1:]))


def test_a_generator_that_adds_nothing_and_keeps_all_detail_paints_the_textures() -> None:
    torch.manual_seed(0)
    generator = _generator()
    torch.nn.init.constant_(generator.keep.shift.bias, 30.0)
    for level in generator.levels:
        torch.nn.init.zeros_(level.to_rgb.weight)
    codes = torch.zeros(1, NUM_REGIONS, generator.code)
    codes[:, HAIR, STYLE:] = 0.5
    masks = _masks(4, batch=1)
    expected = 0.5 * masks[:, HAIR : HAIR + 1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(generator(masks, codes).detach(), expected)


def test_layers_above_the_masked_ones_take_one_style_for_the_image() -> None:
    generator = _generator(masked_up_to=16)
    calls: list[tuple[int, ...]] = []
    generator.levels[2].first.convolution.register_forward_pre_hook(lambda _, args: calls.append(args[1].shape))
    generator.levels[1].first.convolution.register_forward_pre_hook(lambda _, args: calls.append(args[1].shape))
    generator(_masks(3), torch.randn(2, NUM_REGIONS, generator.code))
    assert calls == [(2, NUM_REGIONS, STYLE), (2, 1, STYLE)]


def test_a_mask_or_code_of_another_size_is_refused() -> None:
    generator = _generator()
    with pytest.raises(AssertionError, match="32 px"):
        generator(_masks(3)[..., :32, :32], torch.randn(2, NUM_REGIONS, generator.code))
    with pytest.raises(AssertionError, match="do not fit"):
        generator(_masks(3), torch.randn(2, NUM_REGIONS, 5))


def test_discriminator_sees_the_mask_and_scores_patches() -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(regions=NUM_REGIONS, channels=(8, 16))
    image = torch.rand(1, 3, SIZE, SIZE)
    scores, features = discriminator(image, _masks(1, batch=1))
    assert scores.shape == (1, 1, 16, 16)
    assert [level.shape[1] for level in features] == [8, 16]
    assert not torch.equal(scores, discriminator(image, _masks(2, batch=1))[0])


def test_the_paper_size_builds() -> None:
    """512 px and full width are a matter of params; counts are of StyleGAN2's order of magnitude (30 M)."""
    with torch.device("meta"):
        encoder = MaskGuidedEncoder(
            regions=NUM_REGIONS,
            image_size=512,
            channels={256: 64, 128: 128, 64: 256, 32: 512, 16: 512},
            taps=(64, 32, 16),
            style=512,
            texture=16,
            present_share=2e-4,
            mask_guided=True,
        )
    generator = MaskGuidedGenerator(
        regions=NUM_REGIONS,
        image_size=512,
        channels={16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64},
        masked_up_to=256,
        detailed=("hair",),
        style=512,
        texture=16,
        mapping_layers=1,
    ).to("meta")
    counts = [sum(weight.numel() for weight in net.parameters()) for net in (encoder, generator)]
    assert 10e6 < counts[0] < 40e6
    assert 15e6 < counts[1] < 50e6
    masks = torch.empty(1, NUM_REGIONS, 512, 512, device="meta")
    codes = torch.empty(1, NUM_REGIONS, code_size(512, 16), device="meta")
    assert generator(masks, codes).shape == (1, 3, 512, 512)
