"""Reading by timestamps with either decoder, and writing."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtalker.media.audio import load_sound
from segtalker.media.video import Decoder, TimedFrame, open_video, resample, still_frame, write_video
from segtalker.utils.errors import BadClipError, BadInputError

Writer = Callable[..., Path]
Numbers = Callable[[Path, Decoder, float], list[int]]
BOTH = pytest.mark.parametrize("decoder", ["decord", "pyav"])


def nearest(times: np.ndarray, fps: float, start: float, end: float) -> list[int]:
    """What `resample` should pick, by looking at all frames at once."""
    ticks = [tick for tick in range(100_000) if start + (tick + 0.5) / fps <= end]
    return [int(np.abs(times - (start + tick / fps)).argmin()) for tick in ticks]


def undecoded(index: int, time_s: float) -> TimedFrame:
    """A frame nobody looks at."""
    nothing = np.zeros(0)
    return TimedFrame(
        index, time_s, 1, 1, 0, lambda _: nothing, lambda _: nothing, lambda _: (lambda _: nothing, 0), (0, 0, 1, 1)
    )


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.integers(10, 200), min_size=1, max_size=40),
    fps=st.sampled_from([24, 25, 30, 50]),
    late=st.integers(0, 150),
)
def test_resample_picks_the_nearest_frame(gaps: list[int], fps: int, late: int) -> None:
    times = np.cumsum([0, *gaps]) / 1000 + 0.0003
    frames = (undecoded(index, float(time)) for index, time in enumerate(times))
    picked = [frame.index for frame in resample(frames, fps, late / 1000, 0.04)]
    assert picked == nearest(times, fps, late / 1000, times[-1] + 0.04)


def test_resample_reads_no_further_than_it_must() -> None:
    seen = []

    def frames():
        for index in range(1000):
            seen.append(index)
            yield undecoded(index, index / 25)

    picked = resample(frames(), 25, 0.0, 0.04)
    assert [next(picked).index for _ in range(10)] == list(range(10))
    assert len(seen) <= 11


@BOTH
def test_constant_rate_comes_through_unchanged(write_timed: Writer, decoder: Decoder, numbers: Numbers) -> None:
    path = write_timed("a.mp4", np.arange(40) / 25)
    assert numbers(path, decoder, 25) == list(range(40))


@BOTH
@pytest.mark.parametrize(("rate", "count"), [(30, 60), (30000 / 1001, 60), (24, 48), (50, 100), (12.5, 25)])
def test_other_rates_follow_the_clock(
    write_timed: Writer, decoder: Decoder, rate: float, count: int, numbers: Numbers
) -> None:
    times = np.round(np.arange(count) / rate * 90_000) / 90_000
    picked = numbers(write_timed("a.mp4", times), decoder, 25)
    assert abs(len(picked) / 25 - count / rate) <= 0.5 / 25 + 1e-3
    assert np.abs(times[picked] - np.arange(len(picked)) / 25).max() <= 0.5 / rate + 1e-3


@BOTH
def test_variable_rate_and_late_start(write_timed: Writer, decoder: Decoder, numbers: Numbers) -> None:
    gaps = np.random.default_rng(1).choice([0.02, 0.03, 0.05, 0.1], 60)
    times = np.round((0.5 + np.cumsum(gaps)) * 1000) / 1000
    path = write_timed("a.mkv", times)
    video = open_video(path, decoder)
    assert video.start_s == pytest.approx(times[0], abs=2e-3)
    picked = numbers(path, decoder, 25)
    assert np.abs(times[picked] - (times[0] + np.arange(len(picked)) / 25)).max() <= 0.051


def test_mpeg_streams_are_read_by_pyav_and_it_is_said(write_timed: Writer, numbers: Numbers) -> None:
    path = write_timed("a.mpg", np.arange(40) / 25, codec="mpeg1video")
    video = open_video(path, "decord")
    assert video.decoder == "pyav"
    assert video.decoder_reason == "decord shows frames at other times"
    assert numbers(path, "decord", 25) == list(range(40))


@BOTH
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_video_is_upright(tmp_path: Path, decoder: Decoder, degrees: int) -> None:
    upright = np.zeros((48, 96, 3), np.uint8)
    upright[:24, :48] = (230, 30, 30)
    stored = np.rot90(upright, k=-degrees // 90)
    write_video(tmp_path / "stored.mp4", [stored] * 5, 25, None, 16000, crf=10)
    tool = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-display_rotation", str(degrees)]
    subprocess.run([*tool, "-i", tmp_path / "stored.mp4", "-c", "copy", tmp_path / "turned.mp4"], check=True)
    video = open_video(tmp_path / "turned.mp4", decoder)
    assert (video.height, video.width) == (48, 96)
    assert np.abs(next(iter(video)).image.astype(int) - upright).mean() < 8


def test_a_video_can_be_pickled_and_read_twice(write_timed: Writer) -> None:
    video = pickle.loads(pickle.dumps(open_video(write_timed("a.mp4", np.arange(10) / 25), "decord")))
    for _ in range(2):
        assert [frame.index for frame in video if frame.image.std() > 20] == list(range(10))


def test_decord_leaves_the_libraries_of_others_alone(write_timed: Writer) -> None:
    script = """
