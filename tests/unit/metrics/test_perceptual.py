"""The distance of features."""

import pytest
import torch

from segtalker.metrics.perceptual import feature_distance


def levels(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, size, 4, 5, generator=generator) for size in (3, 6)]


def test_directions_count_and_lengths_do_not() -> None:
    weights = [torch.ones(3), torch.ones(6)]
    features = levels(0)
    longer = [3 * level for level in features]
    torch.testing.assert_close(feature_distance(features, longer, weights), torch.zeros(2))
    opposite = [-level for level in features]
    torch.testing.assert_close(feature_distance(features, opposite, weights), torch.full((2,), 8.0))


def test_each_channel_counts_by_its_weight() -> None:
    features, others = levels(0), levels(1)
    ones = [torch.ones(3), torch.ones(6)]
    whole = feature_distance(features, others, ones)
    torch.testing.assert_close(feature_distance(features, others, [2 * weight for weight in ones]), 2 * whole)
    assert feature_distance(features, others, [torch.zeros(3), torch.zeros(6)]).tolist() == [0.0, 0.0]


def test_maps_of_other_sizes_are_refused() -> None:
    with pytest.raises(AssertionError):
        feature_distance([torch.ones(1, 3, 4, 4)], [torch.ones(1, 3, 2, 2)], [torch.ones(3)])
