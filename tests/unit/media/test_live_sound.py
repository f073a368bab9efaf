"""Sound as it comes: what the networks hear and what the video carries are those of the whole file."""

import io
import itertools
import os
import signal
import threading
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtalker.clips.store import write_wav
from segtalker.media.live_sound import LiveSound, Pcm, RunningMono, StandardInput, open_live, parse_pcm
from segtalker.media.long_sound import spool_speech
from segtalker.media.soundtrack import open_soundtrack
from segtalker.utils.errors import BadClipError, BadInputError

RATE_HZ = 16000


class _Slow(io.BytesIO):
    """Gives little at a time, and is not to be gone back in."""

    def read(self, most: int | None = -1) -> bytes:
        return super().read(min(most or 0, 700))

    def seekable(self) -> bool:
        return False


def _stereo(path: Path, rate_hz: int = 44100, sign: int = 1) -> np.ndarray:
    """A tone and noise, `(S, 2)`, int16."""
    time_s = np.arange(rate_hz) / rate_hz
    left = 0.4 * np.sin(2 * np.pi * 300 * time_s) + 0.1 * np.random.default_rng(0).standard_normal(rate_hz)
    samples = (np.stack([left, sign * left], 1).clip(-1, 1) * 32000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate_hz, rate_hz, "NONE", ""))
        file.writeframes(samples.tobytes())
    return samples


def _heard(sound: LiveSound, most: int = 4000) -> tuple[list[np.ndarray], list[np.ndarray]]:
    with sound:
        pieces = list(sound.pieces(most))
        return pieces, [block.to_ndarray() for block in sound.blocks(1e9)]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_file_is_heard_as_the_whole_of_it(tmp_path: Path, sign: int) -> None:
    path = tmp_path / "tone.wav"
    _stereo(path, sign=sign)
    pieces, blocks = _heard(LiveSound(path, None, RATE_HZ))
    np.testing.assert_allclose(np.concatenate(pieces), spool_speech(path, RATE_HZ, tmp_path), atol=1e-6)
    assert max(map(len, pieces)) < 4000 + 2048
    track = open_soundtrack(path)
    expected = np.concatenate([block.to_ndarray() for block in track.blocks()], axis=1)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), expected)
    assert {block.shape for block in blocks[:-1]} == {(2, 1024)}


def test_a_pipe_is_read_as_far_as_it_has_come(tmp_path: Path) -> None:
    samples = _stereo(tmp_path / "tone.wav")
    expected = spool_speech(tmp_path / "tone.wav", RATE_HZ, tmp_path)
    file: Any = _Slow((tmp_path / "tone.wav").read_bytes())
    raw: Any = _Slow(samples.tobytes())
    for sound in (LiveSound(file, None, RATE_HZ), LiveSound(raw, Pcm(44100, 2), RATE_HZ)):
        pieces, blocks = _heard(sound)
        assert (sound.rate_hz, sound.layout) == (44100, "stereo")
        np.testing.assert_allclose(np.concatenate(pieces), expected, atol=1e-6)
        assert sum(block.shape[1] for block in blocks) == 44100


def test_blocks_are_given_up_to_a_moment(tmp_path: Path) -> None:
    write_wav(tmp_path / "s.wav", np.full(RATE_HZ, 0.1, np.float32), RATE_HZ)
    with LiveSound(tmp_path / "s.wav", None, RATE_HZ) as sound:
        list(sound.pieces(10**6))
        assert len(list(sound.blocks(0.2))) == 4  # at 0, 64, 128 and 192 ms
        assert next(sound.blocks(1.0)).pts == 4 * 1024


def test_little_is_read_ahead_and_a_silent_pipe_can_be_left() -> None:
    reads = itertools.count()

    class Endless:
        def read(self, most: int) -> bytes:
            next(reads)
            return bytes(most)

    stop: list[bool] = []
    endless: Any = Endless()
    with LiveSound(endless, Pcm(RATE_HZ, 1), RATE_HZ, lambda: bool(stop)) as sound:
        pieces = sound.pieces(2000)
        for _ in range(20):
            next(pieces)
        sound._thread.join(0.3)
        assert next(reads) < 40  # of 32 KiB, a second each
        stop.append(True)
        assert next(pieces, None) is None
    sound._thread.join(5)
    assert not sound._thread.is_alive()


def test_channels_that_cancel_each_other_are_not_added() -> None:
    tone = np.sin(np.arange(3000) / 5).astype(np.float32)
    mono = RunningMono()
    np.testing.assert_array_equal(mono.mix(np.stack([tone, 0.5 * tone])), 0.75 * tone)
    other = RunningMono()
    np.testing.assert_array_equal(other.mix(np.stack([0.5 * tone, -tone])), -tone)


