"""Notes that a stage leaves."""

import os
from pathlib import Path

import pytest

from flows.dvc.stage_process import StageNotes, own_notes


@pytest.fixture
def notes(tmp_path: Path) -> StageNotes:
    return StageNotes(tmp_path)


def test_before_it_began_nothing_is_known(notes: StageNotes) -> None:
    assert (notes.pid, notes.finished, notes.error, notes.killed) == (None, False, None, False)


def test_a_stage_that_finished_was_not_killed(notes: StageNotes) -> None:
    notes.begin()
    notes.finish()
    assert (notes.pid, notes.finished, notes.error, notes.killed) == (os.getpid(), True, None, False)


def test_a_stage_that_failed_says_why(notes: StageNotes) -> None:
    notes.begin()
    notes.fail("data/é.mp4: damaged")
    assert (notes.finished, notes.error, notes.killed) == (False, "data/é.mp4: damaged", False)


def test_a_stage_that_went_without_a_word_was_killed(notes: StageNotes) -> None:
    notes.begin()
    assert notes.killed


def test_who_waited_for_it_has_the_last_word(notes: StageNotes) -> None:
    notes.kill()
    assert (notes.pid, notes.killed) == (None, True)


def test_a_child_finds_the_notes_by_its_variables(notes: StageNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in notes.environment().items():
        monkeypatch.setenv(name, value)
        assert own_notes() == notes
        monkeypatch.delenv(name)
    assert own_notes() is None


def test_a_stage_that_begins_after_its_flow_ended_leaves_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        StageNotes(tmp_path / "gone").begin()
    assert end.value.code == 130
    assert capsys.readouterr() == ("", "")
