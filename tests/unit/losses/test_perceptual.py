"""The distance of features."""

import numpy as np
import torch

from segtalker.losses.perceptual import feature_loss, lpips_loss
from segtalker.nets.parser import FaceParser


def test_feature_loss_with_the_parser() -> None:
    torch.manual_seed(0)
    parser = FaceParser(channels=4, multipliers=(1, 2), regions=3).requires_grad_(False).eval()
    truth = torch.rand(1, 3, 16, 16)
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    assert feature_loss(parser.features, truth, truth) == 0
    feature_loss(parser.features, image, truth).backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_lpips_is_the_papers_sum() -> None:
    torch.manual_seed(0)
    parser = FaceParser(channels=4, multipliers=(1, 2), regions=3).requires_grad_(False).eval()
    truth, image = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16, requires_grad=True)
    weights = [torch.rand(level.shape[1]) for level in parser.features(truth)]
    expected = 0.0
    for weight, *levels in zip(weights, parser.features(image), parser.features(truth), strict=True):
        arrays = [level.detach().numpy() for level in levels]
        own, true = (array / np.linalg.norm(array, axis=1, keepdims=True) for array in arrays)
        squares = np.einsum("c,bchw->bhw", weight.numpy(), (own - true) ** 2)
        expected += squares.mean((1, 2)).mean()
    loss = lpips_loss(parser.features, weights, image, truth)
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-5)
    loss.backward()
    assert image.grad.abs().sum() > 0
    assert lpips_loss(parser.features, weights, truth, truth) == 0
