"""One way to train every network: the rate over the budget, exact resume, a history, a progress bar."""

import csv
import logging
import math
import pickle
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import Logger
from torch import nn

from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError
from segtalker.utils.paths import HISTORY_FILE, UNFINISHED_FILE
from segtalker.utils.progress import progress_bar

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]

_SIGNATURE_KEY = "segtalker_signature"
_log = logging.getLogger(__name__)


def warm_cosine(step: int, steps: int, warmup_steps: int) -> float:
    """Factor of the peak rate at a step: a linear rise, then a cosine down to zero at the end of the budget."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def cosine_schedule(optimizer: torch.optim.Optimizer, steps: int, warmup_steps: int) -> Any:
    """What `configure_optimizers` returns for one optimiser whose rate follows `warm_cosine` step by step."""
    factor = partial(warm_cosine, steps=steps, warmup_steps=warmup_steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


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


class CheckpointSignature(Callback):
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
                postfix = {name[6:]: f"{float(value):.3f}" for name, value in values if name.startswith("train/")}
                self.bar.set_postfix(postfix, refresh=False)

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            self.bar.close()


def _resume_point(folder: Path, signature: str) -> Path | None:
    """The checkpoint to go on from; one of another experiment, or a damaged one, is put aside."""
    path = folder / UNFINISHED_FILE
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


@dataclass(frozen=True)
class FitSettings:
    """What is the same for every training of a run.

    Args:
        signature: identifies what may be resumed, 64 hex digits.
        seed: see `EpochSeeds`.
        precision: Lightning's precision.
        devices: GPUs a node, `auto` for all; without a GPU, CPU processes.
        num_nodes: machines.
        log_every: steps between collected training values.
        logger: a Lightning logger, or None.
    """

    signature: str
    seed: int
    precision: Any
    devices: Literal["auto"] | int
    num_nodes: int
    log_every: int
    logger: Logger | None


def fit(
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    settings: FitSettings,
    *,
    folder: Path,
    label: str,
    epochs: int,
    export: Callable[[], None],
) -> None:
    """Trains a module, or goes on where an interrupted run of the same experiment stopped.

    The state is saved after each epoch (a fixed number of steps, see `datamodules.draws`); a resumed run ends
    with the same weights as an unbroken one.

    Args:
        module: logs `train/...` in its steps and `val/...` in validation.
        data: gives a loader of a fixed number of batches an epoch.
        settings: what the run's trainings share.
        folder: where `last.ckpt` lives while training runs and `history.csv` stays.
        label: text of the progress bar.
        epochs: how many to train in all.
        export: saves the trained networks; called on the first rank before `last.ckpt` goes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history = History(settings.log_every)
    trainer = pl.Trainer(
        **_accelerator(settings.devices, settings.num_nodes),
        precision=settings.precision,
        max_epochs=epochs,
        logger=settings.logger or False,
        callbacks=[
            EpochSeeds(settings.seed),
            history,
            CheckpointSignature(settings.signature),
            StepBar(label, epochs, settings.log_every),
            ModelCheckpoint(folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False),
        ],
        log_every_n_steps=settings.log_every,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic="warn",
    )
    resume = _resume_point(folder, settings.signature)
    trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    if trainer.is_global_zero:
        history.write(folder / HISTORY_FILE)
        export()
        (folder / UNFINISHED_FILE).unlink(missing_ok=True)
