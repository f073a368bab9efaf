"""Names of people by their faces."""

import numpy as np

from segtalker.preprocessing.identity import name_people


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
