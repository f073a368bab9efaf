"""Both learn from mouths that open with the sound, and the sync expert leaves the plateau of chance."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from lightning_modules.sync import SyncModule
from lightning_modules.tsg import TsgModule
from segtalker.metrics.sync_expert import find_offsets
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import mask_channels
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import LIP, MOUTH, NUM_REGIONS, REGION_INDEX

from .training_runs import train

SIZE = (16, 24)
FRAMES = 60
GROUP = 8
COLUMNS = 8


def _talk(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A mouth whose height is the mel bin that sounds: regions `(F, h, w)` and mel windows of frames `(F, M, N)`."""
    rng = np.random.default_rng(seed)
    slow = np.convolve(rng.standard_normal(FRAMES + 20), np.hanning(7), "same")[10 : 10 + FRAMES]
    opening = 1 / (1 + np.exp(-slow))
    regions = np.full((FRAMES, *SIZE), REGION_INDEX["skin"], np.uint8)
    for frame, share in zip(regions, opening, strict=True):
        half = 1 + round(4 * share)
        frame[9 - half - 1 : 9 + half + 1, 6:18] = LIP
        frame[9 - half : 9 + half, 7:17] = MOUTH
    bins = np.arange(80)[:, None]
    mel = 4 * np.exp(-(((bins - 15 - 50 * opening) / 6) ** 2)) - 2 + 0.2 * rng.standard_normal((80, FRAMES))
    index = (np.arange(FRAMES)[:, None] + np.arange(COLUMNS) // 4 - 1).clip(0, FRAMES - 1)
    return regions, mel[:, index].transpose(1, 0, 2).astype(np.float32)


class Talks(Dataset):
    """Draws made by `sample(regions, mel, rng)` from one of eight talks."""

    def __init__(self, sample: Callable) -> None:
        self.sample = sample
        self.talks = [_talk(seed) for seed in range(8)]

    def __getitem__(self, draw: int) -> tuple[Tensor, ...]:
        rng = draw_rng(1, draw)
        return self.sample(*self.talks[rng.integers(8)], rng)


def _sync_sample(regions: np.ndarray, mel: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, ...]:
    starts = rng.choice(FRAMES - 5, GROUP, replace=False)
    boxes = regions[starts[:, None] + np.arange(5)]
    return torch.from_numpy(boxes), torch.from_numpy(mel[starts + 2])


def _tsg_sample(regions: np.ndarray, mel: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, ...]:
    start, identity = rng.integers(FRAMES - 5, size=2)
    window = slice(start, start + 5)
    parts = (regions[window], regions[identity], mel[window], mel[start + 2])
    return tuple(torch.from_numpy(part) for part in parts)


class TalkData(pl.LightningDataModule):
    def __init__(self, sample: Callable, held_out: list, steps: int, batch_size: int) -> None:
        super().__init__()
        self.train_set, self.held_out, self.steps, self.batch_size = Talks(sample), held_out, steps, batch_size

    def train_dataloader(self) -> DataLoader:
        return draw_loader(self.train_set, DrawSampler(self.steps, self.batch_size), workers=0)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.held_out, batch_size=None)


def _fit(module: pl.LightningModule, data: TalkData, folder: Path) -> pd.DataFrame:
    return train(module, data, folder, epochs=1, seed=1)


def _last(history: pd.DataFrame, name: str, rows: int = 1) -> float:
    return float(history[history["name"] == name]["value"].tail(rows).mean())


def _expert(positive: bool = False) -> SyncExpert:
    torch.manual_seed(0)
    return SyncExpert(
        image_channels=2,
        frames=5,
        image_size=SIZE,
        view=((2, 16), (4, 20)),
        mel_bins=80,
        mel_window=COLUMNS,
        channels=(8, 16),
        audio_channels=(4, 8, 8),
        blocks=0,
        embedding=16,
        standardise=False,
        positive=positive,
    )


