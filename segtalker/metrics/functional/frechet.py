"""Fréchet distance of two sets of features, from moments that are summed up as features come.

M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017.
Linear algebra is torch's, whose number of threads a process can set: on a busy machine NumPy's wait for each other.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Mean and scatter of features seen so far.

    Args:
        count: how many.
        mean: `(D,)`, float64.
        scatter: sum of outer products of the deviations from the mean, `(D, D)`, float64.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """Of one batch, `(N, D)`, any real type, N at least 1."""
        assert features.ndim == 2, features.shape
        assert len(features), features.shape
        values = features.astype(np.float64)
        mean = values.mean(axis=0)
        deviations = torch.from_numpy(values - mean)
        return cls(len(values), mean, (deviations.T @ deviations).numpy())

    def __add__(self, other: "Moments") -> "Moments":
        """Of both together (T. Chan et al., 1979: stable however many are added)."""
        count = self.count + other.count
        step = other.mean - self.mean
        weight = other.count / count
        scatter = self.scatter + other.scatter + np.outer(step, step) * (self.count * weight)
        return Moments(count, self.mean + step * weight, scatter)

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance, `(D, D)`; needs two features."""
        return self.scatter / (self.count - 1)


def _root(matrix: Tensor) -> Tensor:
    """Square root of a symmetric positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0.0).sqrt()) @ vectors.T


def frechet_distance(a: Moments, b: Moments) -> float:
    """Squared Fréchet distance of two Gaussians with these moments.

    The trace of the root of the product is taken as that of a symmetric matrix with the same eigenvalues, so it
    stays real and stable where the covariances are singular (fewer features than dimensions).

    Returns:
        At least 0 but for rounding; in squared units of the features.
    """
    first, second = torch.from_numpy(a.covariance), torch.from_numpy(b.covariance)
    root = _root(first)
    cross = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0.0).sqrt().sum()
    step = a.mean - b.mean
    return float(np.square(step).sum() + float(first.trace() + second.trace() - 2.0 * cross))
