"""Kernel distance of two sets of features: KID (M. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018)."""

import numpy as np
import torch

_ROWS = 500


def kernel_distance(reference: np.ndarray, features: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x . y / D + 1)^3, over all pairs.

    The release averages it over 100 random subsets of 1000; over all pairs it has the same mean and no chance in it.

    Args:
        reference: `(N, D)`, float, N at least 2.
        features: `(M, D)`, likewise.

    Returns:
        About 0 for samples of one distribution, on either side of it.
    """
    assert min(len(reference), len(features)) > 1, (reference.shape, features.shape)
    x, y = (torch.from_numpy(values.astype(np.float64)) for values in (reference, features))
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2.0 * _sum(x, y) / (len(x) * len(y))


def _kernel(products: torch.Tensor, size: int) -> torch.Tensor:
    return (products / size + 1.0) ** 3


def _sum(x: torch.Tensor, y: torch.Tensor) -> float:
    """Over all pairs; some rows at a time, for all of them together take gigabytes."""
    return sum(float(_kernel(rows @ y.T, x.shape[1]).sum()) for rows in x.split(_ROWS))


def _mean_of_pairs(x: torch.Tensor) -> float:
    """Over pairs of different samples."""
    alone = float(_kernel(x.square().sum(dim=1), x.shape[1]).sum())
    return (_sum(x, x) - alone) / (len(x) * (len(x) - 1))