import sys
from pathlib import Path
from segtalker.media.video import open_video
next(iter(open_video(Path(sys.argv[1]), "decord")))
import cv2, numpy
assert cv2.imdecode(cv2.imencode(".png", numpy.ones((8, 8), numpy.uint8))[1], -1) is not None
"""
    path = write_timed("a.mp4", np.arange(5) / 25)
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, cwd=Path(__file__).parents[3])


def test_still_frame_is_the_first(write_timed: Writer, draw_number: Callable) -> None:
    still = still_frame(write_timed("a.mp4", np.arange(3) / 25), "pyav")
    assert np.abs(still.astype(int) - draw_number(0)).mean() < 8


@BOTH
def test_a_hole_in_time_is_refused(write_timed: Writer, decoder: Decoder, numbers: Numbers) -> None:
    times = np.concatenate([np.arange(20), 2000 + np.arange(20)]) / 25
    with pytest.raises(BadClipError, match=r"jump from 0\.76 s to 80\.00 s"):
        numbers(write_timed("a.mkv", times), decoder, 25)


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100, b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 500])
def test_unreadable_files_have_a_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(BadClipError, match=r"broken\.mp4: "):
        open_video(path, "decord")


@BOTH
def test_truncated_video_is_refused_not_shortened(
    write_timed: Writer, tmp_path: Path, decoder: Decoder, numbers: Numbers, draw_number: Callable
) -> None:
    write_video(tmp_path / "whole.mp4", [draw_number(number) for number in range(100)], 25, None, 16000, crf=10)
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) * 9 // 10])
    with pytest.raises(BadClipError, match=r"cut\.mp4: damaged"):
        numbers(tmp_path / "cut.mp4", decoder, 25)


def test_sound_without_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "only.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        block.sample_rate = 16000
        container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    with pytest.raises(BadClipError, match="no picture"):
        open_video(path, "decord")


@pytest.fixture
def talking(tmp_path: Path) -> tuple[Path, list[np.ndarray], np.ndarray]:
    """A written video: 50 frames, white at 30, where a click sounds."""
    frames = [np.full((48, 64, 3), 235 if index == 30 else 40, np.uint8) for index in range(50)]
    sound = np.zeros(2 * 16000, np.float32)
    sound[30 * 640 : 30 * 640 + 64] = 0.9
    path = tmp_path / "talking.mp4"
    assert write_video(path, iter(frames), 25, sound, 16000, crf=16) == 50
    return path, frames, sound


def test_written_video_keeps_picture_and_sound_together(talking: tuple) -> None:
    path, frames, _ = talking
    video, sound = open_video(path, "decord"), load_sound(path, 16000)
    levels = [frame.image.mean() for frame in video.at_rate(25, video.start_s)]
    assert len(levels) == len(frames)
    assert int(np.argmax(levels)) == 30
    click = np.abs(sound.cut(video.start_s, 2.0)).argmax()
    assert abs(click - 30 * 640 - 32) < 64


def test_written_video_plays_in_browsers(talking: tuple) -> None:
    path = talking[0]
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_written_colours_are_right(tmp_path: Path) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32], image[:32, 32:], image[32:, :32], image[32:] = (220, 40, 40), (40, 200, 60), (50, 60, 210), 180
    write_video(tmp_path / "a.mp4", [image] * 3, 25, None, 16000, crf=8)
    back = still_frame(tmp_path / "a.mp4", "pyav").astype(int)
    inner = np.abs(back - image)[8:24, 8:24].mean(), np.abs(back - image)[8:24, 40:56].mean()
    assert max(inner) < 4


def test_equal_input_gives_equal_bytes(talking: tuple, tmp_path: Path) -> None:
    path, frames, sound = talking
    write_video(tmp_path / "again.mp4", frames, 25, sound, 16000, crf=16)
    assert (tmp_path / "again.mp4").read_bytes() == path.read_bytes()


def test_tags_are_read_back(tmp_path: Path) -> None:
    tags = {"title": "generated", "comment": "by a tool, not by a camera: ä", "date": "2026-11-29"}
    write_video(tmp_path / "a.mp4", [np.zeros((48, 64, 3), np.uint8)] * 3, 25, None, 16000, 20, tags)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert {name: container.metadata[name] for name in tags} == tags


def test_what_lay_in_memory_before_does_not_reach_the_file(tmp_path: Path) -> None:
    code = f"""
