"""Names of people by their faces."""

import numpy as np
import pytest

from segtalker.preprocessing.identity import alike_subjects, name_people


def test_people_are_told_apart_and_keep_their_names() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(0, 1, (3, 128))
    clips = {f"c{index:02d}": people[index % 3] + rng.normal(0, 0.25, 128) for index in range(12)}
    names = name_people(clips, 0.5)
    assert set(names.values()) == {"person_c00", "person_c01", "person_c02"}
    assert all(names[f"c{index:02d}"] == f"person_c{index % 3:02d}" for index in range(12))
    assert name_people({"a": people[0]}, 0.5) == {"a": "person_a"}
    # a new clip of a known person renames nobody
    assert name_people(clips | {"c99": people[1]}, 0.5)["c99"] == "person_c01"


def _faces(people: int, clips: int, spread: float) -> dict[str, np.ndarray]:
    """Unit vectors of clips, the people taking turns."""
    rng = np.random.default_rng(1)
    centres = rng.normal(0, 1, (people, 64))
    vectors = {f"c{index:02d}": centres[index % people] + rng.normal(0, spread, 64) for index in range(clips)}
    return {clip: vector / np.linalg.norm(vector) for clip, vector in vectors.items()}


def test_subjects_are_as_far_apart_as_their_clips_on_average() -> None:
    vectors = _faces(people=2, clips=8, spread=0.4)
    subjects = {clip: f"s{int(clip[1:]) // 2}" for clip in vectors}
    pairs = {(pair.one, pair.other): pair.distance for pair in alike_subjects(vectors, subjects, 2.0)}
    assert len(pairs) == 4 * 3 / 2
    for (one, other), distance in pairs.items():
        apart = [
            1 - vectors[a] @ vectors[b] for a in vectors for b in vectors if (subjects[a], subjects[b]) == (one, other)
        ]
        assert len(apart) == 4
        assert distance == pytest.approx(np.mean(apart), abs=1e-3)
    assert list(pairs.values()) == sorted(pairs.values())


def test_one_person_under_two_names_is_told_and_other_people_are_not() -> None:
    vectors = _faces(people=3, clips=9, spread=0.3)
    by_file = {clip: clip for clip in vectors}
    pairs = alike_subjects(vectors, by_file, 0.5)
    assert {(int(pair.one[1:]) - int(pair.other[1:])) % 3 for pair in pairs} == {0}
    assert len(pairs) == 9
    assert alike_subjects(vectors, name_people(vectors, 0.5), 0.5) == []
    assert alike_subjects({}, {}, 0.5) == []
