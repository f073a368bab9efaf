"""What is handed to `segtalker talk --stream` is looked at first; Ctrl-C ends it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from drawn_people import DrawnFace

from flows.commands import talk_stream
from flows.commands.talk import talk
from flows.commands.talk_stream import PIPE, LiveOutput, StreamInputs, _closing_lines, _stop_signal, stream
from segtalker.inference.live_talker import StreamedVideo
from segtalker.inference.talk_inputs import TalkInputs
from segtalker.media.images import write_png
from segtalker.media.live_sound import LiveSound
from segtalker.regions import colourise
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
    wrong: dict[str, Any] = {"shape": ["hair:grow"], "experiment": "absent"}
    with pytest.raises(BadInputError) as raised:
        talk(files / "absent.png", files / "absent.wav", out=files / "o.avi", stream=True, **wrong)
    lines = str(raised.value).splitlines()
    expected = ("absent.png: no such file", "expected REGION", "absent.wav: no such file", "only .mp4", "absent")
    for reason, line in zip(expected, lines, strict=True):
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
        stop = Event()
        with _stop_signal(stop):
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.wait(1)
            with pytest.raises(Ended):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is end
    finally:
        signal.signal(signal.SIGINT, before)


def test_nothing_is_done_to_a_file_before_the_first_frame_is_there(tmp_path: Path, files: Path) -> None:
    path, settings = tmp_path / "live.mp4", SimpleNamespace(clock=SimpleNamespace(sample_rate_hz=16000))
    path.write_bytes(b"an earlier video")
    inputs: Any = TalkInputs(files / "face.png", files / "absent.wav", path, None)
    unused: Any = None
    talker: Any = SimpleNamespace(settings=settings)
    with pytest.raises(BadInputError, match="no such file"):
        stream(talker, inputs, files / "absent.wav", StreamInputs(True, None, False), unused, unused)
    assert path.read_bytes() == b"an earlier video"
    out = LiveOutput(path, "mp4", Event())
    assert path.read_bytes() == b"an earlier video"
    with out.open(64, 64, Fraction(25)) as opened:
        opened.write(b"video")
    assert path.read_bytes() == b"video"


def test_ctrl_c_asks_only_from_when_it_is_ready_to_speak(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)

    def stream_talk(_: object, __: object, sound: LiveSound, *given: Any) -> StreamedVideo:
        *_, ready = given
        assert signal.getsignal(signal.SIGINT) is before
        ready()
        assert not sound.stopped()
        os.kill(os.getpid(), signal.SIGINT)
        assert sound.stopped()
        return StreamedVideo(0, Fraction(25), 0, 0, 0.0, 0.0, False)

    monkeypatch.setattr("segtalker.inference.live_talker.stream_talk", stream_talk)
    talker: Any = SimpleNamespace(settings=SimpleNamespace(clock=SimpleNamespace(sample_rate_hz=16000)))
    inputs, unused = TalkInputs(files / "face.png", files / "speech.wav", files / "o.mp4", None), cast("Any", None)
    stream(talker, inputs, files / "speech.wav", StreamInputs(True, None, False), unused, unused)
    assert signal.getsignal(signal.SIGINT) is before
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"{files / 'o.mp4'}: stopped before the first frame; nothing was written"
    assert not (files / "o.mp4").exists()


@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize("what", ["portrait", "audio", "mask", "swap", "background", "link"])
def test_nothing_is_written_over_what_it_is_made_from(files: Path, is_live: bool, what: str) -> None:
    path = files / "me.mp4"
    path.write_bytes(b"a video")
    given: dict[str, Any] = {"portrait": files / "face.png", "audio": files / "speech.wav"}
    others = {"swap": [f"hair={path}"], "background": str(path), "link": path}
    given |= {"portrait" if what == "link" else what: others.get(what, path)}
    out = path
    if what == "link":
        out = files / "other.mp4"
        out.symlink_to(path)
    with pytest.raises(BadInputError, match=f"--out {out}: would be written over {path}, which it is made from"):
        talk(**given, out=out, stream=is_live)
    assert path.read_bytes() == b"a video"


def test_a_mask_is_not_saved_over_what_it_is_made_from(files: Path) -> None:
    with pytest.raises(BadInputError, match=r"--save-mask .*face\.png: would be written over"):
        talk(files / "face.png", save_mask=files / "face.png")


_NOTHING = StreamedVideo(0, Fraction(25), 0, 0, 0.0, 0.0, was_left=False)


@pytest.mark.parametrize(
    ("made", "is_stopped", "lines"),
    [
        (_NOTHING, True, ["o: stopped before the first frame; nothing was written"]),
        (_NOTHING, False, ["o: its reader left before the first frame; nothing was written"]),
        (
            StreamedVideo(51, Fraction(25), 64, 48, 0.5, 2.0, False, 3, ("no glasses",)),
            True,
            [
                "o: 2.0 s, 51 frames of 64x48 at 25 fps (stopped); the first after 0.50 s, then 25.0 a second",
                "3 frames show no face and are left as they are",
                "no glasses",
            ],
        ),
        (
            StreamedVideo(2, Fraction(25), 64, 48, 0.5, 2.0, True),
            False,
            ["o: 0.1 s, 2 frames of 64x48 at 25 fps (its reader left); the first after 0.50 s, then 0.5 a second"],
        ),
    ],
)
def test_what_was_made_is_said(made: StreamedVideo, is_stopped: bool, lines: list[str]) -> None:
    assert list(_closing_lines("o", made, is_stopped)) == lines


_COMMAND = """
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch
from drawn_people import ColourParser, tiny_params
from flows.cli import main
from segtalker.inference.talker import Talker
models = Path(sys.argv.pop())
def load(*_, **__):
    talker = Talker(tiny_params(), models, None, None)
    talker.reader = replace(talker.reader, parser=ColourParser().requires_grad_(False))
    return talker
with patch.object(Talker, "load", load), patch("flows.commands.talk.trained_experiment", lambda *_: "demo"):
    main()
"""


@pytest.fixture
def started(files: Path, models: Path) -> Callable[..., "subprocess.Popen[bytes]"]:
    """The command with tiny networks, in a process of its own."""
    write_png(files / "one.png", colourise(DrawnFace(160, 80.0, 66.0, 24.0, 0.2).mask))

    def start(*words: str) -> "subprocess.Popen[bytes]":
        given = ("talk", "--stream", "--portrait", str(files / "one.png"), *words)
        tests = Path(__file__).parents[3]
        paths = os.pathsep.join(map(str, (tests.parent, tests)))
        return subprocess.Popen(
            [sys.executable, "-c", _COMMAND, *given, str(models)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tests.parent,
            env=os.environ | {"PYTHONPATH": paths},
        )  # fmt: skip

    return start


def test_a_microphone_is_heard_and_a_pipe_gets_its_pictures(started: Any) -> None:
    samples = np.random.default_rng(0).integers(-9000, 9000, 16000, np.int16).tobytes()
    with started("--audio", "-", "--pcm", "16000", "--raw", "--out", "-") as process:
        pictures, said = process.communicate(samples, timeout=60)
    lines = said.decode().splitlines()
    assert process.returncode == 0, said
    assert len(pictures) == 25 * 160 * 160 * 3
    frames = np.frombuffer(pictures, np.uint8).reshape(25, 160, 160, 3)
    assert (frames[0] != frames[-1]).any()
    assert lines[-2] == "the pipe: rgb24 pictures of 160x160 at 25 fps"
    assert lines[-1].startswith("the pipe: 1.0 s, 25 frames of 160x160 at 25 fps; the first after ")
