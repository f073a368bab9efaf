"""The baseline's training: it learns to open mouths with the sound, each loss in its time, resumed to the bit."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from lightning_modules.wav2lip import Wav2LipModule
from segtalker.faces.mouth_box import mouth_area
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.sync import SyncExpert
from segtalker.nets.wav2lip import Wav2LipGenerator

from .training_runs import equal, train, weights

SIDE, FRAMES, EPOCH_STEPS = 24, 5, 4
MOUTH_BOX = (16, 24)


def _window(rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Skin of a random colour with a dark mouth as high as the mel bin that sounds; the references are wide open."""
    skin = rng.integers(120, 250, 3)
    openings = rng.random(FRAMES)

    def face(opening: float) -> np.ndarray:
        image = np.full((SIDE, SIDE, 3), skin, np.uint8)
        half = round(4 * opening)
        image[18 - half : 18 + half + 1, 8:16] = 20
        return image

    bins = np.arange(80)[:, None]
    mel = np.stack([4 * np.exp(-(((bins - 15 - 50 * opening) / 6) ** 2)) - 2 for opening in openings])
    speech = np.repeat(mel, 16, axis=2).astype(np.float32)
    parts = (np.stack([face(opening) for opening in openings]), np.stack([face(1.0)] * FRAMES), speech, speech[2])
    return tuple(torch.from_numpy(part) for part in parts)


class Talks(Dataset):
    def __getitem__(self, draw: int) -> tuple[Tensor, ...]:
        return _window(draw_rng(1, draw))


class TalkData(pl.LightningDataModule):
    def __init__(self, epoch_steps: int) -> None:
        super().__init__()
        self.epoch_steps = epoch_steps

    def train_dataloader(self) -> DataLoader:
        return draw_loader(Talks(), DrawSampler(self.epoch_steps, batch_size=4), workers=0)

    def val_dataloader(self) -> DataLoader:
        return DataLoader([_window(np.random.default_rng(seed)) for seed in range(1000, 1016)], batch_size=8)


class Unplugged(Wav2LipModule):
    """Breaks off at a step."""

    stop_at = -1

    def training_step(self, batch: Any, batch_idx: int) -> None:
        if int(self.step) == self.stop_at:
            raise RuntimeError("pulled the plug")
        super().training_step(batch, batch_idx)


def _module(losses: dict[str, Any], steps: int = 12) -> Unplugged:
    torch.manual_seed(1)
    net = Wav2LipGenerator(
        channels=(8, 8, 12, 16, 16),
        blocks=(0, 1, 1, 1),
        decoder_channels=(8, 8, 12, 16, 16),
        decoder_blocks=(1, 1, 1, 1),
        audio_channels=(4, 8, 8, 16, 16),
        audio_blocks=(1, 1, 1, 1),
        mel_bins=80,
        mel_window=16,
    )
    return Unplugged(
        net,
        discriminator=PatchDiscriminator(regions=0, full_size=0, channels=(4, 8), detail=False, spectral=True),
        expert=SyncExpert(
            image_channels=3,
            frames=FRAMES,
            image_size=MOUTH_BOX,
            view=((2, 16), (4, 20)),
            mel_bins=80,
            mel_window=16,
            channels=(8, 8),
            audio_channels=(4, 4, 4),
            blocks=0,
            embedding=8,
            standardise=True,
            positive=False,
        ),
        optimizer=partial(torch.optim.AdamW, lr=5e-3),
        discriminator_optimizer=partial(torch.optim.Adam, lr=1e-3),
        **losses,
        steps=steps,
        warmup_steps=2,
        mouth_size=MOUTH_BOX,
    )


ALL = {
    "loss_weights": {"pixel": 1.0, "sync": 0.03, "adversarial": 0.01},
    "squared_weight": 2.0,
    "mouth_weight": 4.0,
    "sync_from_step": 3,
    "adversarial_from_step": 6,
}
ABSOLUTE = {
    "loss_weights": {"pixel": 1.0, "sync": 0.0, "adversarial": 0.0},
    "squared_weight": 0.0,
    "mouth_weight": 1.0,
    "sync_from_step": 0,
    "adversarial_from_step": 0,
}


