"""What the training stages share: a network's training under a stage run's seed, machine and log."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch

from flows.stages.common import StageRun
from lightning_modules import training
from lightning_modules.training import OptimizerFactory
from segtalker.config.training import TrainingStage


def optimizer_factory(kind: Callable[..., torch.optim.Optimizer], **settings: Any) -> OptimizerFactory:
    """Builds an optimiser that does a step in one pass: of the baseline 1 ms, not 8 of 130."""
    return partial(kind, fused=True, **settings)


def fit(
    run: StageRun,
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    stage: TrainingStage,
    export: Callable[[], None],
    *,
    steps: int,
    part: str = "",
) -> None:
    """Trains a module of a stage, or goes on where an interrupted run stopped; see `lightning_modules.training.fit`.

    Args:
        run: of the stage.
        module: what is trained.
        data: gives `stage.checkpoint_every` batches an epoch.
        stage: the stage's section.
        export: saves the trained networks.
        steps: how many in all.
        part: which of several networks, where a stage trains more than one after the other.
    """
    base, machine = run.params.base, run.params.machine
    settings = training.FitSettings(
        signature=run.resume_key,
        seed=base.seed,
        precision=run.params.training.precision,
        devices=machine.devices,
        num_nodes=machine.num_nodes,
        log_every=machine.log_every,
        logger=run.logger,
    )
    training.fit(
        module,
        data,
        settings,
        folder=run.workspace.model(run.stage) / part,
        label=f"{run.stage} {part}".strip(),
        epochs=steps // stage.checkpoint_every,
        export=export,
    )
