"""Paths as people write them and as tables hold them."""

import os
from pathlib import Path

import pytest

from segtalker.utils.errors import BadInputError
from segtalker.utils.paths import expand_path, inside_project, is_hidden, written_out


def test_home_and_variables_are_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("VIDEOS", "/data/videos")
    assert expand_path("~/mead", "k") == Path("/home/ann/mead")
    assert expand_path("$VIDEOS/x", "k") == expand_path("${VIDEOS}/x", "k") == Path("/data/videos/x")


def test_what_names_no_path_names_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(BadInputError, match=r"^download\.folder\.root is empty; set it"):
        expand_path("", "download.folder.root")
    with pytest.raises(BadInputError, match="variable NOWHERE is not set"):
        expand_path("${NOWHERE}/x", "k")


def test_a_path_is_relative_where_it_lies_inside_also_by_a_link(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (tmp_path / "link").symlink_to(project / "data")
    (project / "loop").symlink_to(project / "loop")
    assert inside_project(project / "data" / "a.mp4", project) == "data/a.mp4"
    assert inside_project(tmp_path / "link" / "a.mp4", project) == "data/a.mp4"
    assert inside_project(tmp_path / "a.mp4", project) == f"{tmp_path}/a.mp4"
    assert inside_project(project / "loop", project) == "loop"


def test_what_no_table_can_hold_is_written_out() -> None:
    assert written_out("Straße 東京 (1).mp4") == "Straße 東京 (1).mp4"
    assert written_out(os.fsdecode(b"a\nb\xff.mp4")) == r"a\nb\udcff.mp4"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b.mp4", False), ("a/._b.mp4", True), (".a/b.mp4", True), ("__MACOSX/b.mp4", True), ("a.b/c..mp4", False)],
)
def test_what_systems_leave_is_told_from_what_people_put_there(name: str, expected: bool) -> None:
    assert is_hidden(Path(name)) == expected
