"""The parser's training learns and scores by the mean IoU over held-out people."""

from functools import partial
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from lightning_modules.parser import ParserModule
from segtalker.nets.parser import FaceParser
from segtalker.regions import NUM_REGIONS, PALETTE

from .training_runs import train

STEPS = 40


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
