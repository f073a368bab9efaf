"""Sampling that is a pure function of the seed and the step, so that a resumed run sees the same batches."""

from collections.abc import Iterator

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset, Sampler


class DrawSampler(Sampler[list[int]]):
    """Batches of draw numbers; a dataset turns each number into a sample with `draw_rng`.

    An epoch is `epoch_steps` batches, not a pass over the data. Epoch e, batch s, position p on rank r of W draws
    number `((e * epoch_steps + s) * W + r) * batch_size + p`: no number comes twice.

    Args:
        epoch_steps: batches an epoch.
        batch_size: samples a batch and rank.
        rank: this process among `world_size`.
        world_size: how many processes train together.
    """

    def __init__(self, epoch_steps: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.epoch_steps = epoch_steps
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    @property
    def sampler(self) -> "DrawSampler":
        """Itself: Lightning looks for `set_epoch` on the sampler inside a batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Moves to an epoch; Lightning calls it before each."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.epoch_steps

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.epoch * self.epoch_steps, (self.epoch + 1) * self.epoch_steps):
            first = (step * self.world_size + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))


def draw_rng(seed: int, draw: int) -> np.random.Generator:
    """The random numbers of one draw."""
    return np.random.default_rng((seed, draw))


def draw_loader(dataset: Dataset, sampler: DrawSampler, workers: int) -> DataLoader:
    """A training loader over draws; `workers` processes prepare them, none where it is 0."""
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="forkserver" if workers else None,
    )


class StepDraws(Dataset):
    """Draws that change from some step on; a draw's step is its number over `step_draws`.

    How many draws all ranks together make in a step is known when training starts: `DrawDataModule` says it.
    """

    step_draws = 1


class DrawDataModule(pl.LightningDataModule):
    """Random draws to train on, fixed samples of other people to validate on.

    Args:
        train: turns a draw number into a sample.
        held_out: samples in a fixed order.
        epoch_steps: steps an epoch.
        accumulate: batches a step.
        batch_size: samples a batch and rank.
        eval_batch_size: samples a batch in validation; None: each sample is a batch already.
        workers: processes that prepare samples.
    """

    def __init__(
        self,
        *,
        train: Dataset,
        held_out: Dataset,
        epoch_steps: int,
        accumulate: int,
        batch_size: int,
        eval_batch_size: int | None,
        workers: int,
    ) -> None:
        super().__init__()
        self.train_set = train
        self.held_out_set = held_out
        self.epoch_steps = epoch_steps
        self.accumulate = accumulate
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.workers = workers

    def train_dataloader(self) -> DataLoader:
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        if isinstance(self.train_set, StepDraws):
            self.train_set.step_draws = self.batch_size * world_size * self.accumulate
        sampler = DrawSampler(self.epoch_steps * self.accumulate, self.batch_size, rank, world_size)
        return draw_loader(self.train_set, sampler, self.workers)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.held_out_set, batch_size=self.eval_batch_size)
