"""Tensors that networks are fed with and give back, against an independent library."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn_people import mouth_masks
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix, multiclass_jaccard_index

from segtalker.nets.tensors import (
    best_regions,
    composite,
    confusion_matrix,
    frame_windows,
    is_background,
    mask_channels,
    one_hot,
    overlap_counts,
    pixel_shuffle,
    pixel_unshuffle,
    rgb_channels,
    to_frames,
    to_images,
)
from segtalker.regions import LIP, MOUTH, NUM_REGIONS

SIDE = 32
CPU = torch.device("cpu")


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


def test_channels_are_what_they_say() -> None:
    regions = torch.tensor([[0, LIP], [MOUTH, 6]], dtype=torch.uint8)
    assert mask_channels(regions).tolist() == [[[0, 1], [0, 0]], [[0, 0], [1, 0]]]
    image = torch.tensor([[[0, 255, 51]]], dtype=torch.uint8)
    torch.testing.assert_close(rgb_channels(image).flatten(), torch.tensor([-1.0, 1.0, -0.6]))


def test_windows_slide_by_one_frame() -> None:
    channels = torch.arange(7.0).reshape(7, 1, 1, 1).expand(-1, 2, 3, 4)
    windows = frame_windows(channels, 5)
    assert windows.shape == (3, 5, 2, 3, 4)
    assert windows[:, :, 0, 0, 0].tolist() == [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [2, 3, 4, 5, 6]]


def test_uint8_survives_the_round_trip() -> None:
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    np.testing.assert_array_equal(to_frames(to_images(frames, CPU)), frames)


def test_one_hot_names_each_region() -> None:
    regions = one_hot(torch.from_numpy(mouth_masks(2)))
    assert regions.shape == (2, NUM_REGIONS, SIDE, SIDE)
    np.testing.assert_array_equal(regions.argmax(1).numpy(), mouth_masks(2))


def _edge_profile(edge: int) -> Tensor:
    white = torch.ones(1, 3, SIDE, SIDE)
    return composite(-white, white, is_background(torch.from_numpy(mouth_masks(1))), edge)[0, 0, 12]


def test_the_edge_fades_over_its_width_and_can_be_hard() -> None:
    assert set(_edge_profile(0).tolist()) == {-1.0, 1.0}
    soft = _edge_profile(1)
    between = (soft.abs() < 0.999).sum().item()
    assert between == 8
    assert (soft[:17].diff() <= 1e-6).all()


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_pixels_are_shuffled_as_torch_shuffles_them(factor: int) -> None:
    values = torch.randn(2, 3 * factor**2, 4, 6, generator=torch.Generator().manual_seed(0))
    shuffled = F.pixel_shuffle(values, factor)
    assert torch.equal(pixel_shuffle(values, factor), shuffled)
    assert torch.equal(pixel_unshuffle(shuffled, factor), values)
