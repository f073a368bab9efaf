"""What is handed to `segtalker edit` is looked at before torch is there."""

from pathlib import Path

import pytest

from flows.commands.edit import edit
from segtalker.utils.errors import BadInputError


def test_every_wrong_input_is_named_on_a_line_of_its_own(files: Path) -> None:
    with pytest.raises(BadInputError) as raised:
        edit(
            files / "absent.png",
            files / "o.jpg",
            face="0",
            swap=["hair=absent.png"],
            colour=["lip=red"],
            shape=["hair:cut=1"],
            background="#12",
            experiment="absent",
        )
    lines = str(raised.value).splitlines()
    expected = (
        "absent.png: no such file", "--face 0", "only .png can be written", "absent.png: no such file",
        "operations are grow", "red is not a colour", "#12: not a colour", "absent",
    )  # fmt: skip
    for line, reason in zip(lines, expected, strict=True):
        assert reason in line
    assert not list(files.glob("o.*"))


def test_an_edit_of_nothing_is_refused(files: Path) -> None:
    with pytest.raises(BadInputError, match="edit needs something to do"):
        edit(files / "face.png", files / "o.png")
