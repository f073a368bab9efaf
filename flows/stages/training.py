"""What the training stages share: a network's training under a stage run's seed, machine and log."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch

from flows.stages.common import StageRun
from lightning_modules import training
from lightning_modules.training import OptimizerFactory
from segtalker.config.training import TrainingStage
from segtalker.config.workspace import Workspace
from segtalker.nets.checkpoints import load_net
from segtalker.nets.network import Network
from segtalker.utils.errors import BadInputError


def optimizer_factory(kind: Callable[..., torch.optim.Optimizer], **settings: Any) -> OptimizerFactory:
    """Builds an optimiser that does a step in one pass: of the baseline 1 ms, not 8 of 130."""
    return partial(kind, fused=True, **settings)


def start_from_experiment(run: StageRun, nets: Mapping[str, Network]) -> None:
    """Gives networks the weights that the stage trained in the experiment `training.start_from`, if it names one.

    Args:
        run: of the stage.
        nets: the untrained networks, by the names of their files.

    Raises:
        MissingWeightsError: that experiment did not train one of them.
        BadInputError: it is of another shape.
    """
    earlier = run.params.training.start_from
    if not earlier:
        return
    folder = Workspace(run.workspace.root, run.workspace.dataset, earlier).model(run.stage)
    for name, net in nets.items():
        path = folder / f"{name}.ckpt"
        trained_net = load_net(path, type(net))
        differences = [(key, trained_net.config.get(key), value) for key, value in sorted(net.config.items())]
        for key, earlier_value, value in differences:
            if earlier_value != value:
                raise BadInputError(
                    f"{path}: its network has {key} {earlier_value}, this experiment's {value}; what starts from"
                    " trained networks must be built like them"
                )
        net.load_state_dict(trained_net.state_dict())


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
    base, machine, shared = run.params.base, run.params.machine, run.params.training
    settings = training.FitSettings(
        signature=run.resume_key,
        seed=base.seed,
        processes=shared.processes,
        accumulate=shared.accumulate,
        precision=shared.precision,
        gradient_clip=shared.gradient_clip,
        sync_batch_norm=shared.sync_batch_norm,
        compile=shared.compile,
        channels_last=shared.channels_last,
        deterministic=shared.deterministic,
        cudnn_benchmark=shared.cudnn_benchmark,
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
