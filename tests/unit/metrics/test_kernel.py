"""Kernel distance against torchmetrics and pyiqa."""

import subprocess
import sys
from pathlib import Path

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


GROWTH = """
import re, pathlib, numpy as np
from segtalker.metrics.functional import kernel_distance
features = np.random.default_rng(0).normal(size=(6000, 8))
peaks = []
for some in (features[:50], features):
    kernel_distance(some, some)
    peaks.append(int(re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]))
print((peaks[1] - peaks[0]) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_all_pairs_are_never_in_memory_at_once():
    answer = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True)
    assert int(answer.stdout) < 150  # MiB; of 6000 features all pairs take 275


def test_samples_of_one_distribution_are_about_0_apart():
    values = [kernel_distance(RNG.normal(size=(200, 8)), RNG.normal(size=(150, 8))) for _ in range(20)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(20) + 1e-3
    assert min(values) < 0 < max(values)