def _sync_module(loss: str, steps: int) -> SyncModule:
    search = partial(find_offsets, max_shift=15, piece_frames=25, piece_stride=5, batch_size=64)
    return SyncModule(
        _expert(positive=loss == "bce"),
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
    talks = [_talk(seed) for seed in (100, 101)]
    return [(torch.from_numpy(regions), torch.from_numpy(mel[2 : FRAMES - 2])) for regions, mel in talks]


@pytest.mark.parametrize(
    ("loss", "chance", "share"), [("contrast", math.log(4 * GROUP), 0.6), ("bce", math.log(2), 0.85)]
)
def test_the_expert_leaves_the_plateau_of_chance(tmp_path: Path, loss: str, chance: float, share: float) -> None:
    history = _fit(_sync_module(loss, 150), TalkData(_sync_sample, _held_out_sync(), 150, 4), tmp_path)
    assert _last(history, "train/mask_loss", rows=10) < share * chance


def test_the_expert_finds_offsets_of_talks_it_never_saw(tmp_path: Path) -> None:
    history = _fit(_sync_module("contrast", 150), TalkData(_sync_sample, _held_out_sync(), 150, 4), tmp_path)
    assert _last(history, "val/mask_offset_accuracy") >= 0.9


def _tsg_module(sync_weight: float, frames: int = 5) -> TsgModule:
    expert = _expert()
    torch.manual_seed(0)
    net = TalkingSegmenter(
        regions=NUM_REGIONS,
        frames=frames,
        mel_bins=80,
        mel_window=COLUMNS,
        channels=(16, 16),
        decoder_channels=(8, 16),
        audio_channels=(4, 8, 8),
        blocks=0,
        speech=16,
    )
    return TsgModule(
        net,
        expert=expert,
        optimizer=partial(torch.optim.AdamW, lr=5e-3),
        steps=120,
        warmup_steps=5,
        balance=0.5,
        loss_weights={"cross_entropy": 1.0, "sync": sync_weight},
        box_size=SIZE,
    )


def _held_out_tsg() -> list[tuple[Tensor, ...]]:
    windows = [_tsg_sample(*_talk(seed), np.random.default_rng(seed)) for seed in range(100, 116)]
    return [tuple(torch.stack(part) for part in zip(*windows, strict=True))]


def test_the_segmenter_hears(tmp_path: Path) -> None:
    module = _tsg_module(sync_weight=0.03)
    before = {name: value.clone() for name, value in module.expert.state_dict().items()}
    history = _fit(module, TalkData(_tsg_sample, _held_out_tsg(), 120, 4), tmp_path)
    assert _last(history, "val/mouth_iou") > 0.8
    assert _last(history, "val/shuffled_mouth_iou") < _last(history, "val/mouth_iou") - 0.1
    assert _last(history, "train/sync") > 0
    after = module.expert.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any("expert" in name for name in module.state_dict())


def test_without_its_weight_the_sync_loss_is_not_computed() -> None:
    module = _tsg_module(sync_weight=0.0)
    logged: list[str] = []
    module.log_dict = lambda values, *_, **__: logged.extend(values)  # type: ignore[method-assign,assignment]
    module.training_step(_held_out_tsg()[0], 0)  # type: ignore[arg-type]
    assert logged == ["train/cross_entropy"]


def test_one_frame_at_a_time_hears_too_and_sync_is_judged_over_windows(tmp_path: Path) -> None:
    module = _tsg_module(sync_weight=0.03, frames=1)
    history = _fit(module, TalkData(_tsg_sample, _held_out_tsg(), 120, 4), tmp_path)
    assert _last(history, "val/mouth_iou") > _last(history, "val/shuffled_mouth_iou") + 0.1
    assert _last(history, "train/sync") > 0


def test_one_frame_at_a_time_no_frame_knows_of_another() -> None:
    regions, identity, speech, _ = _held_out_tsg()[0]
    other = regions.clone()
    other[:, 3] = other[:, 3].flip(-1).roll(5, -1)
    for frames, alone in ((1, True), (5, False)):
        module = _tsg_module(sync_weight=0.0, frames=frames).eval()
        change = (module.predict(regions, identity, speech) - module.predict(other, identity, speech)).abs()
        assert change[:, 3].max() > 0
        assert (change[:, [0, 1, 2, 4]].max() == 0) == alone


def test_windows_in_parts_keep_their_order() -> None:
    regions, identity, speech, _ = _held_out_tsg()[0]
    module = _tsg_module(sync_weight=0.0, frames=1).eval()
    whole = module.predict(regions, identity, speech)
    for frame in range(5):
        part = slice(frame, frame + 1)
        torch.testing.assert_close(module.predict(regions[:, part], identity, speech[:, part]), whole[:, part])
