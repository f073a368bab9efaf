"""What visitors bring is gone when the studio is."""

import os
import subprocess
import sys
import time
from pathlib import Path

from flows.studio.folders import delete_uploads, studio_folder


def test_a_studio_has_a_folder_of_its_own_until_it_ends(tmp_path: Path) -> None:
    with studio_folder(tmp_path) as one, studio_folder(tmp_path) as other:
        assert one != other
        assert one.stat().st_mode & 0o77 == 0
        (one / "uploads").mkdir()
        (one / "uploads" / "face.png").touch()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_studio_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    script = """
import os, pathlib, sys
from flows.studio.folders import studio_folder
with studio_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "face.png").touch()
    print(folder, flush=True)
    os._exit(9)
"""
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert (Path(done.stdout.strip()) / "face.png").is_file()
    (tmp_path / "segtalker-studio-begun").mkdir()  # by another one, without its lock yet
    with studio_folder(tmp_path) as folder:
        assert {path.name for path in tmp_path.iterdir()} == {folder.name, "segtalker-studio-begun"}


def test_uploads_are_deleted_when_nobody_uses_them(tmp_path: Path) -> None:
    files = {}
    for name in ("used", "shared", "old", "new"):
        (tmp_path / name).mkdir()
        files[name] = tmp_path / name / "file.png"
        files[name].touch()
    (tmp_path / "editor").touch()  # Gradio's image editor leaves such files beside the folders

    def left() -> set[str]:
        return {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}

    kept = {files["used"], files["shared"]}
    delete_uploads(tmp_path, kept, 3600)
    assert left() == {"used", "shared", "old", "new", "editor"}
    time.sleep(1.1)
    os.utime(files["new"])
    delete_uploads(tmp_path, kept, 1.0)
    assert left() == {"used", "shared", "new"}
    delete_uploads(tmp_path, {files["shared"]}, 0.0)
    assert left() == {"shared"}
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]


def test_an_emptied_folder_is_deleted_unless_it_is_new(tmp_path: Path) -> None:
    (tmp_path / "0123").mkdir()
    delete_uploads(tmp_path, set(), 3600)
    assert (tmp_path / "0123").exists()
    delete_uploads(tmp_path, set(), 0.0)
    assert not (tmp_path / "0123").exists()
