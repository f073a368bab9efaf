"""Kernel distance of two sets of features: KID (M. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018)."""

import numpy as np
import torch


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
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2.0 * float(_kernel(x, y).mean())


def _kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def _mean_of_pairs(x: torch.Tensor) -> float:
    """Over pairs of different samples."""
    values = _kernel(x, x)
    return float((values.sum() - values.trace()) / (len(x) * (len(x) - 1)))
