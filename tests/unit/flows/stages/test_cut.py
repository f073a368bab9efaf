"""Stretches of recordings get names."""

from pathlib import Path

from flows.stages.cut import stretch_records
from segtalker.clips.record import ClipRecord


def test_no_stretch_takes_the_name_of_another_recording() -> None:
    found = {"start_s": 0.0, "stretches": [{"start_s": at, "end_s": at + 2.0, "face": (0, 0, 1)} for at in (0.0, 4.0)]}
    names = ["talk", "Talk-01", "talk-01-00"]
    records = [
        record
        for name in names
        for record in stretch_records(
            ClipRecord(clip_id=name, source=Path("x.mp4"), fps=25.0), found, set(map(str.casefold, names))
        )
    ]
    made = [record.clip_id for record in records]
    assert made == ["talk-00", "talk--01", "Talk-01--00", "Talk-01-01", "talk-01-00-00", "talk-01-00-01"]
    assert not {name.casefold() for name in made} & {name.casefold() for name in names}


def test_a_stretch_that_is_alone_keeps_the_name() -> None:
    found = {"start_s": 0.5, "stretches": [{"start_s": 1.5, "end_s": 3.5, "face": (1, 2, 3)}]}
    (one,) = stretch_records(ClipRecord(clip_id="talk", source=Path("x.mp4"), fps=25.0), found, {"talk"})
    assert (one.clip_id, one.start_s, one.end_s, one.frames, one.face) == ("talk", 1.0, 3.0, 50, (1, 2, 3))
