"""Sync losses: where chance lies and which way they pull."""

import math

import pytest
import torch
from torch.nn import functional as F

from segtalker.losses.sync import sync_bce, sync_contrast, sync_loss


def _unit(rows: int, seed: int, positive: bool = False) -> torch.Tensor:
    values = torch.randn(rows, 32, generator=torch.Generator().manual_seed(seed))
    return F.normalize(values.relu() if positive else values, dim=1)


def test_contrast_of_vectors_that_say_nothing_is_chance() -> None:
    same = _unit(1, 0).expand(16, -1)
    assert sync_contrast(same, same, temperature=0.07).item() == pytest.approx(math.log(16), abs=1e-4)


def test_contrast_is_small_only_where_each_window_finds_its_own_speech() -> None:
    frames = _unit(16, 1)
    assert sync_contrast(frames, frames, temperature=0.05).item() < 0.05
    assert sync_contrast(frames, frames.roll(1, dims=0), temperature=0.05).item() > math.log(16)


def test_bce_of_half_agreement_is_ln_2() -> None:
    frames = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), dim=1)
    audio = torch.tensor([[0.5, math.sqrt(0.75)]]).expand(2, -1)
    assert sync_bce(frames, audio).item() == pytest.approx(math.log(2), abs=1e-5)


def test_bce_tells_matching_from_swapped() -> None:
    frames = _unit(8, 2, positive=True)
    assert sync_bce(frames, frames) < sync_bce(frames, frames.roll(1, dims=0))


def test_sync_loss_is_one_minus_the_cosine_and_pulls_towards_the_speech() -> None:
    frames, audio = _unit(6, 3).requires_grad_(), _unit(6, 4)
    loss = sync_loss(frames, audio)
    assert loss.item() == pytest.approx(1 - F.cosine_similarity(frames, audio).mean().item(), abs=1e-6)
    loss.backward()
    assert frames.grad is not None
    assert sync_loss(F.normalize(frames - frames.grad, dim=1), audio) < loss
