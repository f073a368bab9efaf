"""Sync of picture and speech from embeddings: LSE-D, LSE-C and the offset.

J. S. Chung and A. Zisserman, "Out of time: automated lip sync in the wild", ACCV workshops 2016, as their release
computes it; named LSE by K. R. Prajwal et al., "A Lip Sync Expert Is All You Need", ACM MM 2020.
"""

from dataclasses import dataclass

import numpy as np

_RELEASE_EPSILON = 1e-6


@dataclass(frozen=True)
class SyncScores:
    """What the distances at all shifts say.

    Args:
        distance: LSE-D, the smallest mean distance; lower is better.
        confidence: LSE-C, the median of the mean distances less the smallest; higher is better.
        offset: frames by which the speech has to move back in time to match: positive where it is early, negative
            where it lags, 0 in sync.
    """

    distance: float
    confidence: float
    offset: int


def mean_distances(video: np.ndarray, audio: np.ndarray, max_shift: int, zero_padding: bool) -> np.ndarray:
    """Mean L2 distance of picture and speech at every shift.

    Args:
        video: embeddings of windows one frame apart, `(T, D)`, float.
        audio: of the speech of the same windows, `(T, D)`, float.
        max_shift: S, frames either way.
        zero_padding: as published, compare with zeros where a shift leaves the clip. That biases short clips, and
            unit vectors altogether (a zero is nearer to each of them than a wrong one is); else such pairs are
            left out.

    Returns:
        Of the speech S frames earlier to S frames later, `(2 S + 1,)`, float64.
    """
    assert video.shape == audio.shape, (video.shape, audio.shape)
    count = len(video)
    assert zero_padding or count > max_shift, (count, max_shift)
    padded_audio = np.pad(audio.astype(np.float64), ((max_shift, max_shift), (0, 0)))
    means = []
    for shift in range(-max_shift, max_shift + 1):
        inside = slice(None) if zero_padding else slice(max(0, -shift), min(count, count - shift))
        later = padded_audio[max_shift + shift : max_shift + shift + count]
        means.append(np.linalg.norm(video[inside] - later[inside] + _RELEASE_EPSILON, axis=1).mean())
    return np.array(means)


def sync_scores(video: np.ndarray, audio: np.ndarray, max_shift: int, zero_padding: bool) -> SyncScores:
    """Distance, confidence and offset of a clip; arguments as of `mean_distances`."""
    distances = mean_distances(video, audio, max_shift, zero_padding)
    best = int(distances.argmin())
    return SyncScores(
        distance=float(distances[best]),
        confidence=float(np.median(distances) - distances[best]),
        offset=max_shift - best,
    )
