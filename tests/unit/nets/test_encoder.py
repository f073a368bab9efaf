"""The encoder: a code for each region, a learned one for those that are absent."""

import pytest
import torch

from segtalker.nets.encoder import MaskGuidedEncoder, code_size
from segtalker.regions import MOUTH, NUM_REGIONS

from .tiny_renderer import HAIR, SIZE, STYLE, TEXTURE, make_generator, quilts


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


def test_codes_have_the_promised_size(encoder: MaskGuidedEncoder) -> None:
    codes = encoder(torch.rand(2, 3, SIZE, SIZE), quilts(1))
    assert codes.shape == (2, NUM_REGIONS, code_size(STYLE, TEXTURE))


def test_an_absent_region_gets_the_learned_code(encoder: MaskGuidedEncoder) -> None:
    torch.nn.init.normal_(encoder.absent_style)
    torch.nn.init.normal_(encoder.absent_texture)
    codes = encoder(torch.rand(2, 3, SIZE, SIZE), quilts(1, without=MOUTH))
    learned = torch.cat((encoder.absent_style[MOUTH], encoder.absent_texture[MOUTH].flatten()))
    assert torch.equal(codes[0, MOUTH], learned)
    assert torch.equal(codes[1, MOUTH], learned)
    assert not torch.equal(codes[0, HAIR], codes[1, HAIR])
    codes[:, MOUTH].sum().backward()
    assert encoder.absent_texture.grad is not None
    assert encoder.absent_texture.grad[MOUTH].abs().sum() > 0


@pytest.mark.parametrize("mask_guided", [True, False])
def test_codes_without_a_texture_are_styles_alone(mask_guided: bool) -> None:
    torch.manual_seed(0)
    encoder = MaskGuidedEncoder(
        regions=NUM_REGIONS,
        image_size=SIZE,
        channels={32: 6, 16: 8},
        taps=(32, 16),
        style=STYLE,
        texture=0,
        present_share=2e-4,
        mask_guided=mask_guided,
    )
    codes = encoder(torch.rand(2, 3, SIZE, SIZE), quilts(1, without=MOUTH))
    assert codes.shape == (2, NUM_REGIONS, STYLE)
    assert all(weight.numel() for weight in encoder.parameters())
    assert torch.equal(codes[0, MOUTH], codes[1, MOUTH]) == mask_guided  # the learned style of what is not there


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
    codes = encoder(image, quilts(1))
    assert codes.shape == (2, NUM_REGIONS, code_size(STYLE, TEXTURE))
    assert torch.equal(codes, codes[:, :1].expand_as(codes))
    assert torch.equal(codes, encoder(image, quilts(2)))
    assert not torch.equal(codes[0], codes[1])
    colours = codes[:, 0, STYLE:].view(2, 3, TEXTURE**2)
    torch.testing.assert_close(colours, image.mean((2, 3))[..., None].expand_as(colours))
    assert not torch.equal(encoder(image.flip(1), quilts(1))[..., :STYLE], codes[..., :STYLE])
    assert make_generator()(quilts(1), codes).shape == image.shape
