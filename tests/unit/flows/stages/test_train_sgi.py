"""The renderer's training is composed as params say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_mouths import SIDE, Groups, person
from torch import Tensor

from flows.stages.train_parser import parser_net
from flows.stages.train_sgi import keep_mouths, sgi_module, sgi_nets
from segtalker.config.experiment import compose
from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, Params, load_params, merge, parse_params, read_yaml
from segtalker.losses.weighting import weighted_sum
from segtalker.metrics.areas import Areas
from segtalker.metrics.perceptual import feature_distance, unit_features
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.external.lpips_alex import LpipsAlex
from segtalker.nets.generator import LayeredGenerator, MaskGuidedGenerator
from segtalker.nets.residual_encoder import ResidualEncoder
from segtalker.nets.stylegan2_discriminator import StyleGan2Discriminator
from segtalker.nets.stylegan2_generator import StyleGan2Generator
from segtalker.regions import NUM_REGIONS, REGION_INDEX
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[4]


@pytest.fixture
def params() -> Params:
    return load_params(ROOT)


def _changed(**sections: dict) -> Params:
    content = merge(read_yaml(ROOT / PARAMS_FILE), read_yaml(ROOT / EXPERIMENT_FILE))
    return parse_params(merge(content, sections), "test")


def test_region_weights_come_in_region_order(params: Params) -> None:
    region_weights = sgi_module(params, parser=None).region_weights.tolist()
    for name, weight in params.train_sgi.region_weights.items():
        assert region_weights[REGION_INDEX[name]] == pytest.approx(weight)


def test_the_same_classes_reach_the_papers_size() -> None:
    """By params alone; see also tests/unit/nets/test_generator.py."""
    wide = _changed(
        base={"image_size": 512},
        train_sgi={
            "code": {"style": 512},
            "encoder": {"channels": {256: 64, 128: 128, 64: 256, 32: 512, 16: 512}},
            "generator": {"channels": {16: 512, 32: 512, 64: 512, 128: 256, 256: 128}, "masked_up_to": 256},
        },
    )
    encoder, generator = sgi_nets(wide)
    assert encoder.config["image_size"] == 512
    assert generator.config["channels"][256] == 128


def test_a_trained_encoder_keeps_mouths_that_show_teeth_and_no_others() -> None:
    encoder, _ = sgi_nets(_changed(base={"image_size": SIDE}, train_sgi={"encoder": {"lent_mouths": 3}}))
    encoder.eval()
    keep_mouths(encoder, Groups([[person(0)], [person(10, teeth=60)]]))
    assert not encoder.lenders_skin.any()
    keep_mouths(encoder, Groups([[person(0)], [person(10, skin=120)]]))
    assert encoder.lenders_skin.any(1).tolist() == [True, False, False]
    torch.testing.assert_close(encoder.lenders_skin[0], torch.full((3,), 120 / 255))
    assert encoder.lent_codes[0].any()


def _masks(size: int) -> Tensor:
    labels = torch.arange(size * size).view(1, size, size) % NUM_REGIONS
    return torch.nn.functional.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()


def test_the_renderer_computes_what_params_weigh(weighed: Params) -> None:
    module = sgi_module(weighed, parser_net(weighed))
    module.step += module.reconstruction_steps
    size = weighed.base.image_size
    terms = module.loss_terms(torch.zeros(1, 3, size, size), torch.zeros(1, 3, size, size), _masks(size))
    # the lengths of paths are measured on codes, now and then; see tests/unit/lightning_modules/test_sgi.py
    # LPIPS needs its files; see below
    assert set(terms) | {"path_length", "lpips"} == set(weighed.train_sgi.loss_weights)


def test_networks_are_of_the_kinds_that_params_name(params: Params) -> None:
    plain = sgi_module(params, parser=None)
    assert type(plain.generator["encoder"]) is MaskGuidedEncoder
    assert type(plain.generator["generator"]) is MaskGuidedGenerator
    assert type(plain.discriminator) is PatchDiscriminator
    assert (plain.game, plain.smoothing.r1, list(plain.equalised)) == ("hinge", 0.0, [])
    choices = {
        "encoder": {"kind": "residual"},
        "code": {"per_layer": True, "texture": 0},
        "discriminator": {"kind": "stylegan2", "masks": False, "loss": "softplus", "r1": 10.0, "equalised": True},
        "equalised": True,
        "path_length": {"every": 8},
    }
    module = sgi_module(_changed(train_sgi=choices), parser=None)
    assert type(module.generator["encoder"]) is ResidualEncoder
    assert type(module.generator["generator"]) is LayeredGenerator
    assert type(module.discriminator) is StyleGan2Discriminator
    assert module.discriminator.regions == 0
    assert (module.game, module.smoothing.r1, module.smoothing.path_every) == ("softplus", 10.0, 8)
    assert set(module.equalised) == {"generator", "discriminator"}


def test_the_published_generator_is_built_by_params() -> None:
    choices = {"code": {"texture": 0, "per_layer": True}, "generator": {"kind": "stylegan2", "exact_borders": True}}
    encoder, generator = sgi_nets(_changed(train_sgi=choices))
    assert type(generator) is StyleGan2Generator
    assert generator.layers == 2 * 6  # 4 to 128 px
    masks = _masks(128)
    assert generator(masks, encoder(torch.zeros(1, 3, 128, 128), masks)).shape == (1, 3, 128, 128)


def test_the_renderer_may_learn_by_lpips(tmp_path: Path) -> None:
    torch.manual_seed(0)
    widths = (3, 64, 192, 384, 256, 256)
    kernels = (11, 5, 3, 3, 3)
    trunk = {}
    for number, inputs, outputs, kernel in zip((0, 3, 6, 8, 10), widths, widths[1:], kernels, strict=False):
        trunk[f"features.{number}.weight"] = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
        trunk[f"features.{number}.bias"] = torch.zeros(outputs)
    torch.save(trunk, tmp_path / "trunk.pth")
    heads = {f"lin{level}.model.1.weight": torch.rand(1, width, 1, 1) for level, width in enumerate(widths[1:])}
    torch.save(heads, tmp_path / "heads.pth")
    files = {"lpips_weights": str(tmp_path / "trunk.pth"), "lpips_heads": str(tmp_path / "heads.pth")}
    params = _changed(train_sgi={"loss_weights": {"lpips": 0.8}, **files})
    module, size = sgi_module(params, parser=None), params.base.image_size
    image, truth = torch.zeros(1, 3, size, size, requires_grad=True), torch.rand(1, 3, size, size)
    term = module.loss_terms(image, truth, _masks(size))["lpips"]
    levels, true_levels = module.lpips(image), module.lpips(truth)
    distance = feature_distance(
        unit_features(true_levels), unit_features([level.detach().clone() for level in levels]), module.lpips.weights(),
        Areas.whole(np.zeros((1, size, size))), LpipsAlex.WINDOWS,
    )  # fmt: skip
    assert term.item() == pytest.approx(distance.item(), rel=1e-4)  # what evaluation calls LPIPS
    term.backward()
    assert image.grad.abs().sum() > 0
    with pytest.raises(BadInputError, match="needs lpips_weights and lpips_heads"):
        _changed(train_sgi={"loss_weights": {"lpips": 0.8}})


def test_both_sides_may_have_the_equalised_rate() -> None:
    module = sgi_module(_changed(train_sgi={"discriminator": {"equalised": True}}), parser=None)
    generator, discriminator = module.configure_optimizers()
    assert [group["lr"] for group in generator.param_groups] == [2e-3]
    for group in discriminator.param_groups:
        inputs = {values[0].numel() if values.dim() > 1 else 1 for values in group["params"]}
        assert len(inputs) == 1
        assert group["lr"] == pytest.approx(1e-3 / next(iter(inputs)) ** 0.5)


@pytest.mark.slow  # the published widths at 512 px: some 25 s of one core, half of them StyleGAN2's backward pass
def test_the_papers_renderer_learns_at_its_full_size() -> None:
    _, params = compose(ROOT, "hdtf", ())
    module = sgi_module(params, parser=None)
    counts = {name: sum(weight.numel() for weight in net.parameters()) / 1e6 for name, net in module.generator.items()}
    assert (round(counts["encoder"]), round(counts["generator"])) == (44, 82)
    module.step += module.reconstruction_steps
    labels = (torch.arange(16 * 16).view(1, 16, 16) % NUM_REGIONS).repeat_interleave(32, 1).repeat_interleave(32, 2)
    image = torch.rand(1, 3, 512, 512) * 2 - 1
    names = {"reference": image, "reference_labels": labels, "target": image, "target_labels": labels}
    painted, masks = module.render(module.generator, names)
    assert painted.shape == image.shape
    terms = module.loss_terms(painted, image, masks)
    weighted_sum(terms, module.loss_weights).backward()
    gradients = {name: weight.grad for name, weight in module.generator.named_parameters()}
    unseen = {name for name, gradient in gradients.items() if gradient is None}
    assert unseen <= {"encoder.absent_style"}  # every region is there
    assert all(gradient.isfinite().all() for gradient in gradients.values() if gradient is not None)
    assert all(weight.grad is None for weight in module.discriminator.parameters())
