"""Draws by number, in batches and over processes."""

from types import SimpleNamespace

import pytest

from datamodules.augment import Augmentation
from datamodules.clip_draws import ClipChoice
from datamodules.draws import DrawDataModule, DrawSampler
from datamodules.labelled_frames import LabelledDraws, LabelledFrames

LIVELY = Augmentation(flip=0.5, rotation_deg=15.0, scale=0.1, shift=0.05, colour=0.2, blur=0.5)
EPOCH_STEPS = 4


def test_the_datamodule_serves_batches(faces) -> None:
    data = DrawDataModule(
        train=LabelledDraws(faces, ClipChoice(["", "", ""], {}), 1, LIVELY, 0),
        held_out=LabelledFrames(faces, 1),
        epoch_steps=2,
        accumulate=1,
        batch_size=4,
        eval_batch_size=2,
        workers=0,
    )
    batches = list(data.train_dataloader())
    assert [tuple(image.shape) for image, _ in batches] == [(4, 3, 32, 32)] * 2
    assert sum(len(labels) for _, labels in data.val_dataloader()) == 3


@pytest.mark.parametrize("accumulate", [1, 3])
def test_coarse_steps_are_steps_however_many_ranks_and_batches_share_them(faces, accumulate: int) -> None:
    """On each rank of two, images of half the size end with the second step."""
    for rank in range(2):
        data = DrawDataModule(
            train=LabelledDraws(faces, ClipChoice(["", "", ""], {}), 1, LIVELY, coarse_steps=2),
            held_out=LabelledFrames(faces, 1),
            epoch_steps=EPOCH_STEPS,
            accumulate=accumulate,
            batch_size=3,
            eval_batch_size=2,
            workers=0,
        )
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2)  # type: ignore[assignment]
        assert [image.shape[-1] for image, _ in data.train_dataloader()] == [
            side for side in (16, 16, 32, 32) for _ in range(accumulate)
        ]


def test_ranks_draw_different_samples_and_none_twice() -> None:
    samplers = [DrawSampler(EPOCH_STEPS, batch_size=3, rank=rank, world_size=2) for rank in range(2)]
    draws = []
    for epoch in range(2):
        for sampler in samplers:
            sampler.set_epoch(epoch)
            draws += [draw for batch in sampler for draw in batch]
    assert sorted(draws) == list(range(2 * 2 * EPOCH_STEPS * 3))
