"""What is handed to `segtalker talk` is looked at before torch is there."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.commands.talk import talk
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[4]


def test_the_command_checks_what_belongs_together(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="needs --audio \\(or --text\\) and --out"):
        talk(tmp_path / "p.png")
    with pytest.raises(BadInputError, match="go together"):
        talk(tmp_path / "p.png", audio=tmp_path / "a.wav", save_mask=tmp_path / "m.png")
    with pytest.raises(BadInputError, match="one of them says what is heard"):
        talk(tmp_path / "p.png", tmp_path / "a.wav", "words", out=tmp_path / "o.mp4")
    with pytest.raises(BadInputError, match="no such region"):
        talk(tmp_path / "p.png", tmp_path / "a.wav", out=tmp_path / "o.mp4", swap=["beard=x.png"])


def test_every_wrong_input_is_named_on_a_line_of_its_own(files: Path) -> None:
    with pytest.raises(BadInputError) as raised:
        talk(
            files / "absent.png",
            files / "face.png",
            out=ROOT / "results" / "o.mp4",
            experiment="absent",
            swap=["hair=absent.png", "beard=face.png", f"lip={files / 'face.png'}"],
            mask=files / "absent_mask.png",
            background="#12",
            save_mask=files / "mask.jpg",
        )
    lines = str(raised.value).splitlines()
    expected = (
        "absent.png: no such file", "face.png: no sound track", "mask.jpg: only .png can be written",
        "absent.png: no such file", "'beard': no such region", "absent_mask.png: no such file", "#12: not a colour",
        "results belongs to a stage", "absent",
    )  # fmt: skip
    for line, reason in zip(lines, expected, strict=True):
        assert reason in line


def test_a_text_and_a_part_are_looked_at_first(files: Path) -> None:
    with pytest.raises(BadInputError) as raised:
        talk(files / "face.png", text="?!", voice="en-zz", from_moment="0:01", out=files / "o.avi")
    for reason in ("nothing in it can be said", "no such voice", "a still has no parts", "only .mp4"):
        assert reason in str(raised.value)


def test_the_mask_to_paint_is_asked_for_with_the_options(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    talker = SimpleNamespace(save_mask=lambda *given: asked.append(given))
    monkeypatch.setattr("flows.commands.talk.check_inputs", lambda *_: "demo")
    monkeypatch.setattr("segtalker.inference.talker.Talker.load", lambda *_, **__: talker)
    talk(files / "face.png", save_mask=tmp_path / "m.png", face="2", from_moment="1", to_moment="2", head="still")
    portrait, out, options = asked[0]
    assert (portrait, out) == (files / "face.png", tmp_path / "m.png")
    assert (options.face, options.from_s, options.to_s, options.head) == (2, 1.0, 2.0, "still")


def test_nothing_heavy_is_loaded_for_a_wrong_input(files: Path) -> None:
    script = """
import sys
from flows.cli import main
try:
    main()
except SystemExit as end:
    heavy = {"torch", "pandas", "mlflow", "prefect", "scipy", "matplotlib"} & set(sys.modules)
    sys.exit(f"loaded: {heavy}" if heavy else end.code)
"""
    arguments = ["talk", "--portrait", files / "absent.png", "--audio", files / "no.wav", "--out", files / "o.mp4"]
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2, done.stderr
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["error"] * 3
    assert done.stdout == ""
