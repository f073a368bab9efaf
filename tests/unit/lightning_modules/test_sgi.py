"""The renderer's training: both stages, exact resume in the second, what is kept."""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tiny_encoder import make_encoder
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from lightning_modules.sgi import SgiModule, Smoothing
from segtalker.losses.reconstruction import psnr
from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.generator import MaskGuidedGenerator
from segtalker.nets.parser import FaceParser
from segtalker.nets.residual_encoder import ResidualEncoder
from segtalker.nets.stylegan2_discriminator import StyleGan2Discriminator
from segtalker.regions import NUM_REGIONS, REGION_INDEX

from .training_runs import equal, train, weights

SIDE, EPOCH_STEPS = 32, 4
LOSS_WEIGHTS = {"pixel": 1.0, "gradient": 0.5, "detail": 1.0, "parsing": 0.1, "adversarial": 0.05, "matching": 0.5}
LOSS_WEIGHTS |= {"path_length": 0.0, "lpips": 0.0}
PLAIN = Smoothing(r1=0.0, r1_every=16, path_every=4, path_shrink=2, path_decay=0.01)


class Faces(Dataset):
    """A skin box of a random colour with a bright rim the textures are too coarse for."""

    def __getitem__(self, draw: int) -> dict[str, Tensor]:
        rng = draw_rng(3, draw)
        labels = torch.zeros(SIDE, SIDE, dtype=torch.int64)
        top = int(rng.integers(2, 8))
        labels[top : top + 20, 6:26] = REGION_INDEX["skin"]
        image = torch.full((3, SIDE, SIDE), -0.5)
        image[:, labels > 0] = torch.from_numpy(rng.uniform(-0.5, 0.5, (3, 1)).astype("float32"))
        image[:, top : top + 2, 6:26] = 1.0
        return {"reference": image, "reference_labels": labels, "target": image, "target_labels": labels}


class FaceData(pl.LightningDataModule):
    def __init__(self, batches: int = EPOCH_STEPS, batch_size: int = 2) -> None:
        super().__init__()
        self.batches, self.batch_size = batches, batch_size

    def train_dataloader(self) -> DataLoader:
        return draw_loader(Faces(), DrawSampler(self.batches, self.batch_size), workers=0)

    def val_dataloader(self) -> DataLoader:
        return DataLoader([Faces()[1000 + index] for index in range(2)], batch_size=2)


class Unplugged(SgiModule):
    """Breaks off at a step."""

    stop_at = -1

    def training_step(self, batch: Any, batch_idx: int) -> None:
        if int(self.step) == self.stop_at:
            raise RuntimeError("pulled the plug")
        super().training_step(batch, batch_idx)


def _module(adversarial_steps: int, reconstruction_steps: int = 5, **loss_weights: float) -> Unplugged:
    torch.manual_seed(1)
    sizes = {"image_size": SIDE, "style": 4, "texture": 4}
    return Unplugged(
        encoder=make_encoder(MaskGuidedEncoder, **sizes, channels={16: 4, 8: 6}, taps=(16, 8)),
        generator=MaskGuidedGenerator(
            **sizes,
            regions=NUM_REGIONS,
            hung_mouth=False,
            channels={8: 8, 16: 8},
            masked_up_to=16,
            mapping_layers=1,
            detailed=("hair",),
            exact_borders=True,
            soft_edges=True,
        ),
        discriminator=PatchDiscriminator(
            regions=NUM_REGIONS, full_size=0, channels=(4, 8), detail=False, spectral=True
        ),
        parser=FaceParser(channels=4, multipliers=(1, 2), regions=NUM_REGIONS).requires_grad_(False).eval(),
        lpips=None,
        optimizer=partial(torch.optim.Adam, lr=1e-2),
        discriminator_optimizer=partial(torch.optim.Adam, lr=1e-2),
        equalised=(),
        game="hinge",
        smoothing=PLAIN,
        loss_weights=LOSS_WEIGHTS | loss_weights,
        region_weights=(1.0,) * NUM_REGIONS,
        squared_weight=1.0,
        gradient_scales=2,
        detail_window=8,
        reconstruction_steps=reconstruction_steps,
        adversarial_steps=adversarial_steps,
        warmup_steps=2,
        ema_decay=0.9,
        edge=1,
    )


def test_resume_in_the_adversarial_stage_ends_like_an_unbroken_run(tmp_path: Path) -> None:
    whole = _module(adversarial_steps=7)
    train(whole, FaceData(), tmp_path / "whole", epochs=3)
    broken = _module(adversarial_steps=7)
    broken.stop_at = 10
    with pytest.raises(RuntimeError, match="plug"):
        train(broken, FaceData(), tmp_path / "broken", epochs=3)
    resumed = _module(adversarial_steps=7)
    train(resumed, FaceData(), tmp_path / "broken", epochs=3)
    assert int(resumed.step) == 12
    assert equal(weights(whole), weights(resumed))
    histories = [(tmp_path / name / "history.csv").read_bytes() for name in ("whole", "broken")]
    assert histories[0] == histories[1]


def test_each_stage_trains_what_it_should(tmp_path: Path) -> None:
    module = _module(adversarial_steps=8, reconstruction_steps=4)
    before, parser = weights(module.discriminator), weights(module.parser)
    history = train(module, FaceData(), tmp_path, epochs=3)
    steps = {name: sorted(rows["step"]) for name, rows in history.groupby("name")}
    assert steps["train/pixel"] == list(range(1, 13))
    for name in ("train/discriminator", "train/adversarial", "train/matching", "train/parsing"):
        assert steps[name] == list(range(5, 13))
    assert steps["val/psnr"] == [4, 8, 12]
    assert not equal(before, weights(module.discriminator))
    assert equal(parser, weights(module.parser))


