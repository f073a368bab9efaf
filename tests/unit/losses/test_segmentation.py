"""Segmentation losses against hand counts."""

import torch

from segtalker.losses.segmentation import balanced_cross_entropy, balanced_weights, dice_loss


def _labels() -> torch.Tensor:
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    labels[0, 0, :4] = 1
    labels[0, 1, 0] = 2
    return labels


def test_weights_average_one_over_pixels_and_lift_rare_regions() -> None:
    labels = _labels()
    for power in (0.0, 0.5, 1.0):
        weights = balanced_weights(labels, regions=4, power=power)
        torch.testing.assert_close(weights[labels].mean(), torch.tensor(1.0))
        assert weights[3] == 0
    flat, equal = balanced_weights(labels, 4, 0.0), balanced_weights(labels, 4, 1.0)
    torch.testing.assert_close(flat[:3], torch.ones(3))
    totals = equal[:3] * torch.tensor([59.0, 4.0, 1.0])
    torch.testing.assert_close(totals, totals.mean().expand(3))


def test_cross_entropy_without_balance_is_the_plain_one() -> None:
    logits = torch.randn(1, 4, 8, 8)
    plain = torch.nn.functional.cross_entropy(logits, _labels())
    torch.testing.assert_close(balanced_cross_entropy(logits, _labels(), 0.0), plain)


def test_dice_is_zero_for_the_truth_and_ignores_absent_regions() -> None:
    labels = _labels()
    perfect = 50.0 * torch.nn.functional.one_hot(labels, 4).movedim(-1, 1).float()
    assert dice_loss(perfect, labels) < 1e-5
    missed = perfect.clone()
    missed[:, 2] = -50.0
    missed[0, 0, 1, 0] = 50.0
    torch.testing.assert_close(dice_loss(missed, labels), torch.tensor(1 / 3), atol=0.01, rtol=0)
