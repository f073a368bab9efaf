"""`segtalker --version`."""

import re
import sys

import pytest

from flows.cli import main


@pytest.fixture(autouse=True)
def own_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's handlers stay out of the test run."""
    monkeypatch.setattr("flows.cli.signal.signal", lambda *_: None)


def test_the_version_names_code_and_packages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["segtalker", "--version"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    git = r"( \(git [0-9a-f]{10}(, with local changes)?\))?"
    assert re.fullmatch(rf"segtalker [\d.]+{git}, Python 3\.1\d\.\d+, torch \S+\n", capsys.readouterr().out)
