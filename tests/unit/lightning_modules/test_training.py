"""Training resumes exactly: an interrupted run ends with the weights of an unbroken one."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from lightning_modules.training import warm_cosine

from .training_runs import equal, train, weights

EPOCH_STEPS = 4


class Noise(Dataset):
    def __getitem__(self, draw: int) -> torch.Tensor:
        return torch.from_numpy(draw_rng(3, draw).standard_normal(8).astype("float32"))


class NoiseData(pl.LightningDataModule):
    def __init__(self, workers: int) -> None:
        super().__init__()
        self.workers = workers

    def train_dataloader(self) -> DataLoader:
        return draw_loader(Noise(), DrawSampler(EPOCH_STEPS, batch_size=2), self.workers)

    def val_dataloader(self) -> DataLoader:
        return DataLoader([torch.ones(8)], batch_size=1)


class Dropped(pl.LightningModule):
    """Its dropout draws from torch's generator, so a resume that loses its state shows."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.stop_at = stop_at
        self.seen = 0

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        self.seen += 1
        if self.seen == self.stop_at:
            raise RuntimeError("pulled the plug")
        loss = self.net(batch).square().mean()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        self.log("val/loss", self.net(batch).square().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.1)


def _train(folder: Path, module: Dropped, workers: int = 0, **changes: Any) -> dict[str, torch.Tensor]:
    train(module, NoiseData(workers), folder, epochs=3, **{"log_every": 2} | changes)
    return weights(module.net)


def _interrupt(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="plug"):
        _train(folder, Dropped(stop_at=7))


def test_resume_ends_like_an_unbroken_run(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole", Dropped())
    _interrupt(tmp_path / "broken")
    assert (tmp_path / "broken" / "last.ckpt").is_file()
    resumed_module = Dropped()
    resumed = _train(tmp_path / "broken", resumed_module)
    assert resumed_module.seen == 2 * EPOCH_STEPS
    assert equal(whole, resumed)
    histories = [(tmp_path / name / "history.csv").read_bytes() for name in ("whole", "broken")]
    assert histories[0] == histories[1]
    assert not (tmp_path / "broken" / "last.ckpt").exists()


def test_a_checkpoint_of_other_params_is_not_resumed(tmp_path: Path) -> None:
    _interrupt(tmp_path)
    module = Dropped()
    _train(tmp_path, module, signature="b")
    assert module.seen == 3 * EPOCH_STEPS


def test_a_damaged_checkpoint_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"half a file")
    module = Dropped()
    _train(tmp_path, module)
    assert module.seen == 3 * EPOCH_STEPS


def test_history_holds_training_and_validation(tmp_path: Path) -> None:
    _train(tmp_path, Dropped())
    history = pd.read_csv(tmp_path / "history.csv")
    assert list(history[history["name"] == "train/loss"]["step"]) == [2, 4, 6, 8, 10, 12]
    assert list(history[history["name"] == "val/loss"]["step"]) == [4, 8, 12]


@pytest.mark.parametrize("changes", [{"log_every": 1}, {"log_every": 5}, {"workers": 1}], ids=str)
def test_what_is_logged_and_who_prepares_samples_change_no_weight(tmp_path: Path, changes: dict[str, int]) -> None:
    assert equal(_train(tmp_path / "plain", Dropped()), _train(tmp_path / "changed", Dropped(), **changes))


def test_the_rate_rises_then_falls_to_zero() -> None:
    rates = [warm_cosine(step, steps=100, warmup_steps=10) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[100] == pytest.approx(0.0)
    assert all(a >= b for a, b in pairwise(rates[10:]))
