"""Agreement of region masks."""

import numpy as np

from segtalker.regions import LIP, MOUTH, NUM_REGIONS


def overlap_counts(reference: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Pixels of each region in both masks and in either, and of the mouth: lip and interior as one.

    Args:
        reference: region indices, `(T, H, W)`, uint8 in 0-11.
        masks: likewise.

    Returns:
        Pixels in both, in either and in the reference, `(T, K + 1, 3)`, int64; the mouth comes last.
    """
    assert reference.shape == masks.shape, (reference.shape, masks.shape)
    frames = len(masks)
    pairs = reference.reshape(frames, -1).astype(np.int64) * NUM_REGIONS + masks.reshape(frames, -1)
    pairs += np.arange(frames)[:, None] * NUM_REGIONS**2
    table = np.bincount(pairs.ravel(), minlength=frames * NUM_REGIONS**2).reshape(frames, NUM_REGIONS, NUM_REGIONS)
    both = np.diagonal(table, axis1=1, axis2=2)
    in_reference, in_masks = table.sum(axis=2), table.sum(axis=1)
    counts = np.stack([both, in_reference + in_masks - both, in_reference], axis=-1)  # (T, K, 3)
    lips_and_interior = [LIP, MOUTH]
    mouth_both = table[:, lips_and_interior][:, :, lips_and_interior].sum(axis=(1, 2))
    mouth_either = (in_reference + in_masks)[:, lips_and_interior].sum(axis=1) - mouth_both
    mouth_reference = in_reference[:, lips_and_interior].sum(axis=1)
    mouth = np.stack([mouth_both, mouth_either, mouth_reference], axis=-1)
    return np.concatenate([counts, mouth[:, None]], axis=1)


def intersection_over_union(counts: np.ndarray) -> np.ndarray:
    """IoU of each region over all frames of a clip, counted as one large image.

    Args:
        counts: see `overlap_counts`, `(T, K + 1, 3)`.

    Returns:
        `(K + 1,)`, float64 in [0, 1]; NaN for a region that is in no frame of the reference (pixels wrongly given to
        it count against the regions they were taken from).
    """
    both, either, reference = counts.sum(axis=0).T
    return np.where(reference > 0, both / np.maximum(either, 1), np.nan)
