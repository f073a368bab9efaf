"""The segmenter learns from mouths that open with the sound."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lightning_modules.tsg import TsgModule
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import NUM_REGIONS

from .drawn_talks import COLUMNS, FRAMES, SIZE, TalkData, fit, last, make_expert, talk


def _tsg_sample(regions: np.ndarray, mel: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, ...]:
    start, identity = rng.integers(FRAMES - 5, size=2)
    window = slice(start, start + 5)
    parts = (regions[window], regions[identity], mel[window], mel[start + 2])
    return tuple(torch.from_numpy(part) for part in parts)


def _tsg_module(sync_weight: float, frames: int = 5) -> TsgModule:
    expert = make_expert()
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
    windows = [_tsg_sample(*talk(seed), np.random.default_rng(seed)) for seed in range(100, 116)]
    return [tuple(torch.stack(part) for part in zip(*windows, strict=True))]


def test_the_segmenter_hears(tmp_path: Path) -> None:
    module = _tsg_module(sync_weight=0.03)
    before = {name: value.clone() for name, value in module.expert.state_dict().items()}
    history = fit(module, TalkData(_tsg_sample, _held_out_tsg(), 120, 4), tmp_path)
    assert last(history, "val/mouth_iou") > 0.8
    assert last(history, "val/shuffled_mouth_iou") < last(history, "val/mouth_iou") - 0.1
    assert last(history, "train/sync") > 0
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
    history = fit(module, TalkData(_tsg_sample, _held_out_tsg(), 120, 4), tmp_path)
    assert last(history, "val/mouth_iou") > last(history, "val/shuffled_mouth_iou") + 0.1
    assert last(history, "train/sync") > 0


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
