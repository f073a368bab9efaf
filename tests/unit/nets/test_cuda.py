"""Networks on a GPU give what they give on the CPU, and stay finite in bfloat16. Skipped where there is no GPU."""

import copy

import pytest
import torch
from torch import Tensor, nn

from segtalker.losses.regularisation import gradient_penalty, path_lengths
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.nets.parser import FaceParser
from segtalker.nets.region_convolution import RegionModulatedConv, exact_grid
from segtalker.nets.residual_encoder import ResidualEncoder
from segtalker.nets.stylegan2_discriminator import StyleGan2Discriminator
from segtalker.nets.stylegan2_generator import StyleGan2Generator
from segtalker.nets.tensors import one_hot
from segtalker.regions import NUM_REGIONS

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
_SIDE = 64
_CODE = {"regions": NUM_REGIONS, "image_size": _SIDE, "style": 16, "texture": 32, "hung_mouth": True}


def _masks() -> Tensor:
    patches = torch.randint(0, NUM_REGIONS, (2, _SIDE // 8, _SIDE // 8), generator=torch.Generator().manual_seed(1))
    return one_hot(patches.repeat_interleave(8, 1).repeat_interleave(8, 2))


def _image() -> Tensor:
    """Ramps: a texel that is read one pixel further on, by the last bit of a place, hardly changes."""
    ramp = torch.linspace(-1.0, 1.0, _SIDE)
    planes = torch.stack((ramp.expand(_SIDE, -1), ramp[:, None].expand(-1, _SIDE), -ramp.expand(_SIDE, -1)))
    return torch.stack((planes, planes.flip(0)))


def _encoder() -> MaskGuidedEncoder:
    return MaskGuidedEncoder(
        **_CODE, channels={32: 16, 16: 16}, taps=[32, 16], present_share=2e-4, mask_guided=True,
        lent_mouths=0, shut_below=6e-3
    )  # fmt: skip


def _generator(exact_borders: bool) -> MaskGuidedGenerator:
    return MaskGuidedGenerator(
        **_CODE, channels={16: 16, 32: 16}, masked_up_to=32, mapping_layers=1, detailed=("hair",),
        exact_borders=exact_borders, soft_edges=True,
    )  # fmt: skip


def _cases() -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    torch.manual_seed(0)
    generators = {exact: _generator(exact) for exact in (False, True)}
    for net in generators.values():
        for level in net.levels:  # they start at zero, which would hide the network
            nn.init.normal_(level.get_parameter("to_rgb.weight"))
    codes = torch.randn(2, NUM_REGIONS, generators[True].code)
    widths = {"channel_base": 512, "channel_max": 16}
    stylegan2 = StyleGan2Generator(
        regions=NUM_REGIONS, image_size=_SIDE, **widths, masked_up_to=32, style=16, per_layer=True, mapping_layers=1,
        exact_borders=True,
    )  # fmt: skip
    residual = ResidualEncoder(
        **_CODE, channels={32: 16, 16: 16}, units=[2], taps=[32, 16], present_share=2e-4, mask_guided=True,
        lent_mouths=0, shut_below=6e-3,
    )  # fmt: skip
    discriminator = PatchDiscriminator(regions=NUM_REGIONS, full_size=8, channels=[8, 16], detail=True, spectral=False)
    return {
        "parser": (FaceParser(channels=8, multipliers=[1, 2], regions=NUM_REGIONS).eval(), (_image(),)),
        "encoder": (_encoder(), (_image(), _masks())),
        "generator": (generators[False], (_masks(), codes)),
        "generator, exact borders": (generators[True], (_masks(), codes)),
        "discriminator": (discriminator, (_image(), _masks())),
        "residual encoder": (residual.eval(), (_image(), _masks())),
        "stylegan2 generator": (stylegan2, (_masks(), codes[..., :16])),
        "stylegan2 discriminator": (
            StyleGan2Discriminator(regions=NUM_REGIONS, image_size=_SIDE, **widths),
            (_image(), _masks()),
        ),
    }


def _first(output: Tensor | tuple | list) -> Tensor:
    return output if isinstance(output, Tensor) else _first(output[0])


@needs_cuda
@pytest.mark.parametrize(
    "name",
    [
        "parser", "encoder", "residual encoder", "generator", "generator, exact borders", "stylegan2 generator",
        "discriminator", "stylegan2 discriminator",
    ],
)  # fmt: skip
def test_a_gpu_gives_what_the_cpu_gives(name: str) -> None:
    net, inputs = _cases()[name]
    expected = _first(net(*inputs)).detach()
    on_device, inputs = copy.deepcopy(net).cuda(), tuple(value.cuda() for value in inputs)
    torch.testing.assert_close(_first(on_device(*inputs)).detach().cpu(), expected, rtol=1e-2, atol=4e-2)
    with torch.autocast("cuda", torch.bfloat16):
        half = _first(on_device(*inputs))
    assert half.isfinite().all()
    half.float().square().mean().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in on_device.parameters())


@pytest.mark.parametrize("name", _cases())
def test_every_case_runs_without_a_gpu(name: str) -> None:
    net, inputs = _cases()[name]
    with torch.no_grad():
        net(*inputs)


@needs_cuda
def test_penalties_of_style_gan_can_be_differentiated_on_a_gpu() -> None:
    """Both are gradients that are differentiated again, in bfloat16's surroundings."""
    cases = _cases()
    generator, discriminator = (cases[f"stylegan2 {name}"][0].cuda() for name in ("generator", "discriminator"))
    masks, image = _masks().cuda(), _image().cuda()
    with torch.autocast("cuda", torch.bfloat16):
        gradient_penalty(discriminator, image, masks).backward()
    styles = generator.layer_styles(torch.randn(2, NUM_REGIONS, 16, device="cuda"))
    painted = generator.paint(masks, styles, styles[..., :0, 0])
    path_lengths(painted, styles, torch.randn_like(painted)).square().mean().backward()
    for net in (generator, discriminator):
        gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
        assert gradients
        assert all(gradient.isfinite().all() for gradient in gradients)


@needs_cuda
def test_exact_borders_hold_on_a_gpu() -> None:
    torch.manual_seed(0)
    layer = RegionModulatedConv(8, 8, style=6, kernel=3, demodulate=True).double()
    features, styles = torch.randn(2, 8, _SIDE, _SIDE).double(), torch.randn(2, NUM_REGIONS, 6).double()
    expected = layer(features, styles, exact_grid(_masks().double())).detach()
    result = layer.cuda()(features.cuda(), styles.cuda(), exact_grid(_masks().double().cuda()))
    torch.testing.assert_close(result.detach().cpu(), expected)
