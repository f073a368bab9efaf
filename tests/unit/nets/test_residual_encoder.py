"""IR-SE units against their equations, and what the encoder of them promises."""

import pytest
import torch
from tiny_encoder import make_encoder
from torch import nn

from segtalker.nets.encoder import code_size
from segtalker.nets.residual_encoder import ResidualEncoder, ResidualUnit
from segtalker.regions import MOUTH, NUM_REGIONS

from .tiny_renderer import HAIR, SIZE, STYLE, TEXTURE, quilts


def _encoder() -> ResidualEncoder:
    torch.manual_seed(0)
    sizes = {"image_size": SIZE, "channels": {32: 6, 16: 8, 8: 8}, "units": (2, 1), "taps": (32, 16, 8)}
    encoder = make_encoder(ResidualEncoder, **sizes, style=STYLE, texture=TEXTURE)
    return encoder.eval()


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 4, 1), (4, 4, 2), (4, 6, 2)])
def test_a_unit_is_its_equations(inputs: int, outputs: int, stride: int) -> None:
    torch.manual_seed(0)
    unit, features = ResidualUnit(inputs, outputs, stride).eval(), torch.randn(2, inputs, 8, 8)
    for norm in (layer for layer in unit.modules() if isinstance(layer, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
        nn.init.normal_(norm.weight)

    def normalised(values: torch.Tensor, norm: nn.BatchNorm2d) -> torch.Tensor:
        mean, deviation = norm.running_mean[:, None, None], (norm.running_var[:, None, None] + 1e-5).sqrt()
        return (values - mean) / deviation * norm.weight[:, None, None] + norm.bias[:, None, None]

    first_norm, first, rectifier, second, second_norm, gate = unit.residual
    values = nn.functional.conv2d(normalised(features, first_norm), first.weight, padding=1)
    values = torch.where(values > 0, values, rectifier.weight[:, None, None] * values)
    values = normalised(nn.functional.conv2d(values, second.weight, padding=1)[..., ::stride, ::stride], second_norm)
    squeezed = torch.relu(values.mean((2, 3)) @ gate.squeeze.weight[:, :, 0, 0].T)
    values = values * torch.sigmoid(squeezed @ gate.excite.weight[:, :, 0, 0].T)[:, :, None, None]
    passed = features[..., ::stride, ::stride]
    if inputs != outputs:
        convolution, norm = unit.short_cut
        passed = normalised(torch.einsum("oi,bihw->bohw", convolution.weight[:, :, 0, 0], passed), norm)
    torch.testing.assert_close(unit(features), values + passed, rtol=1e-4, atol=1e-5)


def test_codes_have_the_promised_size_and_each_region_its_own() -> None:
    encoder, image = _encoder(), torch.rand(2, 3, SIZE, SIZE)
    codes = encoder(image, quilts(1, without=MOUTH))
    assert codes.shape == (2, NUM_REGIONS, code_size(STYLE, TEXTURE))
    assert torch.equal(codes[0, MOUTH], codes[1, MOUTH])
    assert not torch.equal(codes[0, HAIR], codes[1, HAIR])


def test_every_scale_sees_the_smaller_ones() -> None:
    """A change of the smallest map alone shows in the largest: the pyramid adds downwards."""
    encoder, inputs = _encoder(), torch.rand(1, 3 + NUM_REGIONS, SIZE, SIZE)
    before = encoder.tapped(inputs)
    encoder.convolutions[-1].register_forward_hook(lambda *args: args[2] + 1.0)
    after = encoder.tapped(inputs)
    assert list(before) == [8, 16, 32]
    for size, level in before.items():
        torch.testing.assert_close(after[size], level + 1.0)


def test_ir_se_50_has_the_published_size() -> None:
    """pSp's body: 64 channels at 256 px, then 3, 4, 14 and 3 units; its weights apart from ArcFace's head."""
    with torch.device("meta"):
        encoder = make_encoder(
            ResidualEncoder, image_size=256, channels={256: 64, 128: 64, 64: 128, 32: 256, 16: 512},
            units=(3, 4, 14, 3), taps=(64, 32, 16), style=512, texture=0, mask_guided=False,
        )  # fmt: skip
    body = sum(weight.numel() for weight in encoder.convolutions.parameters())
    convolutions = 3 * 64 * 9
    for inputs, width, units in ((64, 64, 3), (64, 128, 4), (128, 256, 14), (256, 512, 3)):
        convolutions += 9 * (inputs * width + (2 * units - 1) * width**2) + inputs * width * (inputs != width)
        convolutions += units * 2 * width * (width // 16)
    assert convolutions < body < 1.01 * convolutions  # the rest are norms and slopes
