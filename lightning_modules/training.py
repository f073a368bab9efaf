"""One way to train every network: exact resume, a history, a progress bar."""

import csv
import logging
import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import Logger

from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError
from segtalker.utils.paths import HISTORY_FILE
from segtalker.utils.progress import progress_bar


def warm_cosine(step: int, steps: int, warmup_steps: int) -> float:
    """Factor of the peak rate at a step: a linear rise, then a cosine down to zero at the end of the budget."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    return 0.5 * (1.0 + math.cos(math.pi * progress))


LAST_CHECKPOINT = "last.ckpt"
_SIGNATURE_KEY = "segtalker_signature"
_log = logging.getLogger(__name__)


def _steps_done(trainer: pl.Trainer) -> int:
    """Batches seen since the start; `global_step` counts once per optimiser instead."""
    return trainer.current_epoch * int(trainer.num_training_batches) + trainer.fit_loop.batch_idx + 1


class History(Callback):
    """Collects `train/...` values every `log_every` steps and `val/...` values after each validation."""

    def __init__(self, log_every: int) -> None:
        self.log_every = log_every
        self.rows: list[tuple[int, str, float]] = []

    def _collect(self, trainer: pl.Trainer, prefix: str) -> None:
        step = _steps_done(trainer)
        metrics = sorted(trainer.callback_metrics.items())
        self.rows += [(step, name, float(value)) for name, value in metrics if name.startswith(prefix)]

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if _steps_done(trainer) % self.log_every == 0:
            self._collect(trainer, "train/")

    def on_validation_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self._collect(trainer, "val/")

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = [tuple(row) for row in state_dict["rows"]]

    def write(self, path: Path) -> None:
        """Writes `step,name,value`, one value a row."""
        with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(("step", "name", "value"))
            writer.writerows((step, name, f"{value:.6g}") for step, name, value in self.rows)


class EpochSeeds(Callback):
    """Seeds every epoch by its number, so that a resumed run draws the numbers an unbroken one does."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        # not in on_train_epoch_start: Lightning skips that hook in the first epoch after a resume
        if batch_idx == 0:
            torch.manual_seed((self.seed * 1_000_003 + trainer.current_epoch) * 4096 + trainer.global_rank)


class Signed(Callback):
    """Marks checkpoints with the signature of the experiment."""

    def __init__(self, signature: str) -> None:
        self.signature = signature

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict) -> None:
        checkpoint[_SIGNATURE_KEY] = self.signature


class StepBar(Callback):
    """A bar over all steps, with the newest training values beside it."""

    def __init__(self, label: str, epochs: int, log_every: int) -> None:
        self.label = label
        self.epochs = epochs
        self.log_every = log_every

    def on_train_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            steps = int(trainer.num_training_batches)
            self.bar = progress_bar(self.epochs * steps, self.label, "step")
            self.bar.update(trainer.current_epoch * steps)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            self.bar.update()
            if _steps_done(trainer) % self.log_every == 0:
                values = trainer.callback_metrics.items()
                shown = {name[6:]: f"{float(value):.3f}" for name, value in values if name.startswith("train/")}
                self.bar.set_postfix(shown, refresh=False)

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            self.bar.close()


def _resume_point(folder: Path, signature: str) -> Path | None:
    """The checkpoint to go on from; one of another experiment, or a damaged one, is put aside."""
    path = folder / LAST_CHECKPOINT
    if not path.is_file():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile):
        content = {}
    if content.get(_SIGNATURE_KEY) == signature:
        return path
    _log.warning("%s: belongs to other params or is damaged; training starts anew", path)
    path.unlink(missing_ok=True)
    return None


def _accelerator(devices: Literal["auto"] | int, num_nodes: int) -> dict[str, Any]:
    """Trainer arguments that choose the hardware: every GPU, so many GPUs, or the CPU where there is none."""
    gpus = torch.cuda.device_count()
    if devices != "auto" and gpus and devices > gpus:
        raise BadInputError(f"machine.devices is {devices} but {gpus} GPU(s) are here; lower it or use auto")
    count = (gpus or 1) if devices == "auto" else devices
    # adversarial training steps one network while the other is not used, which plain "ddp" refuses
    strategy = "ddp_find_unused_parameters_true" if count * num_nodes > 1 else "auto"
    return {"accelerator": "gpu" if gpus else "cpu", "devices": count, "num_nodes": num_nodes, "strategy": strategy}


def fit(
    module: pl.LightningModule,
    datamodule: pl.LightningDataModule,
    *,
    folder: Path,
    label: str,
    epochs: int,
    signature: str,
    seed: int,
    devices: Literal["auto"] | int,
    num_nodes: int,
    precision: Any,
    log_every: int,
    logger: Logger | None,
    export: Callable[[], None],
) -> None:
    """Trains a module, or goes on where an interrupted run of the same experiment stopped.

    The state is saved after each epoch (a fixed number of steps, see `datamodules.draws`); a resumed run ends
    with the same weights as an unbroken one.

    Args:
        module: logs `train/...` in its steps and `val/...` in validation.
        datamodule: gives a loader of a fixed number of batches an epoch.
        folder: where `last.ckpt` lives while training runs and `history.csv` stays.
        label: text of the progress bar.
        epochs: how many to train in all.
        signature: identifies the experiment, 64 hex digits.
        seed: see `EpochSeeds`.
        devices: GPUs a node, `auto` for all; without a GPU, CPU processes.
        num_nodes: machines.
        precision: Lightning's precision.
        log_every: steps between collected training values.
        logger: a Lightning logger, or None.
        export: saves the trained networks; called on the first rank before `last.ckpt` goes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history = History(log_every)
    keep_last = ModelCheckpoint(folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False)
    trainer = pl.Trainer(
        **_accelerator(devices, num_nodes),
        precision=precision,
        max_epochs=epochs,
        logger=logger or False,
        callbacks=[EpochSeeds(seed), history, Signed(signature), StepBar(label, epochs, log_every), keep_last],
        log_every_n_steps=log_every,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic="warn",
    )
    resume = _resume_point(folder, signature)
    trainer.fit(module, datamodule=datamodule, ckpt_path=resume, weights_only=True)
    if trainer.is_global_zero:
        history.write(folder / HISTORY_FILE)
        export()
        (folder / LAST_CHECKPOINT).unlink(missing_ok=True)
