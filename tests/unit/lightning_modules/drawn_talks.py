"""Mouths that open with the sound, and a small expert to judge them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from segtalker.nets.sync import SyncExpert
from segtalker.regions import LIP, MOUTH, REGION_INDEX

from .training_runs import train

SIZE = (16, 24)
FRAMES = 60
COLUMNS = 8


def talk(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A mouth whose height is the mel bin that sounds: regions `(F, h, w)` and mel windows of frames `(F, M, N)`."""
    rng = np.random.default_rng(seed)
    slow = np.convolve(rng.standard_normal(FRAMES + 20), np.hanning(7), "same")[10 : 10 + FRAMES]
    opening = 1 / (1 + np.exp(-slow))
    regions = np.full((FRAMES, *SIZE), REGION_INDEX["skin"], np.uint8)
    for frame, share in zip(regions, opening, strict=True):
        half = 1 + round(4 * share)
        frame[9 - half - 1 : 9 + half + 1, 6:18] = LIP
        frame[9 - half : 9 + half, 7:17] = MOUTH
    bins = np.arange(80)[:, None]
    mel = 4 * np.exp(-(((bins - 15 - 50 * opening) / 6) ** 2)) - 2 + 0.2 * rng.standard_normal((80, FRAMES))
    index = (np.arange(FRAMES)[:, None] + np.arange(COLUMNS) // 4 - 1).clip(0, FRAMES - 1)
    return regions, mel[:, index].transpose(1, 0, 2).astype(np.float32)


class Talks(Dataset):
    """Draws made by `sample(regions, mel, rng)` from one of eight talks."""

    def __init__(self, sample: Callable) -> None:
        self.sample = sample
        self.talks = [talk(seed) for seed in range(8)]

    def __getitem__(self, draw: int) -> tuple[Tensor, ...]:
        rng = draw_rng(1, draw)
        return self.sample(*self.talks[rng.integers(8)], rng)


class TalkData(pl.LightningDataModule):
    def __init__(self, sample: Callable, held_out: list, steps: int, batch_size: int) -> None:
        super().__init__()
        self.train_set, self.held_out, self.steps, self.batch_size = Talks(sample), held_out, steps, batch_size

    def train_dataloader(self) -> DataLoader:
        return draw_loader(self.train_set, DrawSampler(self.steps, self.batch_size), workers=0)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.held_out, batch_size=None)


def fit(module: pl.LightningModule, data: TalkData, folder: Path) -> pd.DataFrame:
    return train(module, data, folder, epochs=1, seed=1)


def last(history: pd.DataFrame, name: str, rows: int = 1) -> float:
    return float(history[history["name"] == name]["value"].tail(rows).mean())


def make_expert(positive: bool = False) -> SyncExpert:
    torch.manual_seed(0)
    return SyncExpert(
        image_channels=2,
        frames=5,
        image_size=SIZE,
        view=((2, 16), (4, 20)),
        mel_bins=80,
        mel_window=COLUMNS,
        channels=(8, 16),
        audio_channels=(4, 8, 8),
        blocks=0,
        embedding=16,
        standardise=False,
        positive=positive,
    )
