"""LSE-D, LSE-C and the offset against torch, on known shifts, and what padding does."""

import numpy as np
import pytest
import torch

from segtalker.metrics.sync_scores import mean_distances, sync_scores

SHIFTS = 15


def _embeddings(count: int = 90, size: int = 32) -> np.ndarray:
    values = np.random.default_rng(4).normal(size=(count, size)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def _published(video: np.ndarray, audio: np.ndarray) -> tuple[float, float, int]:
    """The release's own way: pad with zeros, pairwise distance, mean over frames, minimum and median."""
    padded = torch.nn.functional.pad(torch.from_numpy(audio), (0, 0, SHIFTS, SHIFTS))
    frames = [
        torch.nn.functional.pairwise_distance(torch.from_numpy(row)[None], padded[at : at + 2 * SHIFTS + 1])
        for at, row in enumerate(video)
    ]
    means = torch.stack(frames, dim=1).mean(dim=1)
    smallest, index = means.min(dim=0)
    return float(smallest), float(means.median() - smallest), int(SHIFTS - index)


@pytest.mark.parametrize("late", [0, 3, -7])
def test_equals_the_published_computation(late):
    video = _embeddings() * 10
    audio = np.roll(video, late, axis=0) + np.random.default_rng(1).normal(size=video.shape).astype(np.float32)
    scores = sync_scores(video, audio, SHIFTS, zero_padding=True)
    distance, confidence, offset = _published(video, audio)
    assert scores.distance == pytest.approx(distance, rel=1e-5)
    assert scores.confidence == pytest.approx(confidence, rel=1e-4)
    assert scores.offset == offset == -late


@pytest.mark.parametrize("late", range(-SHIFTS, SHIFTS + 1))
def test_every_shift_is_found_without_padding(late):
    long = _embeddings(200)
    video, audio = long[50:110], long[50 - late : 110 - late]
    scores = sync_scores(video, audio, SHIFTS, zero_padding=False)
    assert scores.offset == -late
    assert scores.distance == pytest.approx(0.0, abs=1e-4)


def test_zero_padding_pulls_unit_vectors_to_the_largest_shift():
    """A zero is 1 away from a unit vector, a wrong unit vector about 1.41: why it is left out for unit vectors."""
    video, audio = _embeddings(40), _embeddings(80)[40:]
    padded, plain = (mean_distances(video, audio, SHIFTS, zero_padding=zeros) for zeros in (True, False))
    assert padded[0] < padded[SHIFTS] - 0.1
    assert abs(plain[0] - plain[SHIFTS]) < 0.1


def test_a_clip_shorter_than_the_shifts_is_refused():
    with pytest.raises(AssertionError):
        sync_scores(_embeddings(SHIFTS), _embeddings(SHIFTS), SHIFTS, zero_padding=False)
