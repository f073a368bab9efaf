"""Reconstruction losses: zero at the truth, and weighted as said."""

import pytest
import torch

from segtalker.losses.reconstruction import (
    detail_loss,
    gradient_loss,
    pixel_loss,
    psnr,
    region_pixel_weights,
    weighted_mean,
)


def test_the_truth_costs_nothing() -> None:
    truth, weights = torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16)
    assert pixel_loss(truth, truth, weights, squared_weight=1.0) == 0
    assert gradient_loss(truth, truth, weights, scales=3) == 0


@pytest.mark.parametrize(("squared", "expected"), [(0.0, 0.5), (1.0, 0.75), (2.0, 1.0)])
def test_pixel_loss_is_absolute_plus_squared(squared: float, expected: float) -> None:
    truth = torch.zeros(1, 3, 4, 4)
    loss = pixel_loss(truth + 0.5, truth, torch.ones(1, 1, 4, 4), squared)
    torch.testing.assert_close(loss, torch.tensor(expected))


def test_psnr_of_a_known_error() -> None:
    truth = torch.zeros(2, 3, 4, 4)
    torch.testing.assert_close(psnr(truth + 0.2, truth), torch.tensor(20.0))
    torch.testing.assert_close(psnr(truth + 3.0, truth + 1.0), torch.tensor(100.0))


def test_weights_choose_the_pixels_that_count() -> None:
    errors = torch.zeros(1, 3, 2, 2)
    errors[..., 0, 0] = 1.0
    weights = torch.tensor([[3.0, 1.0], [0.0, 0.0]]).view(1, 1, 2, 2)
    assert weighted_mean(errors, weights) == 0.75
    assert weighted_mean(errors, 10 * weights) == 0.75


def test_gradient_loss_sees_blur_but_no_shift_of_brightness() -> None:
    torch.manual_seed(0)
    truth, weights = torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16)
    blurred = torch.nn.functional.avg_pool2d(truth, 3, stride=1, padding=1)
    assert gradient_loss(truth + 0.2, truth, weights, scales=2) < 1e-6
    assert gradient_loss(blurred, truth, weights, scales=2) > 0.1


def test_detail_loss_minds_blur_more_than_where_strands_lie() -> None:
    torch.manual_seed(0)
    truth = torch.rand(1, 3, 64, 64)
    blurred = torch.nn.functional.avg_pool2d(truth, 3, stride=1, padding=1)
    assert detail_loss(truth, truth, window=8, scales=2) == 0
    blur, moved = (detail_loss(image, truth, window=8, scales=2) for image in (blurred, truth.roll(1, dims=3)))
    assert blur > 5 * moved


def test_region_weights_reach_their_pixels() -> None:
    masks = torch.zeros(1, 3, 1, 3)
    masks[0, [0, 1, 2], 0, [0, 1, 2]] = 1
    weights = region_pixel_weights(masks, torch.tensor([0.5, 1.0, 2.0]))
    assert weights.flatten().tolist() == [0.5, 1.0, 2.0]
