"""What is handed to `segtalker talk --stream` is looked at first; Ctrl-C ends it."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from flows.commands import talk_stream
from flows.commands.talk import talk
from flows.commands.talk_stream import PIPE, StreamInputs, _opened, _stop_signal
from segtalker.inference.talk_inputs import TalkInputs
from segtalker.utils.errors import BadInputError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"audio": PIPE}, "--audio - needs --stream"),
        ({"out": PIPE}, "--out - needs --stream"),
        ({"pcm": "16000"}, "--pcm needs --stream"),
        ({"raw": True}, "--raw needs --stream"),
        ({"stream": True, "save_mask": Path("m.png")}, "--stream and --save-mask"),
        ({"stream": True, "credentials": Path("k.pem"), "certificate": Path("c.pem")}, "--stream and --credentials"),
        ({"stream": True, "raw": True}, "--raw writes into a pipe"),
        ({"stream": True, "audio": None, "text": "words", "pcm": "16000"}, "--pcm says what --audio is like"),
        ({"stream": True, "background": "transparent"}, "no transparency"),
    ],
)
def test_what_does_not_belong_together_is_said(files: Path, given: dict[str, Any], message: str) -> None:
    given = {"audio": files / "speech.wav", "out": files / "o.mp4"} | given
    with pytest.raises(BadInputError, match=message):
        talk(files / "face.png", **given)


def test_every_wrong_input_of_a_stream_is_named(files: Path) -> None:
    with pytest.raises(BadInputError) as raised:
        talk(files / "absent.png", files / "absent.wav", out=files / "o.avi", stream=True, shape=["hair:grow"])
    lines = str(raised.value).splitlines()
    expected = ("absent.png: no such file", "expected REGION", "absent.wav: no such file", "only .mp4")
    for reason, line in zip(expected, lines, strict=False):
        assert reason in line
    with pytest.raises(BadInputError, match=r"face\.png: no sound track"):
        talk(files / "face.png", files / "face.png", out=files / "o.mp4", stream=True)
    with pytest.raises(BadInputError, match="--pcm 5: write samples a second"):
        talk(files / "face.png", files / "speech.wav", out=files / "o.mp4", stream=True, pcm="5")


def test_a_terminal_is_no_pipe(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = TalkInputs(files / "face.png", PIPE, PIPE, None)
    monkeypatch.setattr(talk_stream.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(talk_stream.sys.stdout, "isatty", lambda: True, raising=False)
    reasons = []
    for check in StreamInputs(True, "16000", False).checks(inputs, files):
        with pytest.raises(BadInputError) as raised:
            check()
        reasons.append(str(raised.value))
    assert "nothing is piped in" in reasons[0]
    assert "to the terminal" in reasons[1]


def test_a_first_ctrl_c_asks_and_a_second_one_ends() -> None:
    class Ended(Exception):
        pass

    def end(*_: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGINT, end)
    try:
        with _stop_signal() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.wait(1)
            with pytest.raises(Ended):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is end
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_file_nothing_was_written_to_is_taken_away(tmp_path: Path) -> None:
    with _opened(tmp_path / "empty.mp4"):
        pass
    with _opened(tmp_path / "full.mp4") as handle:
        os.write(handle, b"video")
    assert [path.name for path in tmp_path.iterdir()] == ["full.mp4"]