import hashlib, sys, cv2, numpy
from pathlib import Path
from segtalker.media.video import write_video
big = cv2.GaussianBlur(numpy.random.default_rng(0).uniform(0, 255, (320, 320, 3)), (0, 0), 3) * 4 - 384
big = big.clip(0, 255).astype(numpy.uint8)
frames = [big[i % 40 : i % 40 + 240, i // 2 : i // 2 + 240] for i in range(60)]
path = Path({str(tmp_path)!r}) / (sys.argv[1] + ".mp4")
write_video(path, frames, 25, None, 16000, 12)
print(hashlib.sha256(path.read_bytes()).hexdigest())
"""
    outputs = set()
    for value in ("1", "85", "254", "255"):
        environment = os.environ | {"MALLOC_PERTURB_": value}
        command = [sys.executable, "-c", code, value]
        outputs.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert len(outputs) == 1


def test_a_failing_source_leaves_no_file(tmp_path: Path, draw_number: Callable) -> None:
    def frames():
        yield draw_number(0)
        raise RuntimeError("renderer broke")

    with pytest.raises(RuntimeError, match="renderer broke"):
        write_video(tmp_path / "a.mp4", frames(), 25, None, 16000, crf=20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("frames", [[], [np.zeros((31, 64, 3), np.uint8)]])
def test_what_cannot_be_written_is_said(tmp_path: Path, frames: list[np.ndarray]) -> None:
    with pytest.raises(BadInputError, match=r"a\.mp4: (no frames|64x31 has an odd side)"):
        write_video(tmp_path / "a.mp4", frames, 25, None, 16000, crf=20)


@pytest.mark.parametrize("decoder", ["decord", "pyav"])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize("moment", [0.0, 0.52, 3.0, 5.79, 7.96])
def test_frames_from_a_moment_on(
    name: str, decoder: Decoder, moment: float, write_timed: Writer, numbers: Callable[..., list[int]]
) -> None:
    video = open_video(write_timed(name, np.arange(200) / 25), decoder)
    picked = [frame.time_s for frame in video.at_rate(25, video.start_s)]
    later = list(video.at_rate(25, video.start_s + moment))
    first = round(moment * 25)
    assert [frame.time_s for frame in later] == pytest.approx(picked[first:])
    assert all(frame.index in (-1, first + place) for place, frame in enumerate(later))


def test_a_variable_rate_begins_with_the_frame_that_is_shown(write_timed: Writer) -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.3, 60))
    video = open_video(write_timed("v.mp4", times), "decord")
    moment = video.start_s + 3.3
    shown = max(frame.time_s for frame in video if frame.time_s <= moment)
    for decoder in ("decord", "pyav"):
        assert next(open_video(video.path, decoder).frames(moment)).time_s == pytest.approx(shown, abs=1e-3)
