"""What is said where."""

import pytest

from flows.commands.console import complain, say


def test_words_go_to_stdout_and_complaints_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("crop: cached")
    complain("a.png: no such file\n#12: not a colour")
    assert capsys.readouterr() == ("crop: cached\n", "error: a.png: no such file\nerror: #12: not a colour\n")
