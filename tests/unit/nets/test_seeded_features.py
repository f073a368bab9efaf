"""Features of a seeded network."""

import pytest
import torch

from segtalker.metrics.perceptual import feature_distance
from segtalker.nets.seeded_features import SeededFeatures


def test_seeded_features_are_the_same_everywhere_and_see_damage():
    image = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64).contiguous()
    first, again = SeededFeatures(), SeededFeatures()
    assert all(torch.equal(a, b) for a, b in zip(first(image), again(image), strict=True))
    assert first.layers[0].weight.sum().item() == pytest.approx(again.layers[0].weight.sum().item())
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    distances = [
        float(feature_distance(first(image), first(image + noise * amount), first.weights()))
        for amount in (0, 0.05, 0.2)
    ]
    assert distances == sorted(distances)
    assert distances[0] == 0.0
    assert first.pooled(first(image)).shape == (1, 240)
