"""Tensors that networks are fed with and give back, against an independent library."""

import pytest
import torch
import torch.nn.functional as F
from torchmetrics.functional.classification import multiclass_confusion_matrix, multiclass_jaccard_index

from segtalker.nets.tensors import best_regions, confusion_matrix, overlap_counts, pixel_shuffle, pixel_unshuffle
from segtalker.regions import NUM_REGIONS


def test_overlap_agrees_with_torchmetrics() -> None:
    torch.manual_seed(2)
    batches = [(torch.randint(0, 5, (2, 16, 16)), torch.randint(0, 5, (2, 16, 16))) for _ in range(3)]
    intersection, union = sum(overlap_counts(predicted, truth, 5) for predicted, truth in batches)
    predicted, truth = (torch.cat(parts) for parts in zip(*batches, strict=True))
    expected = multiclass_jaccard_index(predicted, truth, num_classes=5, average="none")
    torch.testing.assert_close((intersection / union).float(), expected)


def test_confusion_agrees_with_torchmetrics_for_indices_of_any_type() -> None:
    torch.manual_seed(3)
    predicted, truth = torch.randint(0, 5, (2, 2, 16, 16))
    expected = multiclass_confusion_matrix(predicted, truth, num_classes=5)
    torch.testing.assert_close(confusion_matrix(predicted, truth, 5), expected)
    torch.testing.assert_close(confusion_matrix(predicted.to(torch.uint8), truth.to(torch.uint8), 5), expected)


def test_the_best_region_is_what_argmax_says_also_of_equal_scores() -> None:
    scores = torch.randint(0, 4, (2, NUM_REGIONS, 9, 7), generator=torch.Generator().manual_seed(0)).float()
    assert torch.equal(best_regions(scores), scores.argmax(dim=1).to(torch.uint8))
    swapped = scores.contiguous(memory_format=torch.channels_last)
    assert torch.equal(best_regions(swapped), scores.argmax(dim=1).to(torch.uint8))


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_pixels_are_shuffled_as_torch_shuffles_them(factor: int) -> None:
    values = torch.randn(2, 3 * factor**2, 4, 6, generator=torch.Generator().manual_seed(0))
    shuffled = F.pixel_shuffle(values, factor)
    assert torch.equal(pixel_shuffle(values, factor), shuffled)
    assert torch.equal(pixel_unshuffle(shuffled, factor), values)
