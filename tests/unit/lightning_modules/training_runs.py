"""Trains on one CPU process, without a log."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
from torch import Tensor, nn

from lightning_modules.training import HISTORY_FILE, FitSettings, fit

PLAIN: dict[str, Any] = {
    "signature": "a",
    "processes": 1,
    "num_nodes": 1,
    "accumulate": 1,
    "precision": "32-true",
    "gradient_clip": 0.0,
    "sync_batch_norm": False,
    "compile": False,
    "channels_last": False,
    "deterministic": "warn",
    "cudnn_benchmark": False,
    "log_every": 1,
    "logger": None,
}


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
    settings = FitSettings(**PLAIN | {"seed": seed} | changes)
    fit(module, data, settings, folder=folder, label="test", epochs=epochs, export=lambda: None)
    return pd.read_csv(folder / HISTORY_FILE)


def weights(net: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's state."""
    return {name: value.clone() for name, value in net.state_dict().items()}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two states are the same to the bit."""
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)
