"""Cepstral coefficients against a plain loop over frames, filters and cosines."""

import math
from itertools import pairwise

import numpy as np
import pytest

from segtalker.media.mfcc import mfcc

RATE_HZ = 16000


def _hz(mel: float) -> float:
    return 700 * (10 ** (mel / 2595) - 1)


def _plain(samples: np.ndarray) -> np.ndarray:
    emphasised = [samples[0], *(b - 0.97 * a for a, b in pairwise(samples))]
    top = 2595 * math.log10(1 + RATE_HZ / 2 / 700)
    edges = [math.floor(513 * _hz(top * step / 27) / RATE_HZ) for step in range(28)]
    columns = []
    for start in range(0, 1 + math.ceil((len(samples) - 400) / 160)):
        frame = np.array((emphasised + [0.0] * 400)[start * 160 : start * 160 + 400])
        power = np.abs(np.fft.rfft(frame, 512)) ** 2 / 512
        bands = []
        for low, peak, high in zip(edges, edges[1:], edges[2:], strict=False):
            up = sum(power[k] * (k - low) / (peak - low) for k in range(low, peak))
            bands.append(math.log(up + sum(power[k] * (high - k) / (high - peak) for k in range(peak, high))))
        column = [math.log(power.sum())]
        for order in range(1, 13):
            cosine = sum(band * math.cos(math.pi * order * (2 * j + 1) / 52) for j, band in enumerate(bands))
            column.append(cosine * math.sqrt(2 / 26) * (1 + 11 * math.sin(math.pi * order / 22)))
        columns.append(column)
    return np.array(columns).T


def test_equals_a_plain_loop():
    samples = np.rint(np.random.default_rng(0).normal(0, 3000, 1000))
    found = mfcc(samples, RATE_HZ)
    assert found.shape == (13, 5)
    np.testing.assert_allclose(found, _plain(samples), rtol=1e-9, atol=1e-9)


def test_a_hundred_columns_a_second_and_silence_is_finite():
    found = mfcc(np.zeros(RATE_HZ), RATE_HZ)
    assert found.shape[1] == 99
    assert np.isfinite(found).all()


def test_less_than_a_window_is_refused():
    with pytest.raises(AssertionError):
        mfcc(np.zeros(399), RATE_HZ)
