"""The distance of features."""

import torch

from segtalker.losses.perceptual import feature_loss
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
