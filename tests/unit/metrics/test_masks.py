"""IoU of regions against a library, and what it says of absent ones."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_jaccard_index

from segtalker.metrics.masks import (
    intersection_over_union,
    mouth_iou,
    opening_correlation,
    region_confusion,
    region_iou,
)
from segtalker.metrics.registry import NotMeasurable
from segtalker.regions import LIP, MOUTH, NUM_REGIONS


def _masks(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, NUM_REGIONS - 1, (3, 20, 24)).astype(np.uint8)


def test_iou_equals_torchmetrics():
    reference, masks = _masks(0), np.where(np.random.default_rng(1).random((3, 20, 24)) < 0.4, _masks(2), _masks(0))
    confusion = region_confusion(reference, masks)
    found = [intersection_over_union(confusion, [region]) for region in range(NUM_REGIONS - 1)]
    expected = multiclass_jaccard_index(
        torch.from_numpy(masks.astype(int)), torch.from_numpy(reference.astype(int)), NUM_REGIONS, average=None
    ).numpy()
    np.testing.assert_allclose(found, expected[: NUM_REGIONS - 1], rtol=1e-6)
    assert region_iou(confusion) == pytest.approx(np.mean(found))
    with pytest.raises(NotMeasurable, match="no such region"):  # no number, not zero
        intersection_over_union(confusion, [NUM_REGIONS - 1])


def test_the_mouth_is_lip_and_interior_as_one():
    reference = np.zeros((1, 10, 10), np.uint8)
    reference[0, 2:6, 2:8], reference[0, 3:5, 3:7] = LIP, MOUTH
    swapped = reference.copy()
    swapped[reference == MOUTH] = LIP
    confusion = region_confusion(reference, swapped)
    assert mouth_iou(confusion) == 1.0
    assert intersection_over_union(confusion, [LIP]) == 16 / 24
    assert intersection_over_union(confusion, [MOUTH]) == 0.0


def test_frames_count_by_their_pixels():
    reference = np.zeros((2, 4, 4), np.uint8)
    reference[0] = LIP
    reference[1, 0, 0] = LIP
    missed = np.zeros_like(reference)
    missed[0] = LIP
    confusion = region_confusion(reference, missed)
    assert intersection_over_union(confusion, [LIP]) == 16 / 17
    parts = np.concatenate([region_confusion(reference[:1], missed[:1]), region_confusion(reference[1:], missed[1:])])
    assert intersection_over_union(parts, [LIP]) == 16 / 17


def test_openings_correlate_as_numpy_says_and_whatever_their_size():
    openings = np.random.default_rng(0).integers(0, 200, (40, 2))
    assert opening_correlation(openings) == pytest.approx(np.corrcoef(openings.T)[0, 1])
    reference = openings[:, 0]
    assert opening_correlation(np.stack([reference, 3 * reference], axis=1)) == pytest.approx(1.0)
    assert opening_correlation(np.stack([reference, 200 - reference], axis=1)) == pytest.approx(-1.0)


def test_a_mouth_that_never_moves_follows_nothing_and_cannot_be_followed():
    moving, still = np.arange(10), np.full(10, 7)
    assert opening_correlation(np.stack([moving, still], axis=1)) == 0.0
    with pytest.raises(NotMeasurable, match="never moves"):
        opening_correlation(np.stack([still, moving], axis=1))
