"""The face parser's shapes and that it can learn at all."""

import pytest
import torch

from segtalker.losses.segmentation import balanced_cross_entropy
from segtalker.nets.parser import FaceParser


def test_scores_every_region_at_every_pixel() -> None:
    parser = FaceParser(channels=4, multipliers=(1, 2, 3), regions=12)
    assert parser(torch.zeros(2, 3, 40, 48)).shape == (2, 12, 40, 48)
    assert [level.shape[1:] for level in parser.features(torch.zeros(1, 3, 32, 32))] == [
        (4, 16, 16), (8, 8, 8), (12, 4, 4),
    ]  # fmt: skip


def test_a_size_off_the_stride_is_refused() -> None:
    with pytest.raises(AssertionError, match="multiples of 8"):
        FaceParser(channels=4, multipliers=(1, 2, 3), regions=12)(torch.zeros(1, 3, 36, 32))


def test_learns_regions_down_to_single_pixels() -> None:
    """Half-size convolutions do not keep it from placing a one-pixel region."""
    torch.manual_seed(0)
    parser = FaceParser(channels=8, multipliers=(1, 2), regions=3)
    labels = (torch.rand(2, 16, 16) > 0.9).long() * 2
    labels[:, 4:8, 4:8] = 1
    image = torch.stack((labels == 1, labels == 2, labels == 0), 1).float()
    optimizer = torch.optim.Adam(parser.parameters(), lr=3e-2)
    for _ in range(60):
        optimizer.zero_grad()
        balanced_cross_entropy(parser(image), labels, power=0.5).backward()
        optimizer.step()
    assert (parser(image).argmax(1) == labels).float().mean() > 0.99


def test_folding_changes_nothing_but_time() -> None:
    torch.manual_seed(0)
    net = FaceParser(channels=8, multipliers=[1, 2], regions=12)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 2.0)
            torch.nn.init.normal_(layer.bias)
            torch.nn.init.normal_(layer.running_mean)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2.0)
    image = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        before = net.eval()(image)
        after = net.folded()(image)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in net.modules())