def test_it_learns_and_keeps_the_average(tmp_path: Path) -> None:
    module = _module(adversarial_steps=0, reconstruction_steps=60)
    batch = next(iter(FaceData().val_dataloader()))
    start = psnr(module.render(module.average, batch)[0], batch["target"])
    train(module, FaceData(), tmp_path, epochs=15)
    average, last = (
        psnr(module.render(nets, batch)[0], batch["target"]) for nets in (module.average, module.generator)
    )
    assert average > start + 3.0
    assert abs(average - last) < 3.0
    assert average != last


def test_a_loss_without_weight_is_not_computed_where_it_needs_a_net(tmp_path: Path) -> None:
    history = train(_module(adversarial_steps=4, reconstruction_steps=4, parsing=0.0), FaceData(), tmp_path, epochs=2)
    assert "train/parsing" not in set(history["name"])
    assert "train/adversarial" in set(history["name"])


def _learn(folder: Path, data: FaceData, adversarial_steps: int, **changes: Any) -> Unplugged:
    module = _module(adversarial_steps=adversarial_steps, reconstruction_steps=8 - adversarial_steps)
    # no Adam: it makes steps of the rounding of gradients that are nearly nothing
    module.make_optimizer = module.make_discriminator_optimizer = partial(torch.optim.SGD, lr=0.05)
    train(module, data, folder, epochs=2, **changes)
    return module


def _style_gan(**loss_weights: float) -> Unplugged:
    """All of StyleGAN2's game: logistic loss, R1 every third and lengths of paths every second step."""
    module = _module(adversarial_steps=7, **{"path_length": 2.0, **loss_weights})
    module.discriminator = StyleGan2Discriminator(regions=0, image_size=SIDE, channel_base=64, channel_max=8)
    module.game, module.equalised = "softplus", ("generator", "discriminator")
    module.smoothing = Smoothing(r1=10.0, r1_every=3, path_every=2, path_shrink=2, path_decay=0.1)
    return module


def test_style_gans_game_pays_its_penalties_now_and_then_and_resumes(tmp_path: Path) -> None:
    whole, penalties, paths = _style_gan(), [], []
    inner, inner_path = whole._gradient_penalty, whole.path_penalty
    whole._gradient_penalty = lambda *args: penalties.append((int(whole.step), inner(*args))) or penalties[-1][1]
    whole.path_penalty = lambda *args: paths.append(int(whole.step)) or inner_path(*args)
    history = train(whole, FaceData(), tmp_path / "whole", epochs=3)
    assert [step for step, penalty in penalties if penalty is not None] == [5, 8, 11]
    assert paths == [5, 7, 9, 11]
    assert {"train/r1", "train/path_length"} <= set(history["name"])
    assert whole.mean_path_length > 0

    broken = _style_gan()
    broken.stop_at = 10
    with pytest.raises(RuntimeError, match="plug"):
        train(broken, FaceData(), tmp_path / "broken", epochs=3)
    resumed = _style_gan()
    train(resumed, FaceData(), tmp_path / "broken", epochs=3)
    assert equal(weights(whole), weights(resumed))


def test_statistics_of_normalisation_are_kept_with_the_average(tmp_path: Path) -> None:
    module = _module(adversarial_steps=0)
    sizes = {"image_size": SIDE, "style": 4, "texture": 4, "units": (1,), "channels": {16: 4, 8: 6}, "taps": (16, 8)}
    encoder = make_encoder(ResidualEncoder, **sizes)
    module.generator["encoder"], module.average["encoder"] = encoder, copy.deepcopy(encoder)
    train(module, FaceData(), tmp_path, epochs=1)
    statistics = dict(module.average["encoder"].named_buffers())
    assert statistics
    assert all(torch.equal(values, dict(encoder.named_buffers())[name]) for name, values in statistics.items())
    assert not torch.equal(module.average["encoder"].convolutions[0][1].running_var, torch.ones(4))


def test_batches_of_a_step_count_as_one_large_one(tmp_path: Path) -> None:
    large = _learn(tmp_path / "large", FaceData(batch_size=6), adversarial_steps=0)
    parts = _learn(tmp_path / "parts", FaceData(3 * EPOCH_STEPS), adversarial_steps=0, accumulate=3)
    assert int(parts.step) == int(large.step) == 8
    for nets in ("generator", "average"):
        state, part_state = (weights(module.get_submodule(nets)) for module in (large, parts))
        torch.testing.assert_close(part_state, state, rtol=1e-4, atol=1e-5)


def test_gradients_of_both_networks_are_cut(tmp_path: Path) -> None:
    """At a limit next to nothing neither moves, though the rate is the same."""
    start = _module(adversarial_steps=4)
    moved = _learn(tmp_path / "free", FaceData(), adversarial_steps=4)
    held = _learn(tmp_path / "cut", FaceData(), adversarial_steps=4, gradient_clip=1e-6)
    for nets in ("generator", "discriminator"):
        before, after, cut = (
            torch.cat([weight.detach().flatten() for weight in module.get_submodule(nets).parameters()])
            for module in (start, moved, held)
        )
        assert (after - before).abs().max() > 1e-3
        assert (cut - before).abs().max() < 1e-5
