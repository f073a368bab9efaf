"""Stretches of recordings get names."""

from flows.stages.cut import stretch_rows


def test_no_stretch_takes_the_name_of_another_recording() -> None:
    found = {"start_s": 0.0, "stretches": [{"start_s": at, "end_s": at + 2.0, "face": (0, 0, 1)} for at in (0.0, 4.0)]}
    names = ["talk", "Talk-01", "talk-01-00"]
    rows = [
        row
        for name in names
        for row in stretch_rows({"clip_id": name, "fps": 25}, found, set(map(str.casefold, names)))
    ]
    made = [row["clip_id"] for row in rows]
    assert made == ["talk-00", "talk--01", "Talk-01--00", "Talk-01-01", "talk-01-00-00", "talk-01-00-01"]
    assert not {name.casefold() for name in made} & {name.casefold() for name in names}


def test_a_stretch_that_is_alone_keeps_the_name() -> None:
    found = {"start_s": 0.5, "stretches": [{"start_s": 1.5, "end_s": 3.5, "face": (1, 2, 3)}]}
    (row,) = stretch_rows({"clip_id": "talk", "fps": 25}, found, {"talk"})
    assert (row["clip_id"], row["start_s"], row["end_s"], row["frames"], row["face"]) == ("talk", 1.0, 3.0, 50, "1 2 3")
