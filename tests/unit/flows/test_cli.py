"""What the command says where it is used wrongly: one line, exit code 2."""

import sys

import pytest

from flows.cli import main


@pytest.fixture(autouse=True)
def own_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's handlers stay out of the test run."""
    monkeypatch.setattr("flows.cli.signal.signal", lambda *_: None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bogus"], "No such option"),
        (["talk"], "Missing option '--portrait'"),
        (["talk", "--portrait", "face.png"], "--audio and --out"),
        (["nonsense"], "No such command"),
        (["reproduce", "--until", "nowhere"], "there are: download, cut, crop"),
        (["reproduce", "--experiment", "none-such"], "experiments/none-such.yaml"),
        (["reproduce", "--set", "base.seed"], "key=value"),
    ],
)
def test_wrong_use_is_said_on_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["segtalker", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert message in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_without_a_word_it_helps(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["segtalker"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "reproduce" in capsys.readouterr().out
