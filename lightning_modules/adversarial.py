"""A generator against a discriminator: two optimisers, which Lightning's automatic optimisation does not alternate."""

from collections.abc import Collection, Mapping
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_modules.equalised import equalise, equalised_groups
from lightning_modules.training import OptimizerFactory, warm_cosine
from segtalker.losses.weighting import weighted_sum


class AdversarialModule(pl.LightningModule):
    """What trainings against a discriminator share: both updates, the rate, and the number of steps done.

    Where a step has several batches, the discriminator's comes within the last of them: the generator meets the new one
    there, and the one before in the others.

    Args:
        generator: what the losses train; its parameters go to the first optimiser.
        discriminator: what tells its images from photographs.
        optimizer: builds the optimiser of the generator at its peak rate.
        discriminator_optimizer: likewise of the discriminator, whose rate stays.
        loss_weights: weights of the generator's loss terms by name.
        steps: the budget the generator's rate decays over.
        warmup_steps: steps of rising rate.
    """

    step: Tensor
    accumulate = 1  # batches a step; `lightning_modules.training.fit` sets it
    equalised: Collection[str] = ()  # of `generator` and `discriminator`, those with an equalised learning rate

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        loss_weights: Mapping[str, float],
        steps: int,
        warmup_steps: int,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = generator
        self.discriminator = discriminator
        self.make_optimizer = optimizer
        self.make_discriminator_optimizer = discriminator_optimizer
        self.loss_weights = dict(loss_weights)
        self.steps, self.warmup_steps = steps, warmup_steps
        # a buffer, so that a resumed run knows it
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.part = 0  # of a step: the number of its present batch

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.part = batch_idx % self.accumulate

    @property
    def is_last_part(self) -> bool:
        """Whether the present batch is the last of its step."""
        return self.part == self.accumulate - 1

    def update_discriminator(self, disc_loss: Tensor, penalty: Tensor | None = None) -> None:
        """One step of the discriminator, or a part of it, logged without the penalty on top."""
        self._update(1, disc_loss if penalty is None else disc_loss + penalty)
        self.log("train/discriminator", disc_loss.detach(), sync_dist=True)

    def update_generator(self, terms: Mapping[str, Tensor]) -> None:
        """One step of the generator, or a part of it, on the weighted sum of its loss terms, logged unweighted."""
        factor = warm_cosine(int(self.step), self.steps, self.warmup_steps)
        self._update(0, weighted_sum(terms, self.loss_weights), factor)
        if self.is_last_part:
            self.step.add_(1)
        self.log_dict({f"train/{name}": term.detach() for name, term in terms.items()}, sync_dist=True)

    def _update(self, index: int, loss: Tensor, factor: float = 1.0) -> None:
        """Adds a batch to the gradient of one of the networks; after the last steps its optimiser.

        Args:
            index: which of the optimisers.
            loss: of the batch, a mean over it, scalar.
            factor: share of the optimiser's peak rate.
        """
        optimizer = cast(list[torch.optim.Optimizer], self.optimizers())[index]
        if self.part == 0:
            optimizer.zero_grad()
        self.manual_backward(loss / self.accumulate)
        if self.is_last_part:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
            optimizer.step()

    def configure_optimizers(self) -> Any:
        makers = {"generator": self.make_optimizer, "discriminator": self.make_discriminator_optimizer}
        optimizers = []
        for name, make in makers.items():
            net = self.get_submodule(name)
            optimizers.append(make(equalised_groups(net) if name in self.equalised else net.parameters()))
        for optimizer in optimizers:
            equalise(optimizer)
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        return optimizers
