"""One way to train every network: the rate over the budget, exact resume, a history, a progress bar."""

import csv
import logging
import math
import os
import pickle
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.environments import LSFEnvironment, SLURMEnvironment, TorchElasticEnvironment
from torch import nn

from lightning_modules.safeguards import FiniteCheck, GradientClip, step_ends, steps_done
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError, one_line
from segtalker.utils.paths import HISTORY_FILE, UNFINISHED_FILE
from segtalker.utils.progress import progress_bar

OptimizerFactory = Callable[[Iterable[nn.Parameter] | Iterable[dict[str, Any]]], torch.optim.Optimizer]

_SRUN_VARIABLE = "SLURM_STEP_NUM_TASKS"
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


class History(Callback):
    """Collects `train/...` values every `log_every` steps and `val/...` values after each validation.

    Args:
        log_every: steps from one collected value to the next.
        accumulate: batches a step; the last one's values are collected.
    """

    def __init__(self, log_every: int, accumulate: int) -> None:
        self.log_every = log_every
        self.accumulate = accumulate
        self.rows: list[tuple[int, str, float]] = []

    def _collect(self, trainer: pl.Trainer, prefix: str) -> None:
        step = steps_done(trainer, self.accumulate)
        metrics = sorted(trainer.callback_metrics.items())
        self.rows += [(step, name, float(value)) for name, value in metrics if name.startswith(prefix)]

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if step_ends(trainer, self.accumulate, self.log_every):
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
    """A bar over all steps, of `accumulate` batches each, with the newest training values beside it."""

    def __init__(self, label: str, epochs: int, log_every: int, accumulate: int) -> None:
        self.label = label
        self.epochs = epochs
        self.log_every = log_every
        self.accumulate = accumulate

    def on_train_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            steps = int(trainer.num_training_batches) // self.accumulate
            self.bar = progress_bar(self.epochs * steps, self.label, "step")
            self.bar.update(trainer.current_epoch * steps)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero and step_ends(trainer, self.accumulate, every=1):
            self.bar.update()
            if step_ends(trainer, self.accumulate, self.log_every):
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


