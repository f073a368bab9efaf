"""Fréchet distance against SciPy's matrix root and torchmetrics, and moments that add up."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid

from segtalker.metrics.functional.frechet import Moments, frechet_distance


def _sets(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(12, 12))
    return rng.normal(size=(400, 12)) @ mix, rng.normal(0.3, 1.2, size=(300, 12)) @ mix


def test_equals_scipy_and_torchmetrics():
    a, b = _sets()
    found = frechet_distance(Moments.of(a), Moments.of(b))
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    step = a.mean(axis=0) - b.mean(axis=0)
    expected = step @ step + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert found == pytest.approx(expected, rel=1e-9)
    parts = [torch.from_numpy(part) for part in (a.mean(axis=0), first, b.mean(axis=0), second)]
    assert found == pytest.approx(float(_compute_fid(*parts)), rel=1e-6)


def test_known_gaussians():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(200_000, 2))
    assert frechet_distance(Moments.of(a), Moments.of(a * 3 + [4.0, 0.0])) == pytest.approx(16 + 2 * 4, rel=0.02)


def test_moments_of_parts_add_up():
    a, _ = _sets()
    a += 1e4  # far from zero, where sums of squares would lose digits
    whole, parts = Moments.of(a), Moments.of(a[:7]) + Moments.of(a[7:8]) + Moments.of(a[8:])
    assert parts.count == whole.count
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(parts.covariance, np.cov(a, rowvar=False), rtol=1e-9)


def test_fewer_samples_than_dimensions():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(10, 50)), rng.normal(size=(12, 50))
    assert frechet_distance(Moments.of(a), Moments.of(a)) == pytest.approx(0.0, abs=1e-4)
    forth, back = frechet_distance(Moments.of(a), Moments.of(b)), frechet_distance(Moments.of(b), Moments.of(a))
    assert forth == pytest.approx(back, rel=1e-6)
    assert forth > 1.0
