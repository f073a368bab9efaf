"""What is written is there as a whole or not at all."""

import stat
from pathlib import Path

import pytest

from segtalker.utils.atomic import atomic_file, atomic_folder, remove, write_text


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert (temporary.parent, temporary.suffix) == (path.parent, ".json")
    assert path.read_text() == "half"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("writer", [atomic_file, atomic_folder])
def test_where_writing_fails_the_old_stays_and_nothing_else(tmp_path: Path, writer) -> None:
    write_text(tmp_path / "old", "old")
    with pytest.raises(RuntimeError), writer(tmp_path / "old"):
        raise RuntimeError("disk gone")
    assert (tmp_path / "old").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("before", ["nothing", "folder", "file", "link"])
def test_a_folder_takes_the_place_of_whatever_was_there(tmp_path: Path, before: str) -> None:
    path, outside = tmp_path / "place", tmp_path / "outside"
    write_text(outside / "mine.txt", "mine")
    if before == "folder":
        write_text(path / "old.txt", "old")
    elif before == "file":
        write_text(path, "old")
    elif before == "link":
        path.symlink_to(outside)
    with atomic_folder(path) as temporary:
        (temporary / "new.txt").write_text("new")
    assert not path.is_symlink()
    assert [file.name for file in path.iterdir()] == ["new.txt"]
    assert (outside / "mine.txt").read_text() == "mine"
    assert {file.name for file in tmp_path.iterdir()} == {"place", "outside"}


def test_what_is_not_there_needs_no_removing(tmp_path: Path) -> None:
    remove(tmp_path / "nothing")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    remove(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
