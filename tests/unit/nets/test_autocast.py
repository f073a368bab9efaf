"""Every network under bfloat16 autocast: near what it gives in float32, its gradients too."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flows.stages.train_parser import parser_net
from flows.stages.train_sgi import sgi_discriminator, sgi_nets
from flows.stages.train_sync import Domain, expert_net
from flows.stages.train_tsg import tsg_net
from flows.stages.train_wav2lip import wav2lip_net
from segtalker.config.params import PARAMS_FILE, Params, override_params, read_yaml
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.region_texture import region_frames
from segtalker.nets.tensors import one_hot
from segtalker.regions import MOUTH, NUM_REGIONS

ROOT = Path(__file__).parents[3]


def _params(**sgi: dict) -> Params:
    overrides = {"active": {"experiment": "e", "dataset": "d"}, "train_sgi": sgi}
    return override_params(read_yaml(ROOT / PARAMS_FILE), overrides, "test")


PARAMS = _params()
SIZE, BOX = PARAMS.base.image_size, PARAMS.base.mouth_box
# of the norm: bfloat16 keeps 8 bits, 0.4 % a rounding, which add up over some ten layers forwards and back
OUTPUT_TOLERANCE, GRADIENT_TOLERANCE = 0.01, 0.06
Case = tuple[nn.Module, Callable[[], list[Tensor]]]


def _draw(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def _face() -> tuple[Tensor, Tensor]:
    """Smooth colours and blocks of regions, some of them small and far from the middle."""
    labels = (_draw(2, 8, 8) * NUM_REGIONS).long().repeat_interleave(SIZE // 8, 1).repeat_interleave(SIZE // 8, 2)
    labels[:, SIZE - 9 : SIZE - 4, 8:20] = MOUTH
    image = F.interpolate(_draw(2, 3, 8, 8, seed=2), size=SIZE, mode="bilinear") * 2 - 1
    return image, one_hot(labels)


def _parser() -> Case:
    net = parser_net(PARAMS)
    return net, lambda: [net(_face()[0])]


def _encoder(kind: str) -> Case:
    net, _ = sgi_nets(_params(encoder={"kind": kind}))
    # the learned part; the textures are colours, which are read and not computed
    return net, lambda: [net(*_face())[..., : PARAMS.train_sgi.code.style]]


def _generator(**code: int | bool) -> Case:
    encoder, net = sgi_nets(_params(code=code))
    for level in net.levels:  # they start at zero, which would hide the network
        nn.init.normal_(level.to_rgb.weight, std=0.1)
    image, masks = _face()
    codes = encoder(image, masks).detach()
    return net, lambda: [net(masks, codes)]


def _stylegan2_generator() -> Case:
    encoder, net = sgi_nets(_params(code={"texture": 0, "per_layer": True}, generator={"kind": "stylegan2"}))
    image, masks = _face()
    codes = encoder(image, masks).detach()
    return net, lambda: [net(masks, codes)]


def _discriminator(spectral: bool) -> Case:
    net = PatchDiscriminator(regions=NUM_REGIONS, **PARAMS.train_sgi.discriminator.net | {"spectral": spectral})
    return net, lambda: [net(*_face())[0]]


def _stylegan2_discriminator() -> Case:
    net = sgi_discriminator(_params(discriminator={"kind": "stylegan2"}))
    # features too: a score hangs on a hundred numbers, of which one that changes its sign is a tenth of the gradient
    return net, lambda: [net(*_face())[0], *net(*_face())[1]]


def _tsg() -> Case:
    net, frames = tsg_net(PARAMS), PARAMS.train_tsg.net.frames
    labels = (_draw(2, frames + 1, BOX.height, BOX.width) * NUM_REGIONS).long()
    mel = _draw(2, frames, PARAMS.base.mel.bins, PARAMS.train_tsg.net.mel_window) * 8 - 4
    return net, lambda: [net(one_hot(labels[:, 1:]), one_hot(labels[:, 0]), mel)]


def _expert(domain: Domain) -> Case:
    net = expert_net(domain, PARAMS)
    frames = _draw(2, *net.window) * 0.2 + 0.7
    mel = _draw(2, PARAMS.base.mel.bins, PARAMS.base.mel_window) * 8 - 4
    return net, lambda: list(net(frames, mel))


def _wav2lip() -> Case:
    net = wav2lip_net(PARAMS)
    return net, lambda: [net(_draw(2, 6, net.size, net.size), _draw(2, *net.window, seed=2) * 8 - 4)]


CASES: dict[str, Callable[[], Case]] = {
    "parser": _parser,
    "encoder": lambda: _encoder("plain"),
    "residual encoder": lambda: _encoder("residual"),
    "generator": _generator,
    "generator of styles alone, one a layer": lambda: _generator(texture=0, per_layer=True),
    "stylegan2 generator": _stylegan2_generator,
    "discriminator": lambda: _discriminator(spectral=False),
    "spectral discriminator": lambda: _discriminator(spectral=True),
    "stylegan2 discriminator": _stylegan2_discriminator,
    "tsg": _tsg,
    "mask expert": lambda: _expert("mask"),
    "image expert": lambda: _expert("image"),
    "wav2lip": _wav2lip,
}


def _pass(net: nn.Module, outputs: Callable[[], list[Tensor]], enabled: bool) -> tuple[Tensor, Tensor]:
    """Outputs and gradients of all weights, each as one vector."""
    net.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
        values = torch.cat([output.flatten().float() for output in outputs()])
    (values * torch.linspace(-1, 1, len(values))).mean().backward()
    gradients = [weight.grad.flatten() for weight in net.parameters() if weight.grad is not None]
    return values.detach(), torch.cat(gradients)


def _distance(values: Tensor, truth: Tensor) -> float:
    return float((values - truth).norm() / truth.norm())


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_stay_near_those_of_float32(name: str) -> None:
    torch.manual_seed(0)
    net, outputs = CASES[name]()
    net.eval()  # normalisation over two samples would enlarge every rounding
    truth, true_gradient = _pass(net, outputs, enabled=False)
    values, gradient = _pass(net, outputs, enabled=True)
    assert values.isfinite().all()
    assert gradient.isfinite().all()

    assert _distance(values, truth) < OUTPUT_TOLERANCE
    assert _distance(gradient, true_gradient) < GRADIENT_TOLERANCE


def test_frames_of_regions_are_the_same_to_the_bit() -> None:
    _, masks = _face()
    truth = region_frames(masks, hung_mouth=True)
    with torch.autocast("cpu", torch.bfloat16):
        frames = region_frames(masks, hung_mouth=True)
    assert all(torch.equal(*pair) for pair in zip(frames, truth, strict=True))