def _fit(module: Wav2LipModule, folder: Path, epochs: int, epoch_steps: int = EPOCH_STEPS) -> pd.DataFrame:
    return train(module, TalkData(epoch_steps), folder, epochs=epochs)


def test_it_hears_and_takes_the_skin_from_what_it_sees(tmp_path: Path) -> None:
    module = _module(ABSOLUTE, steps=150)
    history = _fit(module, tmp_path, epochs=1, epoch_steps=150)
    last = history.groupby("name")["value"].last()
    assert last["val/mouth_psnr"] > 17
    assert last["val/mouth_psnr"] > last["val/shuffled_mouth_psnr"] + 2


def test_each_loss_counts_from_its_step_on_and_the_expert_stays_as_it_is(tmp_path: Path) -> None:
    module = _module(ALL)
    expert, critic = weights(module.expert), weights(module.discriminator)
    history = _fit(module, tmp_path, epochs=3)
    steps = {name: sorted(rows["step"]) for name, rows in history.groupby("name")}
    assert steps["train/pixel"] == list(range(1, 13))
    assert steps["train/sync"] == list(range(4, 13))
    for name in ("train/adversarial", "train/discriminator"):
        assert steps[name] == list(range(7, 13))
    assert equal(expert, weights(module.expert))
    assert not equal(critic, weights(module.discriminator))
    assert not any("expert" in name for name in module.state_dict())


def test_without_weights_neither_expert_nor_critic_is_asked(tmp_path: Path) -> None:
    module = _module(ABSOLUTE)
    critic = weights(module.discriminator)
    names = set(_fit(module, tmp_path, epochs=1)["name"])
    assert {name for name in names if name.startswith("train/")} == {"train/pixel"}
    assert equal(critic, weights(module.discriminator))


def test_differences_are_the_published_ones_but_forweights() -> None:
    faces, truth = torch.rand(2, FRAMES, 3, SIDE, SIDE), torch.rand(2, FRAMES, 3, SIDE, SIDE)
    speech = torch.zeros(2, 80, 16)
    error = faces - truth
    torch.testing.assert_close(_module(ABSOLUTE).loss_terms(faces, truth, speech)["pixel"], error.abs().mean())
    both = error.abs() + 2.0 * error.square()
    area = mouth_area(SIDE).bool().expand_as(both)
    expected = (4.0 * both[area].sum() + both[~area].sum()) / (4.0 * area.sum() + (~area).sum())
    torch.testing.assert_close(_module(ALL).loss_terms(faces, truth, speech)["pixel"], expected)


def test_the_sync_loss_moves_the_mouth_and_nothing_else() -> None:
    module = _module(ALL)
    faces = torch.rand(2, FRAMES, 3, SIDE, SIDE, requires_grad=True)
    module._sync_loss(faces, torch.randn(2, 80, 16)).backward()
    assert faces.grad is not None
    reached = faces.grad.abs().sum(dim=(0, 1, 2)) > 0
    assert not reached[: SIDE // 2 - 1].any()
    assert reached.any()


def test_resumed_with_every_loss_at_work_it_ends_like_an_unbroken_run(tmp_path: Path) -> None:
    whole = _module(ALL)
    _fit(whole, tmp_path / "whole", epochs=3)
    broken = _module(ALL)
    broken.stop_at = 10
    with pytest.raises(RuntimeError, match="plug"):
        _fit(broken, tmp_path / "broken", epochs=3)
    resumed = _module(ALL)
    _fit(resumed, tmp_path / "broken", epochs=3)
    assert int(resumed.step) == 12
    assert equal(weights(whole), weights(resumed))
    histories = [(tmp_path / name / "history.csv").read_bytes() for name in ("whole", "broken")]
    assert histories[0] == histories[1]
