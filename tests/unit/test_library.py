"""What stands in README and docs for programs is run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_people import ColourParser
from PIL import Image
from tiny_project import write_project

import segtalker
from segtalker.inference.talker import Talker
from segtalker.media.video import open_video
from segtalker.provenance.inspection import inspect_file

ROOT = Path(__file__).parents[2]


def _block(page: str, heading: str) -> str:
    section = (ROOT / page).read_text(encoding="utf-8").split(f"\n{heading}\n")[1]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return block[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with tiny networks is the working folder; its parser is right about drawings."""
    monkeypatch.setenv("SEGTALKER_ROOT", str(write_project(tmp_path)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("segtalker.inference.talker.load_parser", lambda *_: ColourParser().requires_grad_(False))
    return tmp_path


def test_the_lines_of_the_readme_make_a_talking_video(project: Path) -> None:
    code = _block("README.md", "### As a library")
    assert len([line for line in code.splitlines() if line]) == 3
    exec(compile(code, "README.md", "exec"), {})
    video = open_video(project / "talk.mp4", "pyav")
    assert (video.width, video.height, len(list(video))) == (160, 160, 12)
    assert inspect_file(project / "talk.mp4").is_generated


def test_the_lines_of_the_page_run_too(project: Path) -> None:
    exec(compile(_block("docs/library.md", "## A talking video"), "docs/library.md", "exec"), {})
    assert inspect_file(project / "talk.mp4").is_generated


def test_the_lines_that_edit_a_picture_run_too(project: Path) -> None:
    exec(compile(_block("docs/library.md", "## An edited picture"), "docs/library.md", "exec"), {})
    with Image.open(project / "edit.png") as picture:
        assert (picture.mode, picture.size) == ("RGBA", (160, 160))
    assert inspect_file(project / "edit.png").is_generated


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, segtalker; print(segtalker.__version__, sorted({'torch', 'numpy', 'c2pa'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said == f"{segtalker.__version__} []\n"
    assert segtalker.Talker is Talker


def test_what_is_not_there_is_said() -> None:
    assert all(hasattr(segtalker, name) for name in segtalker.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Walker'"):
        _ = segtalker.Walker  # type: ignore[attr-defined]
