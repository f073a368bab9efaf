"""The renderer's training is composed as params say."""

from pathlib import Path

import pytest
import torch
from drawn_mouths import SIDE, Groups, person
from torch import Tensor

from flows.stages.train_parser import parser_net
from flows.stages.train_sgi import keep_mouths, sgi_module, sgi_nets
from segtalker.config.experiment import compose
from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, Params, load_params, merge, parse_params, read_yaml
from segtalker.losses.weighting import weighted_sum
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import LayeredGenerator, MaskGuidedGenerator
from segtalker.nets.residual_encoder import ResidualEncoder
from segtalker.nets.stylegan2_discriminator import StyleGan2Discriminator
from segtalker.nets.stylegan2_generator import StyleGan2Generator
from segtalker.regions import NUM_REGIONS, REGION_INDEX

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
    assert set(terms) | {"path_length"} == set(weighed.train_sgi.loss_weights)


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
