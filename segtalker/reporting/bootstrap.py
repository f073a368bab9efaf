"""Intervals of a mean over clips, by a bootstrap over subjects.

Clips of one person resemble each other, so people are drawn, with replacement, and all their clips come along (the
cluster bootstrap: Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). The interval is the
percentile one, which is too narrow with few people, drawn out about the mean as far as a normal interval has to be to
become Student's (Hesterberg, What Teachers Should Know About the Bootstrap, 2015, on the narrowness bias);
docs/reports.md says how often it holds the truth.
"""

import functools
import math

import numpy as np
from scipy import stats

_SEED = 0
MIN_SUBJECTS = 2


@functools.lru_cache(maxsize=4)
def subject_draws(subjects: int, draws: int) -> np.ndarray:
    """How often each subject is drawn: `(draws, subjects)` float64, rows sum to `subjects`; always the same draws."""
    shares = np.full(subjects, 1.0 / subjects)
    return np.random.default_rng(_SEED).multinomial(subjects, shares, size=draws).astype(np.float64)


def stretch(subjects: int, confidence: float) -> float:
    """How much wider an interval over so few people has to be: 1.9 for 4 of them, 1.1 for 20, towards 1."""
    upper = (1.0 + confidence) / 2.0
    student = float(stats.t.ppf(upper, subjects - 1)) / float(stats.norm.ppf(upper))
    return student * math.sqrt(subjects / (subjects - 1))


def cluster_intervals(values: np.ndarray, subjects: np.ndarray, draws: int, confidence: float) -> np.ndarray:
    """Intervals of the mean over clips of each column; those of few people may reach beyond what can be measured.

    Columns that the same people have values in share their draws, so a column of differences is a paired comparison.

    Args:
        values: `(N, K)` float, a clip a row; NaN where a clip has no value.
        subjects: who speaks in each clip, `(N,)` of any type that sorts.
        draws: how often people are drawn anew.
        confidence: how often an interval is to hold the true mean, in (0, 1).

    Returns:
        Lower and upper ends, `(2, K)`; NaN for a column with values of fewer than `MIN_SUBJECTS` people.
    """
    assert values.ndim == 2, values.shape
    assert subjects.shape == values.shape[:1], subjects.shape
    people, who = np.unique(subjects, return_inverse=True)
    known = np.isfinite(values)
    sums, counts = np.zeros((2, len(people), values.shape[1]))
    np.add.at(sums, who, np.where(known, values, 0.0))
    np.add.at(counts, who, known)
    limits = np.full((2, values.shape[1]), np.nan)
    patterns, pattern = np.unique(counts > 0, axis=1, return_inverse=True)
    tail = (1.0 - confidence) / 2.0
    for index, present in enumerate(patterns.T):
        if present.sum() >= MIN_SUBJECTS:
            cells = np.ix_(present, pattern == index)
            drawn = subject_draws(int(present.sum()), draws)
            means = (drawn @ sums[cells]) / (drawn @ counts[cells])
            mean = sums[cells].sum(axis=0) / counts[cells].sum(axis=0)
            ends = np.quantile(means, [tail, 1.0 - tail], axis=0)
            limits[:, pattern == index] = mean + stretch(int(present.sum()), confidence) * (ends - mean)
    return limits
