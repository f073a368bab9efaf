"""A video that grows: it plays at any time, into a file or a pipe, and whoever reads it may leave."""

import itertools
import os
import signal
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from segtalker.media.live_video import FragmentedVideo, OutputPipe, RawVideo
from segtalker.media.soundtrack import mono_track
from segtalker.utils.errors import BadInputError

FPS = Fraction(25)


def _frames(count: int) -> list[np.ndarray]:
    steps = np.arange(64, dtype=np.uint8)
    return [
        np.broadcast_to((steps + 2 * number)[:, None, None], (64, 48, 3)).astype(np.uint8) for number in range(count)
    ]


def _fragmented(out: OutputPipe) -> FragmentedVideo:
    return FragmentedVideo(out, (64, 48), FPS, 16, (16000, "mono"), {"comment": "made"})


def _sound(frame: int) -> list[av.AudioFrame]:
    """Silence that begins before the end of a frame."""
    blocks = mono_track(np.zeros(48000, np.float32), 16000).blocks()
    return [block for block in blocks if frame / 25 <= (block.time or 0.0) < (frame + 1) / 25]


def _played(path: Path) -> tuple[list[float], float, str]:
    """Times of the frames, where the sound ends, and the comment."""
    with av.open(str(path)) as video:
        times = [frame.time or 0.0 for frame in video.decode(video=0)]
        comment = video.metadata.get("comment", "")
    with av.open(str(path)) as video:
        sound = list(video.decode(audio=0))
    return times, (sound[-1].time or 0.0) + sound[-1].samples / 16000, comment


def test_it_plays_as_far_as_it_has_come(tmp_path: Path) -> None:
    path, part = tmp_path / "live.mp4", tmp_path / "part.mp4"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    with _fragmented(OutputPipe(handle, "live.mp4")) as video:
        for number, frame in enumerate(_frames(75)):
            video.write(frame, _sound(number))
            if number == 49:
                part.write_bytes(path.read_bytes())
    os.close(handle)
    times, sound_s, comment = _played(part)
    assert len(times) >= 44  # a fragment of 0.2 s at most is under way
    assert sound_s == pytest.approx(len(times) / 25, abs=0.15)
    times, sound_s, comment = _played(path)
    np.testing.assert_allclose(times, np.arange(75) / 25, atol=1e-3)
    assert sound_s == pytest.approx(3.0, abs=0.08)
    assert comment == "made"


def test_a_reader_may_leave(tmp_path: Path) -> None:
    for make in (_fragmented, RawVideo):
        reader, writer = os.pipe()
        out = OutputPipe(writer, "the pipe")
        with make(out) as video:
            thread = threading.Thread(target=lambda end=reader: (os.read(end, 100), os.close(end)))
            thread.start()
            for number, frame in enumerate(_frames(60)):
                video.write(frame, _sound(number))
                thread.join(0 if number < 30 else 5)  # the first part is written by then
        os.close(writer)
        assert out.is_closed
        out.check()  # no mistake


def test_raw_pictures_are_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "frames.rgb"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    with RawVideo(OutputPipe(handle, "frames")) as video:
        for frame in _frames(3):
            video.write(frame, [])
    os.close(handle)
    np.testing.assert_array_equal(np.fromfile(path, np.uint8).reshape(3, 64, 48, 3), np.stack(_frames(3)))


def test_a_full_disk_is_said() -> None:
    handle = os.open("/dev/full", os.O_WRONLY)
    out = OutputPipe(handle, "live.mp4")
    with _fragmented(out) as video:
        for number, frame in enumerate(_frames(20)):
            video.write(frame, _sound(number))
    os.close(handle)
    with pytest.raises(BadInputError, match=r"live.mp4: cannot be written further \(No space left on device\)"):
        out.check()


def _noise(number: int = 0) -> np.ndarray:
    """What no encoder makes small, more than a pipe holds."""
    return np.random.default_rng(number).integers(0, 255, (256, 256, 3), np.uint8)


@pytest.mark.parametrize("make", [lambda out: FragmentedVideo(out, (256, 256), FPS, 10, (16000, "mono"), {}), RawVideo])
def test_a_reader_who_stalls_does_not_keep_who_wants_to_stop(make: Any) -> None:
    reader, writer = os.pipe()
    stop = threading.Event()
    out = OutputPipe(writer, "the pipe", stop.is_set)
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    started = time.perf_counter()

    def write() -> None:
        with make(out) as video:
            for number in itertools.takewhile(lambda _: not out.is_closed, itertools.count()):
                video.write(_noise(number), _sound(number))
        out.check()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(5)
    is_alive = thread.is_alive()
    os.close(reader)  # lets go of a thread that waits
    thread.join(5)
    os.close(writer)
    assert not is_alive
    assert time.perf_counter() - started > 0.3 + 1.0  # it was waited for: it may only be slow
    assert not out._error


def test_a_slow_reader_gets_all_of_it_though_somebody_wants_to_stop() -> None:
    reader, writer = os.pipe()
    out, parts = OutputPipe(writer, "the pipe", lambda: True), []

    def read() -> None:
        while part := os.read(reader, 60000):
            parts.append(part)
            time.sleep(0.15)

    thread = threading.Thread(target=read)
    thread.start()
    out.write(_noise().tobytes())
    os.close(writer)
    thread.join()
    os.close(reader)
    assert b"".join(parts) == _noise().tobytes()


def test_a_reader_who_left_is_noticed_without_a_write() -> None:
    reader, writer = os.pipe()
    out = OutputPipe(writer, "the pipe")
    assert (out.is_closed, out.was_left) == (False, False)
    os.close(reader)
    assert (out.is_closed, out.was_left) == (True, True)
    os.close(writer)


def test_a_signal_that_ends_a_write_is_not_lost() -> None:
    class Ended(BaseException):
        pass

    def end(*_: object) -> None:
        raise Ended

    reader, writer = os.pipe()
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    # lets go of a write that nothing ends
    release = threading.Timer(4.0, os.close, [reader])
    release.start()
    try:
        out = OutputPipe(writer, "the pipe")
        with FragmentedVideo(out, (256, 256), FPS, 10, (16000, "mono"), {}) as video:
            for number in itertools.takewhile(lambda _: not out.is_closed, itertools.count()):
                video.write(_noise(number), _sound(number))
        assert release.is_alive()
        with pytest.raises(Ended):
            out.check()
    finally:
        signal.signal(signal.SIGALRM, before)
        release.cancel()
        os.close(writer)
