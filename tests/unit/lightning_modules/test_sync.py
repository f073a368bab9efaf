"""The sync expert leaves the plateau of chance."""

import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lightning_modules.sync import SyncModule
from segtalker.metrics.sync_expert import find_offsets
from segtalker.nets.tensors import mask_channels

from .drawn_talks import FRAMES, TalkData, fit, last, make_expert, talk

GROUP = 8


def _sync_sample(regions: np.ndarray, mel: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, ...]:
    starts = rng.choice(FRAMES - 5, GROUP, replace=False)
    boxes = regions[starts[:, None] + np.arange(5)]
    return torch.from_numpy(boxes), torch.from_numpy(mel[starts + 2])


def _sync_module(loss: str, steps: int) -> SyncModule:
    search = partial(find_offsets, max_shift=15, piece_frames=25, piece_stride=5, batch_size=64)
    return SyncModule(
        make_expert(positive=loss == "bce"),
        domain="mask",
        channels=mask_channels,
        optimizer=partial(torch.optim.AdamW, lr=3e-3),
        steps=steps,
        warmup_steps=5,
        loss=loss,  # type: ignore[arg-type]
        temperature=0.07,
        find_offsets=search,
        tolerance=1,
    )


def _held_out_sync() -> list[tuple[Tensor, Tensor]]:
    talks = [talk(seed) for seed in (100, 101)]
    return [(torch.from_numpy(regions), torch.from_numpy(mel[2 : FRAMES - 2])) for regions, mel in talks]


@pytest.mark.parametrize(
    ("loss", "chance", "share"), [("contrast", math.log(4 * GROUP), 0.6), ("bce", math.log(2), 0.85)]
)
def test_the_expert_leaves_the_plateau_of_chance(tmp_path: Path, loss: str, chance: float, share: float) -> None:
    history = fit(_sync_module(loss, 150), TalkData(_sync_sample, _held_out_sync(), 150, 4), tmp_path)
    assert last(history, "train/mask_loss", rows=10) < share * chance


def test_the_expert_finds_offsets_of_talks_it_never_saw(tmp_path: Path) -> None:
    history = fit(_sync_module("contrast", 150), TalkData(_sync_sample, _held_out_sync(), 150, 4), tmp_path)
    assert last(history, "val/mask_offset_accuracy") >= 0.9
