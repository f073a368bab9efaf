"""Files below folders with links, loops and closed doors."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segtalker.clips.record import ClipFailure
from segtalker.datasets.file_walk import closed_folders, walk_files


def test_links_are_followed_once_and_special_files_are_none(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root / "a", root / ".hidden", root / "__MACOSX", root / "folder.mp4", other):
        folder.mkdir(parents=True)
        (folder / "film.MP4").touch()
    (root / ".film.mp4").touch()
    (root / "._film.mp4").touch()
    (root / "notes.txt").touch()
    (root / "dangling.mp4").symlink_to(tmp_path / "nowhere")
    (root / "circle.mp4").symlink_to(root / "circle.mp4")
    (root / "elsewhere").symlink_to(other)
    (root / "z_again").symlink_to(other)
    (root / "a" / "up").symlink_to(root)
    os.mkfifo(root / "pipe.mp4")
    files, closed = walk_files(root, (".mp4",))
    assert [path.relative_to(root).as_posix() for path in files] == [
        "a/film.MP4", "circle.mp4", "dangling.mp4", "elsewhere/film.MP4", "folder.mp4/film.MP4",
    ]  # fmt: skip
    assert closed == []


def test_a_folder_that_cannot_be_opened_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "film.mp4").touch()
    scandir: Callable[..., Any] = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    files, closed = walk_files(tmp_path, (".mp4",))
    assert files == [tmp_path / "film.mp4"]
    assert closed_folders(closed, ["closed"], tmp_path) == [
        ClipFailure("closed", "closed", "closed: the folder cannot be opened; whatever is in it is left out")
    ]
