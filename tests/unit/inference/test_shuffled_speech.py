"""Whose speech drives whom."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segtalker.clips.store import Clip
from segtalker.inference.shuffled_speech import cepstra, shuffled_speech, warped_distance
from segtalker.utils.errors import BadInputError


def _speech(seed: int, columns: int = 320) -> np.ndarray:
    """Something that changes like speech: smooth shapes that follow each other."""
    rng = np.random.default_rng(seed)
    shapes = rng.standard_normal((80, columns // 16 + 1)).repeat(16, axis=1)[:, :columns]
    return shapes.astype(np.float32)


def _voiced(mel: np.ndarray, tilt: float, stretch: float) -> np.ndarray:
    """The same words by another voice, at another speed."""
    index = (np.arange(int(mel.shape[1] * stretch)) / stretch).astype(int)
    return (mel[:, index] * 0.8 + tilt * np.linspace(-1, 1, 80)[:, None]).astype(np.float32)


def _path_length(cost: np.ndarray, i: int, j: int) -> float:
    """The definition, by recursion."""
    if i == j == 0:
        return float(cost[0, 0])
    steps = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
    return float(cost[i, j]) + min(_path_length(cost, a, b) for a, b in steps if a >= 0 and b >= 0)


def test_the_distance_is_that_of_the_best_alignment() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.standard_normal((4, 5)), rng.standard_normal((4, 6))
    cost = np.linalg.norm(one[:, :, None] - other[:, None], axis=0)
    assert warped_distance(one, other) == pytest.approx(_path_length(cost, 4, 5) / 11)
    assert warped_distance(one, one) == 0.0


def test_the_same_words_by_another_voice_are_close() -> None:
    words, others = cepstra(_speech(0)), cepstra(_speech(1))
    again = cepstra(_voiced(_speech(0), 1.5, 1.2))
    assert warped_distance(words, again) < 0.5 * warped_distance(words, others)


def test_nobody_is_driven_by_the_same_words(clips: list[Clip], tmp_path: Path) -> None:
    """Four people, three of whom say the same; each gets other words where there are some."""
    said = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 2, "f": 3}
    people = []
    for index, (subject, words) in enumerate(said.items()):
        folder = tmp_path / subject
        folder.mkdir()
        np.save(folder / "mel.npy", _voiced(_speech(words), index / 3, 1 + index / 20))
        people.append(replace(clips[0], clip_id=subject, subject=subject, crop_folder=folder))
    for seed in range(10):
        pairs = shuffled_speech(people, seed)
        assert all(said[subject] != said[other.subject] for subject, other in pairs.items())


def test_pairs_are_of_other_people_and_follow_the_seed(clips: list[Clip]) -> None:
    pairs = shuffled_speech(clips, seed=7)
    assert pairs == shuffled_speech(clips[::-1], seed=7)
    assert {name: other.subject for name, other in pairs.items()} == {"a0": "b", "a1": "b", "b0": "a"}
    assert shuffled_speech(clips[:2], seed=7)["a0"].clip_id == "a1"
    with pytest.raises(BadInputError, match="two test clips"):
        shuffled_speech(clips[:1], seed=7)
