"""Pairs of reference and target."""

import numpy as np
import torch

from datamodules.augment import Augmentation
from datamodules.clip_draws import ClipChoice
from datamodules.draws import DrawDataModule
from datamodules.reference_pairs import PairDraw, PairDraws, PairFrames, widest_mouth
from segtalker.nets.tensors import one_hot
from segtalker.regions import MOUTH, NO_REGION

STILL = Augmentation(flip=0.0, rotation_deg=0.0, scale=0.0, shift=0.0, colour=0.0, blur=0.0)
LIVELY = Augmentation(flip=0.5, rotation_deg=10.0, scale=0.1, shift=0.05, colour=0.3, blur=0.0)


ALL_ALIKE = ClipChoice(["", "", ""], {})


def _how(
    same_frame: float,
    augmentation: Augmentation = STILL,
    movement: Augmentation = STILL,
    mouth_change: float = 0.0,
    hidden_mouth: float = 0.0,
) -> PairDraw:
    return PairDraw(
        candidates=4,
        same_frame=same_frame,
        augmentation=augmentation,
        movement=movement,
        mouth_change=mouth_change,
        hidden_mouth=hidden_mouth,
    )


def test_the_widest_mouth_wins_and_the_first_of_equals(faces) -> None:
    areas = [np.count_nonzero(faces.read_labels(0, index) == MOUTH) for index in range(5)]
    assert widest_mouth(faces, 0, np.arange(5)) == int(np.argmax(areas))
    assert widest_mouth(faces, 0, np.array([0, 0])) == 0


def test_both_frames_come_from_one_clip(faces) -> None:
    draws = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(0.0))
    columns = []
    for draw in range(20):
        pair = draws[draw]
        edges = [int((pair[name] > 0).any(0).nonzero()[0]) for name in ("reference_labels", "target_labels")]
        assert edges[0] == edges[1]
        columns.append(edges[0])
    assert len(set(columns)) == 3


def test_references_have_wider_mouths_than_targets_on_average(faces) -> None:
    draws = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(0.0))
    areas = np.array(
        [[int((draws[n][name] == MOUTH).sum()) for name in ("reference_labels", "target_labels")] for n in range(60)]
    )
    assert areas[:, 0].mean() > 1.3 * areas[:, 1].mean()


def test_the_same_frame_on_demand(faces) -> None:
    pair = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(1.0, augmentation=LIVELY))[5]
    assert torch.equal(pair["reference"], pair["target"])
    assert torch.equal(pair["reference_labels"], pair["target_labels"])


def test_movement_moves_the_reference_alone_and_colours_change_both(faces) -> None:
    moved = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(1.0, movement=LIVELY))[5]
    assert not torch.equal(moved["reference_labels"], moved["target_labels"])
    still = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(1.0))[5]
    assert torch.equal(moved["target_labels"], still["target_labels"])
    coloured = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(1.0, augmentation=LIVELY))[5]
    assert not torch.equal(coloured["target"].mean((1, 2)), still["target"].mean((1, 2)))


def test_a_photograph_is_its_own_reference_with_another_mouth(faces) -> None:
    draws = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(1.0, mouth_change=0.7))
    plain = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(1.0))
    mouths = []
    for draw in range(30):
        pair, same = draws[draw], plain[draw]
        assert torch.equal(pair["target"], same["target"])
        mouths.append([int((pair[name] == MOUTH).sum()) for name in ("reference_labels", "target_labels")])
    reference, target = np.array(mouths).T
    assert (reference > target).any()
    assert (reference < target).any()


def test_a_hidden_mouth_is_seen_in_no_reference_and_in_every_target(faces) -> None:
    pair = PairDraws(faces, ALL_ALIKE, seed=1, how=_how(1.0, hidden_mouth=1.0))[5]
    assert MOUTH in pair["target_labels"]
    hidden = pair["target_labels"] == MOUTH
    assert torch.equal(pair["reference_labels"] == NO_REGION, hidden)
    assert one_hot(pair["reference_labels"])[:, hidden].sum() == 0


def test_a_draw_is_a_function_of_its_number(faces) -> None:
    one, two = (PairDraws(faces, ALL_ALIKE, seed=9, how=_how(0.2, LIVELY, LIVELY))[33] for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_validation_uses_the_widest_mouth_of_the_whole_clip(faces) -> None:
    pairs = PairFrames(faces, per_group=2)
    widest = widest_mouth(faces, 0, np.arange(5))
    assert pairs.keys == [(group, widest, target) for group in range(3) for target in (0, 4)]
    assert pairs[1]["target"].shape == (3, 32, 32)


def test_the_datamodule_serves_batches(faces) -> None:
    data = DrawDataModule(
        train=PairDraws(faces, ALL_ALIKE, 1, _how(0.1)),
        held_out=PairFrames(faces, 2),
        epoch_steps=2,
        accumulate=1,
        batch_size=3,
        eval_batch_size=3,
        workers=0,
    )
    batch = next(iter(data.train_dataloader()))
    assert batch["reference"].shape == (3, 3, 32, 32)
    assert sum(len(batch["target"]) for batch in data.val_dataloader()) == 6
