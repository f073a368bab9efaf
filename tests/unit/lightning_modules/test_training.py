"""Training resumes exactly: an interrupted run ends with the weights of an unbroken one."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from lightning_modules.training import cosine_schedule, warm_cosine
from segtalker.utils.errors import BadInputError

from .training_runs import equal, train, weights

EPOCH_STEPS = 4
SLURM = {"SLURM_JOB_NAME": "job", "SLURM_STEP_NUM_TASKS": "4"}


class Noise(Dataset):
    def __getitem__(self, draw: int) -> torch.Tensor:
        return torch.from_numpy(draw_rng(3, draw).standard_normal(8).astype("float32"))


class NoiseData(pl.LightningDataModule):
    def __init__(self, workers: int, accumulate: int = 1, batch_size: int = 2) -> None:
        super().__init__()
        self.workers, self.accumulate, self.batch_size = workers, accumulate, batch_size

    def train_dataloader(self) -> DataLoader:
        return draw_loader(Noise(), DrawSampler(EPOCH_STEPS * self.accumulate, self.batch_size), self.workers)

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


class Scheduled(Dropped):
    """Without dropout, whose draws depend on the batch; at a rate that falls step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(self.net[0], nn.Tanh(), self.net[2])

    def configure_optimizers(self) -> Any:
        return cosine_schedule(torch.optim.SGD(self.parameters(), lr=0.1), steps=3 * EPOCH_STEPS, warmup_steps=2)


def test_batches_of_a_step_count_as_one_large_one(tmp_path: Path) -> None:
    large, parts = Scheduled(), Scheduled()
    history = train(large, NoiseData(0, batch_size=6), tmp_path / "large", epochs=3)
    part_history = train(parts, NoiseData(0, accumulate=3), tmp_path / "parts", epochs=3, accumulate=3)
    assert parts.seen == 3 * large.seen
    torch.testing.assert_close(weights(parts.net), weights(large.net))
    for name in ("train/loss", "val/loss"):
        rows, part_rows = (table[table["name"] == name] for table in (history, part_history))
        assert list(rows["step"]) == list(part_rows["step"])
    np.testing.assert_allclose(part_rows["value"], rows["value"], rtol=1e-4)


class Pictures(pl.LightningModule):
    """Convolutions, which may lay their colours out in two ways."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 1, 3))
        self.layouts: set[bool] = set()

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        features = self.net[0](batch.view(-1, 1, 2, 4).repeat(1, 1, 4, 2))
        self.layouts.add(features.is_contiguous(memory_format=torch.channels_last))
        return self.net(batch.view(-1, 1, 2, 4).repeat(1, 1, 4, 2)).square().mean()

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize("changes", [{"channels_last": True}, {"compile": True}, {"precision": "bf16-mixed"}], ids=str)
def test_how_it_is_computed_changes_rounding_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, Any]
) -> None:
    # as the compiler does it, but for the minute that C++ takes
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    plain, changed = Pictures(), Pictures()
    train(plain, NoiseData(0), tmp_path / "plain", epochs=1)
    train(changed, NoiseData(0), tmp_path / "changed", epochs=1, **changes)
    assert plain.layouts == {False}
    assert "channels_last" not in changes or changed.layouts == {True}
    assert (changed.net._compiled_call_impl is not None) == ("compile" in changes)
    torch.testing.assert_close(weights(changed.net), weights(plain.net), rtol=0.05, atol=5e-3)


@pytest.mark.parametrize(("deterministic", "mode"), [("warn", 1), (True, 2), (False, 0)])
def test_determinism_is_asked_for_as_told(tmp_path: Path, deterministic: Any, mode: int) -> None:
    modes: list[int] = []

    class Asked(Dropped):
        def on_train_start(self) -> None:
            modes.append(torch.get_deterministic_debug_mode())

    before = torch.get_deterministic_debug_mode()
    try:
        _train(tmp_path, Asked(), deterministic=deterministic, cudnn_benchmark=deterministic is False)
        assert modes == [mode]
        assert torch.backends.cudnn.benchmark == (deterministic is False)
    finally:
        torch.set_deterministic_debug_mode(before)
        torch.backends.cudnn.benchmark = False


@pytest.mark.parametrize(
    ("gpus", "environment", "said"),
    [
        (1, {}, r"training\.processes 4 on machine\.num_nodes 2 takes 2 GPUs a node, but 1 are here"),
        (0, {"TORCHELASTIC_RUN_ID": "a", "WORLD_SIZE": "2"}, r"processes is 4, but TorchElastic started 2"),
        (0, SLURM | {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"}, r"processes is 4, but SLURM started 2"),
        (0, SLURM | {"SLURM_NTASKS": "8"}, r"processes 4 on machine\.num_nodes 2: .*Use `--ntasks-per-node=8` instead"),
        (0, SLURM | {"SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4"}, r"processes 4 on .*`--ntasks-per-node=4`"),
        (
            0,
            {"SLURM_JOB_NAME": "script", "SLURM_NTASKS": "4"},
            r"is 4, but nobody started the others; use srun",
        ),
    ],
)
def test_processes_that_do_not_fit_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gpus: int, environment: dict[str, str], said: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInputError, match=said):
        _train(tmp_path, Dropped(), processes=4, num_nodes=2)


def test_a_batch_script_of_many_tasks_may_train_in_one_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"SLURM_JOB_NAME": "script", "SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "8"}.items():
        monkeypatch.setenv(name, value)
    _train(tmp_path, Dropped())


def test_normalisation_over_processes_is_refused_where_torch_cannot(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"training\.sync_batch_norm needs GPUs"):
        _train(tmp_path, Dropped(), sync_batch_norm=True)
