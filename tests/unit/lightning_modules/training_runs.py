"""Trains on one CPU process, without a log."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
from torch import Tensor, nn

from lightning_modules.training import HISTORY_FILE, FitSettings, fit


def train(
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    folder: Path,
    *,
    epochs: int,
    seed: int = 5,
    **changes: Any,
) -> pd.DataFrame:
    """Trains and reads the history; `changes` are fields of `FitSettings`."""
    plain = {"signature": "a", "precision": "32-true", "devices": 1, "num_nodes": 1, "log_every": 1, "logger": None}
    settings = FitSettings(**plain | {"seed": seed} | changes)
    fit(module, data, settings, folder=folder, label="test", epochs=epochs, export=lambda: None)
    return pd.read_csv(folder / HISTORY_FILE)


def weights(net: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's state."""
    return {name: value.clone() for name, value in net.state_dict().items()}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two states are the same to the bit."""
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)
