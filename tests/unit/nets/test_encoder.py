"""The encoder: a code for each region, a learned one for those that are absent."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny_encoder import make_encoder
from torch import Tensor

from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.encoder import MaskGuidedEncoder, code_size
from segtalker.regions import MOUTH, NUM_REGIONS, REGION_INDEX

from .tiny_renderer import HAIR, SIZE, STYLE, TEXTURE, make_generator, quilts

SKIN = REGION_INDEX["skin"]


def _encoder(**changes: Any) -> MaskGuidedEncoder:
    torch.manual_seed(0)
    sizes = {"image_size": SIZE, "channels": {32: 6, 16: 8, 8: 10}, "taps": (32, 16, 8)}
    return make_encoder(MaskGuidedEncoder, **{"style": STYLE, "texture": TEXTURE, **sizes, **changes})


@pytest.fixture
def encoder() -> MaskGuidedEncoder:
    return _encoder()


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
    encoder = _encoder(texture=0, mask_guided=mask_guided)
    codes = encoder(torch.rand(2, 3, SIZE, SIZE), quilts(1, without=MOUTH))
    assert codes.shape == (2, NUM_REGIONS, STYLE)
    assert all(weight.numel() for weight in encoder.parameters())
    assert torch.equal(codes[0, MOUTH], codes[1, MOUTH]) == mask_guided  # the learned style of what is not there


def test_without_mask_guidance_every_region_gets_the_code_of_the_picture() -> None:
    encoder = _encoder(mask_guided=False)
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


SKINS = torch.tensor([[0.9, 0.7, 0.6], [0.4, 0.3, 0.2], [0.7, 0.7, 0.7]])


def _faces(skins: Tensor, mouth_rows: int) -> tuple[Tensor, Tensor]:
    """Faces of one colour each, with a mouth of noise: RGB in [-1, 1] and masks."""
    labels = torch.zeros(len(skins), SIZE, SIZE, dtype=torch.int64)
    labels[:, 8:56, 8:56] = SKIN
    labels[:, 40 : 40 + mouth_rows, 20:44] = MOUTH
    masks = F.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()
    noise = torch.rand(len(skins), 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))
    image = torch.where(masks[:, MOUTH : MOUTH + 1] > 0, noise, skins[..., None, None])
    return image * 2.0 - 1.0, masks


@pytest.fixture
def lender() -> MaskGuidedEncoder:
    encoder = _encoder(lent_mouths=4).eval()
    encoder.keep_mouths(*_faces(SKINS, 12))
    return encoder


def test_a_shut_mouth_borrows_that_of_the_most_similar_skin(lender: MaskGuidedEncoder) -> None:
    open_codes = lender(*_faces(SKINS, 12))
    for order in ([0, 1, 2], [2, 0, 1]):
        codes = lender(*_faces(SKINS[order], 0))
        torch.testing.assert_close(codes[:, MOUTH], open_codes[order, MOUTH])
    assert not torch.allclose(open_codes[0, MOUTH], open_codes[1, MOUTH])


def test_all_but_the_mouth_stays_ones_own(lender: MaskGuidedEncoder) -> None:
    image, masks = _faces(SKINS, 0)
    own = _encoder().eval()(image, masks)
    codes = lender(image, masks)
    rest = [region for region in range(NUM_REGIONS) if region != MOUTH]
    torch.testing.assert_close(codes[:, rest], own[:, rest])
    assert not torch.allclose(codes[:, MOUTH], own[:, MOUTH])


def test_in_less_light_a_borrowed_mouth_is_darker(lender: MaskGuidedEncoder) -> None:
    texture, dim_texture = (lender(*_faces(SKINS[1:2] * light, 0))[0, MOUTH, STYLE:] for light in (1.0, 0.5))
    torch.testing.assert_close(dim_texture + 1.0, (texture + 1.0) * 0.5)
    bright = lender(*_faces(SKINS[:1] * 1.1, 0))[0, MOUTH, STYLE:]
    torch.testing.assert_close(bright, lender(*_faces(SKINS[:1], 0))[0, MOUTH, STYLE:])


def test_a_mouth_that_is_open_keeps_its_own(lender: MaskGuidedEncoder) -> None:
    image, masks = _faces(SKINS, 6)
    torch.testing.assert_close(lender(image, masks), _encoder().eval()(image, masks))


def test_nobody_lends_in_training_nor_where_no_mouth_was_kept(lender: MaskGuidedEncoder) -> None:
    image, masks = _faces(SKINS, 0)
    learned = _encoder()(image, masks)
    torch.testing.assert_close(lender.train()(image, masks), learned)
    torch.testing.assert_close(_encoder(lent_mouths=4).eval()(image, masks), learned)


def test_a_picture_without_skin_borrows_something_finite(lender: MaskGuidedEncoder) -> None:
    masks = F.one_hot(torch.zeros(1, SIZE, SIZE, dtype=torch.int64), NUM_REGIONS).movedim(-1, 1).float()
    assert torch.isfinite(lender(torch.zeros(1, 3, SIZE, SIZE), masks)).all()


def test_kept_mouths_are_saved_with_the_network(lender: MaskGuidedEncoder, tmp_path: Path) -> None:
    save_net(tmp_path / "encoder.ckpt", lender, "0" * 64)
    image, masks = _faces(SKINS, 0)
    torch.testing.assert_close(
        load_net(tmp_path / "encoder.ckpt", MaskGuidedEncoder)(image, masks), lender(image, masks)
    )
