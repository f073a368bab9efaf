"""Words may change without anything being made again; code may not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from segtalker.utils import code_hash as module
from segtalker.utils.code_hash import code_files, source_without_words

ROOT = Path(__file__).parents[3]
SOURCE = '''"""What it is."""

import os  # for names


def name(path: str) -> str:
    """The name.

    Args:
        path: of a file.
    """
    # a hash sign in text is no comment
    return os.path.basename(path) + "# no comment" + f"{path!r:>{len('#')}}"


class Thing:
    """A thing."""

    size = 3
'''


def _stripped(tmp_path: Path, source: str) -> str:
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    source_without_words.cache_clear()
    return source_without_words(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""What it is."""', '"""What it is, at more\nthan one line."""'),
        ("  # for names", ""),
        ("# a hash sign in text is no comment", "# and another\n    # comment"),
        ('    """A thing."""\n', ""),
        ("import os", "import os   "),
    ],
)
def test_words_do_not_count(tmp_path: Path, old: str, new: str) -> None:
    assert old in SOURCE
    assert _stripped(tmp_path, SOURCE.replace(old, new)) == _stripped(tmp_path, SOURCE)


@pytest.mark.parametrize(
    ("old", "new"), [("size = 3", "size = 4"), ("# no comment", "# none"), ("basename", "dirname")]
)
def test_code_counts(tmp_path: Path, old: str, new: str) -> None:
    assert _stripped(tmp_path, SOURCE.replace(old, new)) != _stripped(tmp_path, SOURCE)


def test_what_is_left_is_the_same_program(tmp_path: Path) -> None:
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    exec(SOURCE, before)
    exec(_stripped(tmp_path, SOURCE.replace('    """A thing."""\n\n', "")), after)
    assert before["name"]("a/b") == after["name"]("a/b")  # type: ignore[operator]


def test_closure_follows_imports_and_leaves_out_what_has_no_effect() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in code_files("segtalker.preprocessing.crop")}
    assert {"segtalker/preprocessing/crop.py", "segtalker/media/video.py", "segtalker/regions.py"} <= files
    assert not [file for file in files if file.startswith(("segtalker/config", "segtalker/tracking", "flows"))]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("segtalker.datasets.hdtf", "segtalker/datasets/hdtf_clips.csv"),
        ("segtalker.reporting.pages.report", "segtalker/reporting/templates/report.html.j2"),
    ],
)
def test_tables_and_templates_count_with_the_code_that_reads_them(name: str, file: str) -> None:
    assert ROOT / file in code_files(name)


def test_modules_of_others_count_for_nothing() -> None:
    assert code_files("numpy", "segtalker.nowhere") == ()


PROGRAM = "from segtalker.utils.code_hash import code_hash; print(code_hash('flows.stages.tables'))"


@pytest.mark.parametrize("version", ["python3.12", "python3.13"])
def test_hash_is_the_same_on_other_versions_of_python(version: str) -> None:
    python = shutil.which(version)
    answer = subprocess.run([python or "false", "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip(f"{version} is not installed")
    assert answer.stdout.strip() == module.code_hash("flows.stages.tables")


def test_hash_is_the_same_in_another_place(tmp_path: Path) -> None:
    for package in ("segtalker", "flows", "lightning_modules", "datamodules"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    answer = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == module.code_hash("flows.stages.tables")
