"""Reading video by its timestamps, and writing video that every browser plays.

`segtalker.media.probe` says what a player shows of a file. Frames come from PyAV, or, where it is asked for and reads
the same, from decord: that is faster only where whole pictures of 1080 lines are wanted, and no longer maintained. A
`Video` holds no open file, so it can be pickled and is opened where it is read.

Writing gives H.264 yuv420p and AAC in MP4 with the index in front. Equal input gives equal bytes: one encoder
thread, no version strings, no dates but those a caller tags it with.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from segtalker.media.decoders import Reading, TimedFrame, decord_frames, decord_times, error_message, pyav_frames
from segtalker.media.encodings import ENCODINGS
from segtalker.media.probe import (
    Display,
    choose_picture,
    frame_rate,
    has_clock,
    measure_seconds,
    open_media,
    packet_times,
    read_display,
    sound_choice,
    stated_seconds,
)
from segtalker.media.soundtrack import Soundtrack, mono_track
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadClipError, BadInputError

Decoder = Literal["decord", "pyav"]
_SAME_PICTURE = 2  # of 255: what another way from YUV to RGB may change; where decord is right it changed nothing
_MAX_GAP_S = 2.0
_OPUS_RATE_HZ = 48_000
_AAC_BITS_PER_S = 96_000  # a channel


@dataclass(frozen=True)
class Video:
    """What the container says of a video; frames are decoded at each iteration.

    Args:
        path: the file.
        decoder: the one that reads it.
        decoder_reason: why another than the wanted one reads it, else empty.
        stream: index of its picture in the container.
        display: how stored frames are shown.
        fps: average frame rate.
        start_s: container time of the first frame.
        stated_seconds: how long it is, as far as the container says, else None.
        has_clock: whether frames carry times; else they are counted.
        codec: its name.
        has_sound: whether the file has a sound track.
        sound_choice: which of several sound tracks is heard, else empty.
        is_interlaced: whether its frames are two fields woven together; they are deinterlaced as they are read.
    """

    path: Path
    decoder: Decoder
    decoder_reason: str
    stream: int
    display: Display
    fps: float
    start_s: float
    stated_seconds: float | None
    has_clock: bool
    codec: str
    has_sound: bool
    sound_choice: str
    is_interlaced: bool

    @property
    def width(self) -> int:
        """As shown, px."""
        return self.display.size[0]

    @property
    def height(self) -> int:
        """As shown, px."""
        return self.display.size[1]

    @cached_property
    def seconds(self) -> float:
        """How long it is; where the container does not say, the file is read through for it, without decoding."""
        return measure_seconds(self.path, self.stream, self.fps) if self.stated_seconds is None else self.stated_seconds

    def __iter__(self) -> Iterator[TimedFrame]:
        """All frames, see `frames`."""
        return self.frames(self.start_s)

    def frames(self, from_s: float, threads: int = 1) -> Iterator[TimedFrame]:
        """Frames in order of time, decoded one at a time; those that jump back in time are left out.

        Args:
            from_s: container time; the first frame is the one shown then. What comes before is not decoded but for
                the way from the last key frame.
            threads: of the decoder, where it is PyAV.

        Raises:
            BadClipError: the file is damaged or its timestamps are.
        """
        decode = decord_frames if self.decoder == "decord" else pyav_frames
        interval_s = None if self.has_clock else 1.0 / self.fps
        frames = decode(
            Reading(self.path, self.stream, self.display, self.start_s, from_s, interval_s, self.is_interlaced, threads)
        )
        last = -np.inf
        for frame in _shown_from(frames, from_s):
            if frame.time_s - last > _MAX_GAP_S and last >= 0:
                raise BadClipError(f"{self.path.name}: timestamps jump from {last:.2f} s to {frame.time_s:.2f} s")
            if frame.time_s > last:
                last = frame.time_s
                yield frame

    def at_rate(self, fps: float, start_s: float, first: int = 0) -> Iterator[TimedFrame]:
        """Frames at a constant rate from a moment on, but for the `first` ones; see `resample`."""
        return resample(self.frames(start_s + first / fps), fps, start_s, 1.0 / self.fps, first)


def open_video(path: Path, decoder: Decoder) -> Video:
    """Reads the facts of a video.

    Args:
        path: any container and codec that FFmpeg reads.
        decoder: the wanted one.

    Raises:
        BadClipError: not readable, no picture in it, or a path that no table can hold.
    """
    try:
        with open_media(path) as container:
            video, first = _facts(path, container)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadClipError(f"{path.name}: not a readable video ({error_message(error)})") from error
    if decoder == "decord":
        reason = _why_not_decord(video, first)
        return replace(video, decoder="pyav" if reason else "decord", decoder_reason=reason)
    return video


def _facts(path: Path, container: InputContainer) -> tuple[Video, av.VideoFrame]:
    """What there is to know of a video, read by PyAV, and its first frame."""
    name = path.name
    stream = choose_picture(container, name)
    fps = frame_rate(path, container, stream)
    first = next(container.decode(stream), None)
    if first is None:
        raise BadClipError(f"{name}: no frame can be decoded")
    video = Video(
        path=path,
        decoder="pyav",
        decoder_reason="",
        stream=stream.index,
        display=read_display(stream, first, name),
        fps=fps,
        start_s=first.time or 0.0,
        stated_seconds=stated_seconds(container, stream),
        has_clock=has_clock(container),
        codec=stream.codec_context.codec.canonical_name,
        has_sound=bool(container.streams.audio),
        sound_choice=sound_choice(container, name),
        is_interlaced=first.interlaced_frame,
    )
    return video, first


def _why_not_decord(video: Video, first: av.VideoFrame) -> str:
    """What decord would read other than a player shows it; empty where nothing."""
    if first.interlaced_frame:
        return "decord cannot deinterlace"
    if not video.has_clock:
        return "decord makes up times of its own"
    try:
        times, image = decord_times(video.path)
    except BadClipError:
        return f"decord cannot read {video.codec} in {video.path.suffix}"
    player_times = packet_times(video.path, video.stream)
    if len(times) != len(player_times):
        return f"decord counts {len(times)} frames, {len(player_times)} are shown"
    if np.abs(times - (player_times - player_times[0])).max() > 0.5 / video.fps:
        return "decord shows frames at other times"
    own = next(video.frames(video.start_s)).image
    if own.shape != image.shape:
        return f"decord shows {image.shape[1]}x{image.shape[0]}, not {own.shape[1]}x{own.shape[0]}"
    return "" if np.abs(own.astype(int) - image).max() <= _SAME_PICTURE else "decord begins with another picture"


def _shown_from(frames: Iterator[TimedFrame], from_s: float) -> Iterator[TimedFrame]:
    """Leaves out all frames before the one shown at `from_s`."""
    previous: TimedFrame | None = None
    for frame in frames:
        if previous is not None and frame.time_s > from_s:
            yield previous
        previous = frame
    if previous is not None:
        yield previous


def resample(
    frames: Iterable[TimedFrame], fps: float | Fraction, start_s: float, frame_s: float, first: int = 0
) -> Iterator[TimedFrame]:
    """Picks the frame nearest in time to each tick of a constant rate; holds two frames at most.

    Args:
        frames: in order of time, any rate, also a variable one.
        fps: ticks a second.
        start_s: time of tick 0.
        frame_s: how long the last frame is shown.
        first: the tick to begin with.

    Yields:
        One frame a tick, as long as the middle of the tick lies before the end. A frame can come again.
    """
    ticks = first
    previous: TimedFrame | None = None
    for frame in frames:
        while previous is not None and 2 * (start_s + ticks / fps) <= previous.time_s + frame.time_s:
            yield previous
            ticks += 1
        previous = frame
    while previous is not None and start_s + (ticks + 0.5) / fps <= previous.time_s + frame_s:
        yield previous
        ticks += 1


def still_frame(path: Path, decoder: Decoder) -> np.ndarray:
    """The first frame of a video, `(H, W, 3)`, uint8."""
    return next(iter(open_video(path, decoder))).image


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: int | Fraction,
    audio: np.ndarray | Soundtrack | None,
    sample_rate_hz: int,
    crf: int,
    tags: Mapping[str, str] | None = None,
) -> int:
    """Writes a video atomically as its frames come.

    Args:
        path: the file to write; its suffix says how, see `segtalker.media.encodings`, any other than those there MP4.
        frames: RGB, `(H, W, 3)`, uint8, one size, even sides; RGBA, `(H, W, 4)`, where the file holds transparency.
        fps: frames a second.
        audio: sound that starts with frame 0: mono, `(S,)`, float32 in [-1, 1], or a track of any kind, or None; cut
            where the frames end.
        sample_rate_hz: of mono sound; a track knows its own.
        crf: x264's constant quality, 0 (lossless) to 51.
        tags: metadata of the container, by FFmpeg's names (`title`, `comment`, `date`); what it has no field for is
            left out.

    Returns:
        How many frames were written.

    Raises:
        BadInputError: no frames, or odd sides.
    """
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise BadInputError(f"{path}: no frames to write")
    if first.shape[0] % 2 or first.shape[1] % 2:
        raise BadInputError(f"{path}: {first.shape[1]}x{first.shape[0]} has an odd side, H.264 needs even ones")
    encoding = ENCODINGS.get(path.suffix.lower(), ENCODINGS[".mp4"])
    assert first.shape[2] == 3 + encoding.has_alpha, (path, first.shape)
    options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if encoding.container != "webm" else {})
    with (
        atomic_file(path) as temporary,
        av.open(f"file:{temporary}", "w", format=encoding.container, options=options) as container,
    ):
        container.metadata.update(tags or {})
        picture = encoding.picture_stream(container, first.shape[:2], Fraction(fps), crf)
        track = mono_track(audio, sample_rate_hz) if isinstance(audio, np.ndarray) else audio
        sound = None if track is None else sound_stream(container, track.rate_hz, track.layout, encoding.sound_codec)
        blocks = iter(()) if track is None else track.blocks()
        pictures = (
            encoding.picture(image, number, Fraction(fps))
            for number, image in enumerate(itertools.chain([first], iterator))
        )
        return _encode(container, pictures, picture, sound, blocks, Fraction(fps))


def sound_stream(container: "av.container.OutputContainer", rate_hz: int, layout: str, codec: str) -> AudioStream:
    """The stream that a sound track goes into.

    Args:
        container: an open file.
        rate_hz: of the track.
        layout: of its channels, by FFmpeg's name.
        codec: likewise.
    """
    own_hz = _OPUS_RATE_HZ if codec == "libopus" else rate_hz
    stream = container.add_stream(codec, rate=own_hz, layout=layout, options={"flags": "+bitexact"})
    assert isinstance(stream, AudioStream)
    stream.bit_rate = _AAC_BITS_PER_S * stream.channels
    return stream


def _encode(
    container: "av.container.OutputContainer",
    frames: Iterable[av.VideoFrame],
    picture: VideoStream,
    sound: AudioStream | None,
    blocks: Iterator[av.AudioFrame],
    fps: Fraction,
) -> int:
    """Encodes both streams side by side, so that a player finds them close together in the file."""
    block = next(blocks, None)
    count = 0
    for count, frame in enumerate(frames, start=1):
        container.mux(picture.encode(frame))
        while sound is not None and block is not None and (block.time or 0.0) < count / fps:
            container.mux(sound.encode(block))
            block = next(blocks, None)
    container.mux(picture.encode(None))
    if sound is not None:
        container.mux(sound.encode(None))
    return count


VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".wmv", ".flv", ".3gp",
)  # fmt: skip
