"""Kernel distance against torchmetrics and pyiqa."""

import numpy as np
import pytest
import torch
from pyiqa.archs.fid_arch import mmd_polynomial_kernel
from torchmetrics.image.kid import poly_mmd

from segtalker.metrics.functional import kernel_distance

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(60, 16)), RNG.normal(0.4, 1.0, size=(60, 16))


def test_equals_torchmetrics():
    expected = poly_mmd(torch.from_numpy(A), torch.from_numpy(B), degree=3, gamma=None, coef=1.0)
    assert kernel_distance(A, B) == pytest.approx(float(expected), rel=1e-9)


def test_equals_pyiqa_where_a_subset_is_everything():
    np.random.seed(0)
    # subsets of all samples differ only in their order; it divides the mixed term by all pairs, as here
    assert kernel_distance(A, B) == pytest.approx(mmd_polynomial_kernel(A, B, num_subsets=3), rel=1e-9)


def test_samples_of_one_distribution_are_about_0_apart():
    values = [kernel_distance(RNG.normal(size=(200, 8)), RNG.normal(size=(150, 8))) for _ in range(20)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(20) + 1e-3
    assert min(values) < 0 < max(values)
