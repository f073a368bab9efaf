"""Agreement of region masks."""

import numpy as np

from segtalker.regions import LIP, MOUTH, NUM_REGIONS


def overlap_counts(reference: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Pixels of each region in both masks and in either, and of the mouth: lip and interior as one.

    Args:
        reference: region indices, `(T, H, W)`, uint8 in 0-11.
        masks: likewise.

    Returns:
        Intersections and unions, `(T, K + 1, 2)`, int64; the mouth comes last.
    """
    assert reference.shape == masks.shape, (reference.shape, masks.shape)
    frames = len(masks)
    pairs = reference.reshape(frames, -1).astype(np.int64) * NUM_REGIONS + masks.reshape(frames, -1)
    pairs += np.arange(frames)[:, None] * NUM_REGIONS**2
    table = np.bincount(pairs.ravel(), minlength=frames * NUM_REGIONS**2).reshape(frames, NUM_REGIONS, NUM_REGIONS)
    both = np.diagonal(table, axis1=1, axis2=2)
    in_reference, in_masks = table.sum(axis=2), table.sum(axis=1)
    lips_and_interior = np.ix_(range(frames), (LIP, MOUTH), (LIP, MOUTH))
    mouth_both = table[lips_and_interior].sum(axis=(1, 2))
    mouth_sizes = (in_reference + in_masks)[:, [LIP, MOUTH]].sum(axis=1)
    intersections = np.concatenate([both, mouth_both[:, None]], axis=1)
    sizes = np.concatenate([in_reference + in_masks, mouth_sizes[:, None]], axis=1)
    return np.stack([intersections, sizes - intersections], axis=-1)


def intersection_over_union(counts: np.ndarray) -> np.ndarray:
    """IoU of each region over all frames of a clip, counted as one large image.

    Args:
        counts: see `overlap_counts`, `(T, K + 1, 2)`.

    Returns:
        `(K + 1,)`, float64 in [0, 1]; NaN for a region that is in no frame of either.
    """
    both, either = counts.sum(axis=0).T
    return np.where(either > 0, both / np.maximum(either, 1), np.nan)
