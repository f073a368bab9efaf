"""One run at a time."""

import os
from pathlib import Path

import pytest

from flows.dvc.run_lock import run_lock
from segtalker.utils.errors import SegTalkerError


def test_a_second_run_is_told_who_holds_the_project(tmp_path: Path) -> None:
    refused = pytest.raises(SegTalkerError, match=rf"process {os.getpid()} runs an experiment here")
    with run_lock(tmp_path), refused, run_lock(tmp_path):
        pass


def test_a_run_that_ended_or_failed_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), run_lock(tmp_path):
        raise RuntimeError("failed")
    with run_lock(tmp_path):
        pass


def test_what_an_earlier_process_wrote_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".segtalker.lock").write_text("123456789012345")
    with run_lock(tmp_path):
        assert (tmp_path / ".segtalker.lock").read_text() == str(os.getpid())


def test_projects_do_not_wait_for_each_other(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    with run_lock(tmp_path / "a"), run_lock(tmp_path / "b"):
        pass
