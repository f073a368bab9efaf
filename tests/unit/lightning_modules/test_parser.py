"""The parser's training learns and scores by the mean IoU over held-out people."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from flows.stages.train_parser import parser_module
from lightning_modules.parser import ParserModule
from segtalker.config.params import PARAMS_FILE, Params, override_params, read_yaml
from segtalker.losses.segmentation import dice_loss
from segtalker.nets.parser import FaceParser
from segtalker.regions import NUM_REGIONS, PALETTE

from .training_runs import train

STEPS = 40
ROOT = Path(__file__).parents[3]


class Blocks(Dataset):
    """4 x 4 blocks of random regions in their palette colours."""

    def __getitem__(self, draw: int) -> tuple[Tensor, Tensor]:
        patches = draw_rng(1, draw).integers(0, 4, (4, 4))
        labels = patches.repeat(4, 0).repeat(4, 1)
        image = PALETTE[labels].astype(np.float32).transpose(2, 0, 1) / 127.5 - 1.0
        return torch.from_numpy(image), torch.from_numpy(labels)


class BlockData(pl.LightningDataModule):
    def train_dataloader(self) -> DataLoader:
        return draw_loader(Blocks(), DrawSampler(STEPS, batch_size=4), workers=0)

    def val_dataloader(self) -> DataLoader:
        return DataLoader([Blocks()[10_000 + index] for index in range(6)], batch_size=4)


def test_it_learns_and_reports_each_region(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = ParserModule(
        FaceParser(channels=8, multipliers=(1, 2), regions=NUM_REGIONS),
        optimizer=partial(torch.optim.AdamW, lr=2e-2),
        steps=2 * STEPS,
        warmup_steps=5,
        balance=0.5,
        loss_weights={"cross_entropy": 1.0, "dice": 1.0},
    )
    history = train(module, BlockData(), tmp_path, epochs=2, seed=1, log_every=10)
    last = history[history["step"] == 2 * STEPS].set_index("name")["value"]
    regions = [name for name in last.index if name.startswith("val/iou_")]
    assert sorted(regions) == ["val/iou_background", "val/iou_eyebrows", "val/iou_eyes", "val/iou_lip"]
    np.testing.assert_allclose(last["val/mean_iou"], last[regions].mean(), rtol=1e-4)
    assert last["val/mean_iou"] > 0.9


def _params(defaults: dict[str, Any], overrides: dict[str, Any]) -> Params:
    return override_params(defaults, {"active": {"experiment": "e", "dataset": "d"}} | overrides, "test")


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
    module.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign,assignment]
    batch = torch.zeros(1, 3, 32, 32), torch.zeros(1, 32, 32).long()
    loss = module.training_step(batch, 0)
    assert set(logged) == {"train/cross_entropy", "train/dice", "train/toy"}
    expected = sum(weights[name.removeprefix("train/")] * value for name, value in logged.items())
    torch.testing.assert_close(loss.detach(), expected)
