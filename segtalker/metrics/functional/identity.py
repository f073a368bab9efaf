"""Faces laid over a template, and how alike their embeddings are."""

import numpy as np


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of the vectors of two sets, `(T, D)` each: `(T,)`, float64 in [-1, 1]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