def _check_tasks(processes: int, num_nodes: int) -> None:
    """Whether who started this process started the others too, as Lightning will take for granted.

    Raises:
        BadInputError: another number of them, or in another way.
    """
    for kind in (TorchElasticEnvironment, SLURMEnvironment, LSFEnvironment):
        if not kind.detect():
            continue
        if kind is SLURMEnvironment and _SRUN_VARIABLE not in os.environ:
            # a batch script knows of its tasks without having started them; Lightning would wait for as many for ever
            if processes > 1 and os.environ["SLURM_NTASKS"] == str(processes):
                raise BadInputError(f"training.processes is {processes}, but nobody started the others; use srun")
            continue
        try:
            environment = kind()
            if (tasks := environment.world_size()) != processes:
                name = kind.__name__.removesuffix("Environment")
                raise BadInputError(f"training.processes is {processes}, but {name} started {tasks}; start as many")
            environment.validate_settings(processes // num_nodes, num_nodes)
        except (RuntimeError, ValueError) as error:
            raise BadInputError(
                f"training.processes {processes} on machine.num_nodes {num_nodes}: {one_line(error)}"
            ) from error


def _accelerator(processes: int, num_nodes: int, sync_batch_norm: bool) -> dict[str, Any]:
    """Trainer arguments that choose the hardware: a GPU for each process, or the CPU where there is none.

    Raises:
        BadInputError: there are not as many GPUs, or whoever started this process started another number of them.
    """
    gpus, count = torch.cuda.device_count(), processes // num_nodes
    if sync_batch_norm and not gpus:
        raise BadInputError("training.sync_batch_norm needs GPUs, and none is here; set it to false")
    if gpus and count > gpus:
        raise BadInputError(
            f"training.processes {processes} on machine.num_nodes {num_nodes} takes {count} GPUs a node, but {gpus} are"
            " here; lower it, or add nodes"
        )
    _check_tasks(processes, num_nodes)
    return {
        "accelerator": "gpu" if gpus else "cpu",
        "devices": count,
        "num_nodes": num_nodes,
        "sync_batchnorm": sync_batch_norm,
    }


def _strategy(processes: int, automatic_optimization: bool) -> str:
    """How processes share their gradients."""
    if processes == 1:
        return "auto"
    # adversarial training steps one network while the other is not used; to look for that costs each other step a walk
    return "ddp" if automatic_optimization else "ddp_find_unused_parameters_true"


@dataclass(frozen=True)
class FitSettings:
    """What is the same for every training of a run.

    Args:
        signature: identifies what may be resumed, 64 hex digits.
        seed: see `EpochSeeds`.
        processes: that train together, each on a GPU of its own; without a GPU, CPU processes.
        num_nodes: machines they are spread over.
        accumulate: batches a step; each process computes them one after the other.
        precision: Lightning's precision.
        gradient_clip: largest norm of the gradients of an optimiser's weights; 0: any.
        sync_batch_norm: whether batch normalisation sees the batches of all processes; GPUs only.
        compile: whether networks are compiled.
        channels_last: whether colours lie side by side in memory.
        deterministic: True: refuse what has no deterministic form; warn: do it all the same; False: do not care.
        cudnn_benchmark: whether cuDNN tries which of its ways is fastest.
        log_every: steps between collected training values.
        logger: a Lightning logger, or None.
    """

    signature: str
    seed: int
    processes: int
    num_nodes: int
    accumulate: int
    precision: Any
    gradient_clip: float
    sync_batch_norm: bool
    compile: bool
    channels_last: bool
    deterministic: Literal["warn"] | bool
    cudnn_benchmark: bool
    log_every: int
    logger: Logger | None


def trained_nets(module: pl.LightningModule) -> Iterator[nn.Module]:
    """The networks of a module that learn."""
    for child in module.children():
        for net in child.values() if isinstance(child, nn.ModuleDict) else (child,):
            if any(weight.requires_grad for weight in net.parameters()):
                yield net


def _prepare(module: pl.LightningModule, settings: FitSettings) -> None:
    """Lays out and compiles the networks, and has a module that steps its optimisers itself know when to."""
    if settings.channels_last:
        module.to(memory_format=torch.channels_last)
    if settings.compile:
        for net in trained_nets(module):
            net.compile()
    if not module.automatic_optimization:
        cast(Any, module).accumulate = settings.accumulate


def _make_trainer(
    settings: FitSettings, callbacks: list[Callback], epochs: int, automatic_optimization: bool
) -> pl.Trainer:
    # a module that steps its optimisers itself counts every batch
    batches = 1 if automatic_optimization else settings.accumulate
    return pl.Trainer(
        **_accelerator(settings.processes, settings.num_nodes, settings.sync_batch_norm),
        strategy=_strategy(settings.processes, automatic_optimization),
        precision=settings.precision,
        max_epochs=epochs,
        logger=settings.logger or False,
        callbacks=callbacks,
        accumulate_grad_batches=settings.accumulate if automatic_optimization else 1,
        log_every_n_steps=settings.log_every * batches,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic=settings.deterministic,
        benchmark=settings.cudnn_benchmark,
    )


def _callbacks(settings: FitSettings, history: History, folder: Path, label: str, epochs: int) -> list[Callback]:
    """In the order in which they are asked; Lightning moves the checkpoint to the end."""
    log_every, accumulate = settings.log_every, settings.accumulate
    return [
        EpochSeeds(settings.seed),
        FiniteCheck(label, folder / UNFINISHED_FILE, log_every, accumulate),
        *([GradientClip(settings.gradient_clip)] if settings.gradient_clip else []),
        history,
        CheckpointSignature(settings.signature),
        StepBar(label, epochs, log_every, accumulate),
        ModelCheckpoint(folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False),
    ]


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

    Raises:
        DivergedError: a loss or a weight is not finite; `last.ckpt` stays as it was before.
        BadInputError: the processes do not fit the machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history = History(settings.log_every, settings.accumulate)
    callbacks = _callbacks(settings, history, folder, label, epochs)
    trainer = _make_trainer(settings, callbacks, epochs, module.automatic_optimization)
    if settings.processes > 1:  # else each process takes as many threads as there are cores for it
        os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    _prepare(module, settings)
    resume = _resume_point(folder, settings.signature)
    trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    if trainer.is_global_zero:
        history.write(folder / HISTORY_FILE)
        export()
        (folder / UNFINISHED_FILE).unlink(missing_ok=True)
