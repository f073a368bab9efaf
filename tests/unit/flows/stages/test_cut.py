"""Stretches of recordings get names, and only what is not annotated is cut."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows.stages.cut import stretch_records
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask
from segtalker.clips.store import read_table
from segtalker.clips.tables import read_records, write_records
from segtalker.config.params import Params
from segtalker.preprocessing.cut import STRETCHES_FILE
from segtalker.utils.atomic import write_text
from segtalker.utils.errors import BadInputError

from .small_project import run


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


class Looks:
    """Stands for the look through a recording; says which were looked through."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, tasks: list[ClipTask], work: object, folder: Path, **_: object) -> list[ClipRecord]:
        survey = {"start_s": 0.0, "stretches": [{"start_s": 0.2, "end_s": 0.8, "face": (1, 2, 3)}] * 2, "drops": []}
        for task in tasks:
            self.names.append(task.clip_id)
            write_text(folder / "clips" / task.clip_id / STRETCHES_FILE, json.dumps(survey))
        return [task.record for task in tasks]


def test_what_is_annotated_frame_by_frame_stays_whole(
    root: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks()
    monkeypatch.setattr("flows.stages.cut.run_clips", looks)
    monkeypatch.setattr("flows.stages.cut.check_detector", lambda *_: None)
    table = Path("data/download/synthetic/clips.csv")
    records = read_records(table, ClipRecord)
    write_records(table, [replace(records[0], annotations=None), *records[1:]], ClipRecord)
    talking = {"cut": params.cut.model_copy(update={"mode": "talking"})}
    with pytest.raises(BadInputError, match=r"needs a face detector; set crop\.detector"):
        run("cut", params.model_copy(update=talking))
    crop = params.crop.model_copy(update={"detector": "mediapipe"})
    run("cut", params.model_copy(update=talking | {"crop": crop}))
    cut_records = {record.clip_id: record for record in read_records(Path("data/cut/synthetic/clips.csv"), ClipRecord)}
    assert looks.names == ["clip0"]
    assert list(cut_records) == ["clip0-00", "clip0-01", "clip1", "clip2"]
    assert cut_records["clip1"] == records[1]


def test_annotated_recordings_alone_need_no_detector(root: Path, params: Params) -> None:
    run("cut", params.model_copy(update={"cut": params.cut.model_copy(update={"mode": "talking"})}))
    assert read_table(Path("data/cut/synthetic/clips.csv"))["clip_id"].tolist() == ["clip0", "clip1", "clip2"]
    assert read_table(Path("data/cut/synthetic/failures.csv")).empty
