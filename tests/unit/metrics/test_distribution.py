"""Distances of sets against SciPy, torchmetrics and pyiqa, and moments that add up."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pyiqa.archs.fid_arch import mmd_polynomial_kernel
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

from segtalker.metrics.distribution import FeatureSet, Moments, frechet_distance, kernel_distance
from segtalker.metrics.registry import NotMeasurable

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(60, 16)), RNG.normal(0.4, 1.0, size=(60, 16))


def _sets(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(12, 12))
    return rng.normal(size=(400, 12)) @ mix, rng.normal(0.3, 1.2, size=(300, 12)) @ mix


def test_frechet_distance_equals_scipy_and_torchmetrics():
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


def test_kernel_distance_equals_torchmetrics():
    expected = poly_mmd(torch.from_numpy(A), torch.from_numpy(B), degree=3, gamma=None, coef=1.0)
    assert kernel_distance(A, B) == pytest.approx(float(expected), rel=1e-9)


def test_kernel_distance_equals_pyiqa_where_a_subset_is_everything():
    np.random.seed(0)
    # subsets of all samples differ only in their order; it divides the mixed term by all pairs, as here
    assert kernel_distance(A, B) == pytest.approx(mmd_polynomial_kernel(A, B, num_subsets=3), rel=1e-9)


def _status_kib(field: str) -> int:
    return int(re.search(rf"{field}:\s*(\d+)", Path("/proc/self/status").read_text())[1])


def _added_mib(work: Callable[[], object]) -> float:
    """Peak memory that work adds to this process."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status_kib("VmRSS")
    work()
    return (_status_kib("VmHWM") - before) / 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from /proc")
def test_all_pairs_are_never_in_memory_at_once():
    features = RNG.normal(size=(6000, 8))
    assert _added_mib(lambda: torch.ones(6000, 6000, dtype=torch.float64)) > 250  # what all pairs take is seen
    assert _added_mib(lambda: kernel_distance(features, features)) < 150


def test_samples_of_one_distribution_are_about_0_apart():
    values = [kernel_distance(RNG.normal(size=(200, 8)), RNG.normal(size=(150, 8))) for _ in range(20)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(20) + 1e-3
    assert min(values) < 0 < max(values)


def test_a_set_is_read_clip_by_clip_and_spread_over_all_its_frames():
    parts = [A[:7], A[7:8], A[8:]]
    features = FeatureSet([lambda part=part: part for part in parts])
    np.testing.assert_allclose(features.moments.mean, A.mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(features.spread(100), A)
    np.testing.assert_array_equal(features.spread(4), A[[0, 20, 39, 59]])


@pytest.mark.parametrize("clips", [[], [lambda: A[:1]]], ids=["no clip", "one frame"])
def test_a_set_of_fewer_than_two_frames_has_no_distance(clips):
    features = FeatureSet(clips)
    with pytest.raises(NotMeasurable, match="fewer than two frames"):
        _ = features.moments
    with pytest.raises(NotMeasurable, match="fewer than two frames"):
        features.spread(10)
