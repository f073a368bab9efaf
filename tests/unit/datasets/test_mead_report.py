"""The page about MEAD."""

from pathlib import Path

from segtalker.datasets.mead import mead_recordings
from segtalker.datasets.mead_report import mead_report

from .mead_copy import ALL, put, settings


def test_the_report_says_what_is_there_and_what_is_missing(clip: bytes, tmp_path: Path) -> None:
    put(tmp_path / "mead", ALL, clip)
    given = settings(tmp_path / "mead", actors=("M003", "W009", "W015"), emotions=("angry", "neutral"), views=())
    rows, failures = mead_recordings(given, tmp_path)
    report = mead_report(rows, failures, given)
    assert "Recordings: 4, minutes: 0.0, actors: 1; not to be used: 0," in report
    assert "Of 3 chosen actors 2 are missing: W009, W015." in report
    assert "| test | 1 | 4 | 0.0 |" in report
    assert "| M003 | front | test | 3 | 0.0 | 1/0/1 | 1 |" in report
    holes = next(line for line in report.splitlines() if line.startswith("- M003"))
    assert "no view right_60" in holes
    assert "front angry level 2;" in holes
    assert "front angry level 3 without 001" in holes
    assert "neutral level 2" not in holes
    assert "not to be passed on" in report


def test_a_whole_grid_has_no_holes(clip: bytes, tmp_path: Path) -> None:
    put(tmp_path / "mead", [f"M003/video/front/sad/level_{level}/001.mp4" for level in (1, 2, 3)], clip)
    given = settings(tmp_path / "mead", emotions=("sad",), split="subjects")
    report = mead_report(*mead_recordings(given, tmp_path), given)
    assert "Nothing: each actor has" in report
    assert "split later" in report
    assert "Of 43 actors of the published lists 42 are missing: M005" in report
