"""Which losses there are is said twice, where they are computed and in params.yaml; a new one needs no third place."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from flows.stages.train_parser import parser_module, parser_net
from flows.stages.train_sgi import sgi_module
from flows.stages.train_sync import expert_net
from flows.stages.train_tsg import tsg_module
from flows.stages.train_wav2lip import wav2lip_module
from lightning_modules.parser import ParserModule
from segtalker.config.params import PARAMS_FILE, Params, override_params, read_yaml
from segtalker.losses.segmentation import dice_loss
from segtalker.regions import NUM_REGIONS

ROOT = Path(__file__).parents[3]
EVERY_LOSS = {"train_sgi": {"loss_weights": {"parsing": 0.1}}}  # weighs nothing in params.yaml


def _params(defaults: dict[str, Any], overrides: dict[str, Any]) -> Params:
    return override_params(defaults, {"active": {"experiment": "e", "dataset": "d"}} | overrides, "test")


@pytest.fixture
def params() -> Params:
    return _params(read_yaml(ROOT / PARAMS_FILE), EVERY_LOSS)


def _masks(size: int) -> Tensor:
    labels = torch.arange(size * size).view(1, size, size) % NUM_REGIONS
    return torch.nn.functional.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()


def test_the_parser_computes_what_params_weigh(params: Params) -> None:
    terms = parser_module(params).loss_terms(torch.zeros(1, NUM_REGIONS, 8, 8), torch.zeros(1, 8, 8).long())
    assert set(terms) == set(params.train_parser.loss_weights)


def test_the_segmenter_computes_what_params_weigh(params: Params) -> None:
    base = params.base
    module = tsg_module(params, expert_net("mask", params))
    regions = torch.zeros(1, base.window_frames, base.mouth_box.height, base.mouth_box.width, dtype=torch.uint8)
    windows = torch.zeros(1, base.window_frames, base.mel.bins, params.train_tsg.net.mel_window)
    scores = module.predict(regions, regions[:, 0], windows)
    terms = module.loss_terms(scores, regions, torch.zeros(1, base.mel.bins, base.mel_window))
    assert set(terms) == set(params.train_tsg.loss_weights)


def test_the_renderer_computes_what_params_weigh(params: Params) -> None:
    module = sgi_module(params, parser_net(params))
    module.step += module.reconstruction_steps
    size = params.base.image_size
    terms = module.loss_terms(torch.zeros(1, 3, size, size), torch.zeros(1, 3, size, size), _masks(size))
    assert set(terms) == set(params.train_sgi.loss_weights)


def test_the_baseline_computes_what_params_weigh(params: Params) -> None:
    base = params.base
    module = wav2lip_module(params, expert_net("image", params))
    module.step += module.steps
    faces = torch.zeros(1, base.window_frames, 3, module.generator.size, module.generator.size)
    terms = module.loss_terms(faces, faces, torch.zeros(1, base.mel.bins, base.mel_window))
    assert set(terms) == set(params.train_wav2lip.loss_weights)


class WithToyLoss(ParserModule):
    """A loss more, by one line where it is computed."""

    def loss_terms(self, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return super().loss_terms(logits, labels) | {"toy": dice_loss(logits, labels).square()}


def test_a_new_loss_needs_its_line_and_its_weight_in_params_alone() -> None:
    defaults = read_yaml(ROOT / PARAMS_FILE)
    defaults["train_parser"]["loss_weights"]["toy"] = 3.0
    weights = _params(defaults, {}).train_parser.loss_weights
    plain = parser_module(_params(defaults, {}))
    module = WithToyLoss(
        plain.net,
        optimizer=plain.make_optimizer,
        steps=1,
        warmup_steps=0,
        balance=plain.balance,
        loss_weights=weights,
    )
    logged: dict[str, Tensor] = {}
    module.log_dict = logged.update  # type: ignore[method-assign,assignment]
    batch = torch.zeros(1, 3, 32, 32), torch.zeros(1, 32, 32).long()
    loss = module.training_step(batch, 0)
    assert set(logged) == {"train/cross_entropy", "train/dice", "train/toy"}
    expected = sum(weights[name.removeprefix("train/")] * value for name, value in logged.items())
    torch.testing.assert_close(loss.detach(), expected)
