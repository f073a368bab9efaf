"""What keeps a training from running away: gradients cut to a length, an end where numbers are no longer finite."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.nn.utils import clip_grad_norm_, get_total_norm

from segtalker.utils.errors import DivergedError


def steps_done(trainer: pl.Trainer, accumulate: int) -> int:
    """Steps since the start, each of `accumulate` batches; `global_step` counts once per optimiser instead."""
    batches = trainer.current_epoch * int(trainer.num_training_batches) + trainer.fit_loop.batch_idx + 1
    return batches // accumulate


def step_ends(trainer: pl.Trainer, accumulate: int, every: int) -> bool:
    """Whether the batch that ends is the last of a step, and that step one of each `every`."""
    return (trainer.fit_loop.batch_idx + 1) % accumulate == 0 and steps_done(trainer, accumulate) % every == 0


class GradientClip(Callback):
    """Scales the gradients of an optimiser's weights down to a norm, once those of all processes are averaged.

    Lightning's own clipping leaves trainings with two optimisers alone.
    """

    def __init__(self, norm: float) -> None:
        self.norm = norm

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        clip_grad_norm_([weight for group in optimizer.param_groups for weight in group["params"]], self.norm)


class FiniteCheck(Callback):
    """Ends a training that has come to a loss or a weight that is not finite, before that is saved.

    Losses are looked at every `log_every` steps and at the end of an epoch, for each look waits for the device; weights
    then too, before validation and checkpoint: a gradient of the last step that was not finite shows in no loss yet.

    Args:
        label: which training.
        checkpoint: where the state of the epoch before lies.
        log_every: steps from one look to the next.
        accumulate: batches a step.
    """

    def __init__(self, label: str, checkpoint: Path, log_every: int, accumulate: int) -> None:
        self.label = label
        self.checkpoint = checkpoint
        self.log_every = log_every
        self.accumulate = accumulate

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_last_batch or step_ends(trainer, self.accumulate, self.log_every):
            self._end_unless(trainer, _losses_not_finite(trainer))

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._end_unless(trainer, _weights_not_finite(module))

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._end_unless(trainer, _weights_not_finite(module))  # where nobody is held out nothing is validated

    def _end_unless(self, trainer: pl.Trainer, reason: str) -> None:
        """Ends all processes together: one that stopped alone would leave the others waiting for it.

        Args:
            trainer: of the training.
            reason: what is not finite; empty: nothing in this process.

        Raises:
            DivergedError: there is a reason in one of the processes.
        """
        if trainer.strategy.reduce_boolean_decision(not reason, all=True):
            return
        state = f"; the state before lies in {self.checkpoint}" if self.checkpoint.is_file() else ""
        raise DivergedError(
            f"{self.label}: {reason or 'a loss of another process'} is not finite at step"
            f" {steps_done(trainer, self.accumulate)}; nothing was exported. Lower its learning_rate, raise its"
            f" warmup_steps, set training.gradient_clip, or training.precision to 32-true{state}"
        )


def _losses_not_finite(trainer: pl.Trainer) -> str:
    """The first training loss that is not finite; empty where all are."""
    losses = sorted((name, value) for name, value in trainer.callback_metrics.items() if name.startswith("train/"))
    return next((f"{name} ({float(value)})" for name, value in losses if not value.isfinite()), "")


def _weights_not_finite(module: pl.LightningModule) -> str:
    """Says so where the state of a module, in all one look, is not finite."""
    state = [values for values in module.state_dict().values() if values.is_floating_point()]
    return "" if get_total_norm(state).isfinite() else "a weight"