def test_what_raw_samples_are_like_is_read_from_a_word() -> None:
    assert parse_pcm("16000") == Pcm(16000, 1)
    assert parse_pcm("44100:2") == Pcm(44100, 2)
    for word in ("fast", "16000:3", "10", "16000:0", "16000:2:1", "9" * 5000, "16000:" + "2" * 5000):
        with pytest.raises(BadInputError, match="write samples a second"):
            parse_pcm(word)


def test_what_is_no_sound_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    noise: Any = _Slow(b"x" * 3000)
    for source, reason in (
        (tmp_path / "text.wav", "no sound that can be read"), (tmp_path / "absent.wav", "no such file"),
        (noise, "raw samples need --pcm"),
    ):  # fmt: skip
        with pytest.raises(BadInputError, match=reason):
            open_live(source, None)
    path = tmp_path / "nan.wav"
    header = io.BytesIO()
    write_wav(path, np.zeros(4000, np.float32), RATE_HZ)
    header.write(path.read_bytes()[:44])
    broken = bytearray(path.read_bytes()[:44] + np.full(2000, np.nan, "<f4").tobytes())
    broken[20:22], broken[34:36] = (3).to_bytes(2, "little"), (32).to_bytes(2, "little")
    path.write_bytes(broken)
    with pytest.raises(BadClipError, match="no numbers"), LiveSound(path, None, RATE_HZ) as sound:
        list(sound.pieces(1000))


@pytest.mark.parametrize("pcm", [None, Pcm(RATE_HZ, 1)])
def test_a_pipe_that_is_silent_from_the_start_can_be_stopped(pcm: Pcm | None) -> None:
    """FFmpeg asks for the beginning of a file, and would wait for it for ever."""
    reader, writer = os.pipe()
    stop = threading.Event()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    started = time.perf_counter()
    heard: list[list[np.ndarray]] = []

    def hear() -> None:
        with LiveSound(StandardInput(stop.is_set, reader), pcm, RATE_HZ, stop.is_set) as sound:
            heard.append(list(sound.pieces(1000)))
        sound._thread.join(2)
        assert not sound._thread.is_alive()

    thread = threading.Thread(target=hear, daemon=True)
    thread.start()
    thread.join(3)
    is_alive = thread.is_alive()
    os.close(writer)  # lets go of a thread that waits
    thread.join(3)
    os.close(reader)
    assert not is_alive
    assert [len(piece) for pieces in heard for piece in pieces if len(piece)] == []
    assert len(heard) == 1
    assert time.perf_counter() - started < 2


def test_a_signal_ends_the_wait_for_the_beginning_of_a_pipe() -> None:
    class Ended(BaseException):
        pass

    def end(*_: object) -> None:
        raise Ended

    reader, writer = os.pipe()
    # lets go of who waits for ever
    release = threading.Timer(4.0, os.close, [writer])
    release.start()
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(Ended), LiveSound(StandardInput(lambda: False, reader), None, RATE_HZ):
            pass
        assert release.is_alive()
    finally:
        signal.signal(signal.SIGALRM, before)
        release.cancel()
        os.close(writer)  # which the thread that reads takes for the end


def test_what_is_piped_in_is_read_to_its_end() -> None:
    reader, writer = os.pipe()
    source = StandardInput(lambda: False, reader)
    os.write(writer, b"abc")
    assert source.read(100) == b"abc"
    timer = threading.Timer(0.25, os.write, [writer, b"late"])
    timer.start()
    assert source.read(2) == b"la"
    os.close(writer)
    assert [source.read(100), source.read(100)] == [b"te", b""]
    os.close(reader)


def test_sound_that_is_cut_off_where_it_is_stopped_is_no_mistake(tmp_path: Path) -> None:
    stop: list[bool] = []
    write_wav(tmp_path / "s.wav", np.full(RATE_HZ, 0.1, np.float32), RATE_HZ)
    with LiveSound(tmp_path / "s.wav", None, RATE_HZ, lambda: bool(stop)) as sound:
        pieces = sound.pieces(10)
        next(pieces)
        with pytest.raises(BadInputError, match="cut"):
            sound._taken(BadInputError("cut"))
        stop.append(True)
        assert sound._taken(BadInputError("cut")) is None
        with pytest.raises(MemoryError):
            sound._taken(MemoryError())


@pytest.mark.parametrize("failure", [MemoryError("no memory"), GeneratorExit("ended")])
@pytest.mark.parametrize("place", ["check_samples", "track_format"])
def test_whatever_ends_the_reading_is_raised_where_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException, place: str
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(f"segtalker.media.live_sound.{place}", fail)
    stop: list[bool] = []
    source: Any = _Slow(np.ones(9000, np.int16).tobytes())
    raised: list[BaseException] = []

    def hear() -> None:
        try:
            with LiveSound(source, Pcm(RATE_HZ, 1), RATE_HZ, lambda: bool(stop)) as sound:
                list(sound.pieces(100))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=hear, daemon=True)
    thread.start()
    thread.join(3)
    stop.append(True)  # lets go of a thread that waits
    thread.join(3)
    assert raised == [failure]
