"""`segtalker inspect`: lines for people, and exit code 2 where there is nothing to read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from segtalker.media.images import write_png


def test_each_file_has_its_lines(segtalker: Callable, tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for level, file in zip((60, 200), files, strict=True):
        write_png(file, np.full((64, 64, 3), level, np.uint8), {"Software": "Another Tool"})
    code, said, _ = segtalker("inspect", *map(str, files))
    lines = said.splitlines()
    assert code == 0
    assert len(lines) == 8
    assert lines[4] == f"{files[1]}: PNG picture, 64x64: nothing says that it is generated"
    assert lines[5] == "metadata: software 'Another Tool'"


def test_what_cannot_be_read_is_said_on_one_line(segtalker: Callable, tmp_path: Path) -> None:
    missing = tmp_path / "absent.mp4"
    assert segtalker("inspect", str(missing)) == (2, "", f"error: {missing}: no such file\n")
