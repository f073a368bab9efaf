"""Features of a seeded network."""

import pytest
import torch

from segtalker.metrics.areas import Areas
from segtalker.metrics.perceptual import feature_distance, unit_features
from segtalker.nets.seeded_features import SeededFeatures


def test_seeded_features_are_the_same_everywhere_and_see_damage():
    image = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64).contiguous()
    first, again = SeededFeatures(), SeededFeatures()
    assert all(torch.equal(a, b) for a, b in zip(first(image), again(image), strict=True))
    assert first.layers[0].weight.sum().item() == pytest.approx(again.layers[0].weight.sum().item())
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    whole = Areas.whole(image.movedim(1, -1).numpy())
    levels = [unit_features(first(image + noise * amount)) for amount in (0, 0.05, 0.2)]
    distances = [float(feature_distance(levels[0], others, first.weights(), whole, first.WINDOWS)) for others in levels]
    assert distances == sorted(distances)
    assert distances[0] == 0.0
    assert first.pooled(first(image)).shape == (1, 240)


def test_the_finest_levels_alone_are_the_same():
    image, net = torch.rand(1, 3, 32, 32), SeededFeatures()
    finest = net(image, 2)
    assert len(finest) == 2
    assert all(torch.equal(a, b) for a, b in zip(finest, net(image)[:2], strict=True))
