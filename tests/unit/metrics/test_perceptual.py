"""The distance of features."""

import numpy as np
import pytest
import torch

from segtalker.metrics.areas import Areas
from segtalker.metrics.perceptual import feature_distance, unit_features
from segtalker.nets.seeded_features import SeededFeatures

WHOLE = Areas(np.ones((1, 2, 8, 10), bool))
WINDOWS = ((2, 2, 0), (1, 1, 0))  # maps of half the size


def levels(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, size, 4, 5, generator=generator) for size in (3, 6)]


def test_directions_count_and_lengths_do_not() -> None:
    weights = [torch.ones(3), torch.ones(6)]
    features = levels(0)
    longer = [3 * level for level in features]
    unit, unit_longer = unit_features(features), unit_features(longer)
    torch.testing.assert_close(feature_distance(unit, unit_longer, weights, WHOLE, WINDOWS), torch.zeros(2, 1))
    opposite = unit_features([-level for level in features])
    torch.testing.assert_close(feature_distance(unit, opposite, weights, WHOLE, WINDOWS), torch.full((2, 1), 8.0))


def test_each_channel_counts_by_its_weight() -> None:
    features, others = levels(0), levels(1)
    ones = [torch.ones(3), torch.ones(6)]
    whole = feature_distance(features, others, ones, WHOLE, WINDOWS)
    torch.testing.assert_close(
        feature_distance(features, others, [2 * weight for weight in ones], WHOLE, WINDOWS), 2 * whole
    )
    assert feature_distance(features, others, [torch.zeros(3), torch.zeros(6)], WHOLE, WINDOWS).tolist() == [
        [0.0],
        [0.0],
    ]


def test_a_pixel_counts_by_how_much_of_it_is_in_an_area() -> None:
    features, others = levels(0), levels(1)
    masks = np.zeros((2, 2, 8, 10), bool)
    masks[0, :, 2:4, 4:6] = True  # the pixel (1, 2) of the maps, which are half as large
    masks[1, :, 3:5, 4:6] = True  # half of it, and half of the one below
    weights = [torch.ones(3), torch.ones(6)]
    found = feature_distance(features, others, weights, Areas(masks), WINDOWS)
    differences = [(a - b).square().sum(dim=1) for a, b in zip(features, others, strict=True)]
    torch.testing.assert_close(found[:, 0], sum(level[:, 1, 2] for level in differences))
    torch.testing.assert_close(found[:, 1], sum(level[:, 1:3, 2].mean(dim=1) for level in differences))


@pytest.mark.parametrize("place", [(8, 8), (7, 20), (31, 0)])
def test_an_area_counts_where_the_network_sees_it(place: tuple[int, int]) -> None:
    """Another colour of a pixel changes the features of exactly those places that stand for it."""
    torch.manual_seed(0)
    net, mask = SeededFeatures(), np.zeros((1, 1, 32, 32), bool)
    mask[0, 0][place] = True
    image, windows = torch.rand(1, 3, 32, 32), SeededFeatures.WINDOWS
    changed_image = image.clone()
    changed_image[..., place[0], place[1]] = -1.0
    for level, (have, want) in enumerate(zip(net(image), net(changed_image), strict=True), 1):
        changes = (have != want).any(dim=1)[0]
        shares = Areas(mask).shares(windows[:level])[0, 0] > 0
        assert not (changes & ~shares).any()
        assert changes.sum() > 0.5 * shares.sum()


def test_maps_of_other_sizes_are_refused() -> None:
    with pytest.raises(AssertionError):
        feature_distance([torch.ones(1, 3, 4, 4)], [torch.ones(1, 3, 2, 2)], [torch.ones(3)], WHOLE, WINDOWS)
