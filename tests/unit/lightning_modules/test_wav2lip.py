"""The baseline's training: it learns to open mouths with the sound, each loss in its time, resumed to the bit."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from lightning_modules.training import fit
from lightning_modules.wav2lip import Wav2LipModule, Wav2LipWeights
from segtalker.faces.mouth_box import mouth_area
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.sync import SyncExpert
from segtalker.nets.wav2lip import Wav2LipGenerator

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


def _module(weights: Wav2LipWeights, steps: int = 12) -> Unplugged:
    torch.manual_seed(1)
    view = ((2, 16), (4, 20))
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
        discriminator=PatchDiscriminator(regions=0, channels=(4, 8)),
        expert=SyncExpert(3, FRAMES, MOUTH_BOX, view, 80, 16, (8, 8), (4, 4, 4), 0, 8, True, False),
        optimizer=partial(torch.optim.AdamW, lr=5e-3),
        discriminator_optimizer=partial(torch.optim.Adam, lr=1e-3),
        weights=weights,
        steps=steps,
        warmup_steps=2,
        mouth_size=MOUTH_BOX,
    )


ALL = Wav2LipWeights(squared=2.0, mouth=4.0, sync=0.03, sync_from_step=3, adversarial=0.01, adversarial_from_step=6)
ABSOLUTE = Wav2LipWeights(squared=0.0, mouth=1.0, sync=0.0, sync_from_step=0, adversarial=0.0, adversarial_from_step=0)


def _fit(module: Wav2LipModule, folder: Path, epochs: int, epoch_steps: int = EPOCH_STEPS) -> pd.DataFrame:
    fit(
        module,
        TalkData(epoch_steps),
        folder=folder,
        label="test",
        epochs=epochs,
        signature="a",
        seed=5,
        devices=1,
        num_nodes=1,
        precision="32-true",
        log_every=1,
        logger=None,
        export=lambda: None,
    )
    return pd.read_csv(folder / "history.csv")


def _weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def _equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_it_hears_and_takes_the_skin_from_what_it_sees(tmp_path: Path) -> None:
    module = _module(ABSOLUTE, steps=150)
    history = _fit(module, tmp_path, epochs=1, epoch_steps=150)
    last = history.groupby("name")["value"].last()
    assert last["val/mouth_psnr"] > 17
    assert last["val/mouth_psnr"] > last["val/shuffled_mouth_psnr"] + 2


def test_each_loss_counts_from_its_step_on_and_the_expert_stays_as_it_is(tmp_path: Path) -> None:
    module = _module(ALL)
    expert, critic = _weights(module.frozen[0]), _weights(module.discriminator)
    history = _fit(module, tmp_path, epochs=3)
    steps = {name: sorted(rows["step"]) for name, rows in history.groupby("name")}
    assert steps["train/difference"] == list(range(1, 13))
    assert steps["train/sync"] == list(range(4, 13))
    for name in ("train/adversarial", "train/discriminator"):
        assert steps[name] == list(range(7, 13))
    assert _equal(expert, _weights(module.frozen[0]))
    assert not _equal(critic, _weights(module.discriminator))
    assert not any("frozen" in name for name in module.state_dict())


def test_without_weights_neither_expert_nor_critic_is_asked(tmp_path: Path) -> None:
    module = _module(ABSOLUTE)
    critic = _weights(module.discriminator)
    names = set(_fit(module, tmp_path, epochs=1)["name"])
    assert {name for name in names if name.startswith("train/")} == {"train/difference"}
    assert _equal(critic, _weights(module.discriminator))


def test_differences_are_the_published_ones_but_for_weights() -> None:
    made, truth = torch.rand(2, FRAMES, 3, SIDE, SIDE), torch.rand(2, FRAMES, 3, SIDE, SIDE)
    error = made - truth
    torch.testing.assert_close(_module(ABSOLUTE)._difference(made, truth), error.abs().mean())
    both = error.abs() + 2.0 * error.square()
    area = mouth_area(SIDE).bool().expand_as(both)
    expected = (4.0 * both[area].sum() + both[~area].sum()) / (4.0 * area.sum() + (~area).sum())
    torch.testing.assert_close(_module(ALL)._difference(made, truth), expected)


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
    assert _equal(_weights(whole), _weights(resumed))
    histories = [(tmp_path / name / "history.csv").read_bytes() for name in ("whole", "broken")]
    assert histories[0] == histories[1]
