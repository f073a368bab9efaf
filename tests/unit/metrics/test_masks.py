"""IoU of regions against a library, and what it says of absent ones."""

import numpy as np
import torch
from torchmetrics.functional.classification import multiclass_jaccard_index

from segtalker.metrics.functional.masks import intersection_over_union, overlap_counts
from segtalker.regions import LIP, MOUTH, NUM_REGIONS


def _masks(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, NUM_REGIONS - 1, (3, 20, 24)).astype(np.uint8)


def test_iou_equals_torchmetrics():
    reference, masks = _masks(0), np.where(np.random.default_rng(1).random((3, 20, 24)) < 0.4, _masks(2), _masks(0))
    found = intersection_over_union(overlap_counts(reference, masks))
    expected = multiclass_jaccard_index(
        torch.from_numpy(masks.astype(int)), torch.from_numpy(reference.astype(int)), NUM_REGIONS, average=None
    ).numpy()
    np.testing.assert_allclose(found[: NUM_REGIONS - 1], expected[: NUM_REGIONS - 1], rtol=1e-6)
    assert np.isnan(found[NUM_REGIONS - 1])  # not in the reference: no number, not zero


def test_the_mouth_is_lip_and_interior_as_one():
    reference = np.zeros((1, 10, 10), np.uint8)
    reference[0, 2:6, 2:8], reference[0, 3:5, 3:7] = LIP, MOUTH
    swapped = reference.copy()
    swapped[reference == MOUTH] = LIP
    iou = intersection_over_union(overlap_counts(reference, swapped))
    assert iou[NUM_REGIONS] == 1.0
    assert iou[LIP] == 16 / 24
    assert iou[MOUTH] == 0.0


def test_frames_count_by_their_pixels():
    reference = np.zeros((2, 4, 4), np.uint8)
    reference[0] = LIP
    reference[1, 0, 0] = LIP
    missed = np.zeros_like(reference)
    missed[0] = LIP
    counts = overlap_counts(reference, missed)
    assert counts.shape == (2, NUM_REGIONS + 1, 3)
    assert intersection_over_union(counts)[LIP] == 16 / 17
