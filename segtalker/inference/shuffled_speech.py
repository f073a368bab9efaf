"""Whose speech drives whom in the control `shuffled_audio`.

Datasets share sentences between speakers, and the same words said by another are no control: the mouth would be nearly
right. So speech is taken from a clip that sounds different when the two are laid over each other.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from segtalker.clips.store import Clip
from segtalker.utils.errors import BadInputError

_POOLED = 4  # mel columns
_CEPSTRA = 12
_CANDIDATES = 16  # clips compared with each clip, at most


def cepstra(mel: np.ndarray) -> np.ndarray:
    """What is said rather than by whom: smooth spectral shape, each coefficient standardised over the clip.

    Args:
        mel: log-mel spectrogram, `(M, N)`, float32.

    Returns:
        `(12, N // 4)`, float64.
    """
    bins, columns = mel.shape
    pooled_mel = mel[:, : columns // _POOLED * _POOLED].reshape(bins, -1, _POOLED).mean(axis=2)
    basis = np.cos(np.pi * np.outer(np.arange(1, _CEPSTRA + 1), (np.arange(bins) + 0.5) / bins))
    shape = basis @ pooled_mel
    return (shape - shape.mean(axis=1, keepdims=True)) / (shape.std(axis=1, keepdims=True) + 1e-6)


def warped_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance along the best alignment in time (dynamic time warping, Sakoe & Chiba 1978).

    Measured on the embedded dataset, different speakers: same sentences 0.9-1.9, others 2.0-2.4 (1st to last
    percentile).

    Args:
        one: features, `(C, N)`.
        other: features, `(C, M)`.
    """
    cost = np.linalg.norm(one[:, :, None] - other[:, None], axis=0)
    rows, columns = cost.shape
    best = np.full((rows + 1, columns + 1), np.inf)
    best[0, 0] = 0.0
    for diagonal in range(2, rows + columns + 1):
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        before = np.minimum(np.minimum(best[i - 1, j - 1], best[i - 1, j]), best[i, j - 1])
        best[i, j] = cost[i - 1, j - 1] + before
    return float(best[-1, -1] / (rows + columns))


def shuffled_speech(clips: Sequence[Clip], seed: int) -> dict[str, Clip]:
    """Another clip's speech for every clip.

    It is drawn from the half that sounds least alike of clips of other subjects; of the same subject only where
    there is no other.

    Args:
        clips: the test clips.
        seed: decides the pairs, each apart from the others.

    Returns:
        The clip whose speech drives each clip id.

    Raises:
        BadInputError: there is only one clip.
    """
    if len(clips) < 2:
        raise BadInputError(
            "generate: shuffled_audio needs two test clips; raise split.test_fraction or drop it from generate.methods"
        )
    sorted_clips = sorted(clips, key=lambda clip: clip.clip_id)
    clip_cepstra = {clip.clip_id: cepstra(np.asarray(clip.mel)) for clip in sorted_clips}
    return {clip.clip_id: _driver(clip, sorted_clips, clip_cepstra, seed) for clip in sorted_clips}


def _driver(clip: Clip, clips: Sequence[Clip], clip_cepstra: dict[str, np.ndarray], seed: int) -> Clip:
    strangers = [other for other in clips if other.subject != clip.subject]
    others = strangers or [other for other in clips if other.clip_id != clip.clip_id]
    rng = np.random.default_rng((seed, zlib.crc32(clip.clip_id.encode())))
    candidates = [others[index] for index in rng.permutation(len(others))[:_CANDIDATES]]
    distances = [warped_distance(clip_cepstra[clip.clip_id], clip_cepstra[other.clip_id]) for other in candidates]
    different = [other for other, far in zip(candidates, distances, strict=True) if far >= np.median(distances)]
    return different[int(rng.integers(len(different)))]
