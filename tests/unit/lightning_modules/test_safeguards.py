"""A training that diverges ends, in one line, with the state before; gradients are no longer than they may be."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.draws import DrawSampler, draw_loader, draw_rng
from lightning_modules.safeguards import GradientClip
from segtalker.utils.errors import DivergedError, SegTalkerError

from .training_runs import equal, train, weights

EPOCH_STEPS, EPOCHS = 4, 3


class Noise(torch.utils.data.Dataset):
    def __getitem__(self, draw: int) -> Tensor:
        return torch.from_numpy(draw_rng(3, draw).standard_normal(8).astype("float32"))


class NoiseData(pl.LightningDataModule):
    def train_dataloader(self) -> DataLoader:
        return draw_loader(Noise(), DrawSampler(EPOCH_STEPS, batch_size=2), 0)

    def val_dataloader(self) -> DataLoader:
        return DataLoader([torch.ones(8)], batch_size=1)


class Fragile(pl.LightningModule):
    """A loss, or a gradient alone, that is not finite at one step."""

    def __init__(self, bad_loss: int = 0, bad_gradient: int = 0, value: float = float("nan")) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Linear(8, 1)
        self.bad_loss, self.bad_gradient, self.value = bad_loss, bad_gradient, value

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        step = self.global_step + 1
        output = self.net(batch)
        if step == self.bad_gradient:
            output.register_hook(lambda gradient: gradient * self.value)
        loss = output.square().mean() * (self.value if step == self.bad_loss else 1.0)
        self.log("train/loss", loss.detach())
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        assert self.net(batch).isfinite().all(), "validated by weights that are not finite"

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.1)


def _train(folder: Path, module: Fragile, **changes: Any) -> dict[str, Tensor]:
    train(module, NoiseData(), folder, epochs=EPOCHS, **changes)
    return weights(module.net)


@pytest.mark.parametrize(
    ("module", "log_every", "said"),
    [
        (Fragile(bad_loss=6), 1, r"test: train/loss \(nan\) is not finite at step 6;"),
        (Fragile(bad_loss=6, value=float("inf")), 1, r"train/loss \(inf\) is not finite at step 6;"),
        (Fragile(bad_loss=6), 7, r"train/loss \(nan\) is not finite at step 7;"),
        (Fragile(bad_loss=6), 100, r"train/loss \(nan\) is not finite at step 8;"),
        (Fragile(bad_gradient=8), 1, r"a weight is not finite at step 8;"),
    ],
)
def test_it_ends_and_the_state_before_stays(tmp_path: Path, module: Fragile, log_every: int, said: str) -> None:
    with pytest.raises(DivergedError, match=said) as ended:
        _train(tmp_path, module, log_every=log_every)
    assert isinstance(ended.value, SegTalkerError)  # which ends a stage with exit code 2
    assert str(ended.value).endswith(f"to 32-true; the state before lies in {tmp_path / 'last.ckpt'}")
    assert "\n" not in str(ended.value)
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert state["epoch"] == 0
    assert all(values.isfinite().all() for values in state["state_dict"].values())
    assert not (tmp_path / "history.csv").exists()


class NobodyHeldOut(NoiseData):
    def val_dataloader(self) -> list[Tensor]:  # type: ignore[override]
        return []


@pytest.mark.filterwarnings("ignore:Total length of `list`")
def test_weights_are_looked_at_where_nobody_is_held_out(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"a weight is not finite at step 12;"):
        train(Fragile(bad_gradient=EPOCH_STEPS * EPOCHS), NobodyHeldOut(), tmp_path, epochs=EPOCHS, log_every=1)


def test_the_next_run_goes_on_from_there(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole", Fragile())
    with pytest.raises(DivergedError):
        _train(tmp_path / "broken", Fragile(bad_loss=6))
    assert equal(whole, _train(tmp_path / "broken", Fragile()))


def test_nothing_is_kept_of_a_first_epoch_that_diverges(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"32-true$"):
        _train(tmp_path, Fragile(bad_loss=2), log_every=100)
    assert list(tmp_path.iterdir()) == []


def test_gradients_are_cut_to_the_norm_and_shorter_ones_left(tmp_path: Path) -> None:
    norms: list[float] = []

    class Watched(Fragile):
        def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
            norms.append(float(torch.cat([weight.grad.flatten() for weight in self.net.parameters()]).norm()))

    free = _train(tmp_path / "free", Watched())
    free_norms, limit = norms.copy(), sorted(norms)[len(norms) // 2]
    norms.clear()
    clipped = _train(tmp_path / "clipped", Watched(), gradient_clip=limit)
    assert max(norms) == pytest.approx(limit, rel=1e-4)
    assert norms[0] == pytest.approx(min(free_norms[0], limit), rel=1e-4)
    assert not equal(free, clipped)
    assert equal(free, _train(tmp_path / "wide", Watched(), gradient_clip=2 * max(free_norms)))


def test_the_clip_counts_all_weights_of_an_optimiser_together() -> None:
    first, second = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2))
    first.grad, second.grad = torch.full((3,), 2.0), torch.full((2,), -1.0)
    norm = (3 * 4.0 + 2 * 1.0) ** 0.5
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second], "lr": 1.0}], lr=0.1)
    GradientClip(0.5).on_before_optimizer_step(None, None, optimizer)  # type: ignore[arg-type]
    torch.testing.assert_close(first.grad, torch.full((3,), 2.0 * 0.5 / norm))
    torch.testing.assert_close(second.grad, torch.full((2,), -1.0 * 0.5 / norm))
