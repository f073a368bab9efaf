"""The command, run in this process."""

import sys
from collections.abc import Callable

import pytest

from flows.cli import main

# arguments -> exit code, output, errors
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def segtalker(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `segtalker`; its handlers of signals stay out of the test run."""
    monkeypatch.setattr("flows.cli.signal.signal", lambda *_: None)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["segtalker", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return run
