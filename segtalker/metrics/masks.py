"""Agreement of region masks: intersection over union, all frames of a clip counted as one large image."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from segtalker.metrics.frame_chunks import FrameChunk
from segtalker.metrics.registry import FrameMeasure, NotMeasurable, metric
from segtalker.nets.tensors import confusion_matrix
from segtalker.regions import LIP, MOUTH, NUM_REGIONS, REGIONS

_OWN = "the method's talking mask (its parsed frames where it has none) against the reference mask, all frames as one"
_PARSED = "the parsed frames against the reference mask, all frames as one, the same for every method"
_LIPS_AND_INTERIOR = (LIP, MOUTH)


def region_confusion(reference: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Pixels of each region that were given to each.

    Args:
        reference: region indices, `(T, H, W)`, uint8 in 0-11.
        masks: likewise.

    Returns:
        Of all frames, regions of the reference by rows: `(1, K, K)`, int64; the first axis for chunks to be joined.
    """
    assert reference.shape == masks.shape, (reference.shape, masks.shape)
    return confusion_matrix(torch.from_numpy(masks), torch.from_numpy(reference), NUM_REGIONS)[None].numpy()


def intersection_over_union(confusion: np.ndarray, regions: Sequence[int]) -> float:
    """IoU of some regions taken as one.

    Args:
        confusion: of each part of a clip, see `region_confusion`, `(N, K, K)`.
        regions: their indices.

    Returns:
        In [0, 1].

    Raises:
        NotMeasurable: the reference has none of it (pixels wrongly given to it count against the regions they were
            taken from).
    """
    total, region_indices = confusion.sum(axis=0), list(regions)
    in_both = total[region_indices][:, region_indices].sum()
    in_reference, in_masks = total[region_indices].sum(), total[:, region_indices].sum()
    if not in_reference:
        raise NotMeasurable("the reference has no such region")
    return float(in_both / (in_reference + in_masks - in_both))


def _own_masks(chunk: FrameChunk) -> np.ndarray:
    return chunk.video.parsed if chunk.masks is None else chunk.masks


def _own_confusion(chunk: FrameChunk) -> np.ndarray:
    return region_confusion(chunk.reference_masks, _own_masks(chunk))


def _parsed_confusion(chunk: FrameChunk) -> np.ndarray:
    return region_confusion(chunk.reference_masks, chunk.video.parsed)


OWN_MASKS = FrameMeasure("overlap", _own_confusion, compares_masks=True)
PARSED_MASKS = FrameMeasure("overlap_parsed", _parsed_confusion, compares_masks=True)


def mouth_iou(confusion: np.ndarray) -> float:
    """Of lips and mouth interior as one."""
    return intersection_over_union(confusion, _LIPS_AND_INTERIOR)


def region_iou(confusion: np.ndarray) -> float:
    """Mean over the regions the reference has."""
    total = confusion.sum(axis=0)
    in_both, in_reference, in_masks = total.diagonal(), total.sum(axis=1), total.sum(axis=0)
    iou = in_both / np.maximum(in_reference + in_masks - in_both, 1)
    return float(np.nanmean(np.where(in_reference > 0, iou, np.nan)))


for _suffix, _measure, _masks in (("", OWN_MASKS, _OWN), ("_parsed", PARSED_MASKS, _PARSED)):
    metric(
        _measure,
        name=f"mouth_iou{_suffix}",
        unit="",
        higher_is_better=True,
        protocol=f"lips and interior as one: {_masks}",
    )(mouth_iou)
    metric(
        _measure,
        name=f"region_iou{_suffix}",
        unit="",
        higher_is_better=True,
        protocol=f"mean over the regions the reference has: {_masks}",
    )(region_iou)


def _openings(chunk: FrameChunk, masks: np.ndarray) -> np.ndarray:
    """How far the mouth is open, frame by frame, in the reference and in masks: `(T, 2)`, pixels of its interior."""
    return np.stack([(regions == MOUTH).sum(axis=(1, 2)) for regions in (chunk.reference_masks, masks)], axis=1)


def _own_openings(chunk: FrameChunk) -> np.ndarray:
    return _openings(chunk, _own_masks(chunk))


def _parsed_openings(chunk: FrameChunk) -> np.ndarray:
    return _openings(chunk, chunk.video.parsed)


OWN_OPENINGS = FrameMeasure("openings", _own_openings, compares_masks=True)
PARSED_OPENINGS = FrameMeasure("openings_parsed", _parsed_openings, compares_masks=True)


def opening_correlation(openings: np.ndarray) -> float:
    """Pearson's correlation over the frames: whether the mouth opens when the true one does, by however much.

    Args:
        openings: of the reference and of the masks, see `_openings`, `(T, 2)`.

    Returns:
        In [-1, 1]; 0 where the masks' mouth never moves.

    Raises:
        NotMeasurable: the reference's mouth never moves.
    """
    reference, masks = openings.astype(np.float64).T - openings.mean(axis=0)[:, None]
    if not reference.any():
        raise NotMeasurable("the reference's mouth never moves")
    scale = np.sqrt(reference @ reference * (masks @ masks))
    return float(reference @ masks / scale) if scale else 0.0


for _suffix, _measure, _masks in (("", OWN_OPENINGS, _OWN), ("_parsed", PARSED_OPENINGS, _PARSED)):
    metric(
        _measure,
        name=f"opening_correlation{_suffix}",
        unit="",
        higher_is_better=True,
        protocol="area of the mouth interior over time, its correlation: " + _masks.replace(", all frames as one", ""),
    )(opening_correlation)


def single_region_iou(index: int) -> Callable[[np.ndarray], float]:
    """IoU of one region."""

    def iou(confusion: np.ndarray) -> float:
        return intersection_over_union(confusion, [index])

    return iou


for _index, _name in enumerate(REGIONS):
    metric(OWN_MASKS, name=f"iou_{_name}", unit="", higher_is_better=True, protocol=f"{_name}: {_OWN}")(
        single_region_iou(_index)
    )
