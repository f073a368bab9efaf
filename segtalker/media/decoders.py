"""Decoding video from any moment on, by decord or by PyAV; see `segtalker.media.video` for which and why."""

import ctypes
import functools
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from segtalker.errors import BadClipError

_WORTH_SEEKING_S = 2.0
_SEEK_MARGIN_S = 0.5  # key frames are found by decoding time, which runs ahead of the time frames are shown


@dataclass(frozen=True)
class Reading:
    """What a decoder has to know.

    Args:
        path: the file.
        start_s: container time of the first frame.
        from_s: container time from which frames are wanted; some before may come too.
        interlaced: whether to deinterlace.
        threads: of PyAV's decoder.
    """

    path: Path
    start_s: float
    from_s: float
    interlaced: bool
    threads: int


@dataclass
class TimedFrame:
    """A decoded frame, converted to RGB when first asked for.

    Args:
        index: its place in the video; -1 where reading did not begin with the first and the place is not known.
        time_s: when it is shown, in container time.
        convert: gives its pixels, scaled by a factor.
    """

    index: int
    time_s: float
    convert: Callable[[float], np.ndarray]

    @functools.cached_property
    def image(self) -> np.ndarray:
        """RGB, upright, `(H, W, 3)`, uint8."""
        return self.convert(1.0)

    def scaled(self, factor: float) -> np.ndarray:
        """RGB, upright, smaller by a factor of 1 or less; cheaper than `image`. `(H, W, 3)`, uint8."""
        return self.image if factor == 1.0 else self.convert(factor)


@functools.cache
def _decord() -> ModuleType:
    """decord, its libraries kept to itself.

    It loads them for the whole process, and what is loaded later then finds decord's zlib of 2005 in place of its
    own: OpenCV can no longer read PNG.
    """
    shared = ctypes.RTLD_GLOBAL
    ctypes.RTLD_GLOBAL = ctypes.RTLD_LOCAL  # type: ignore[misc]
    try:
        import decord
    finally:
        ctypes.RTLD_GLOBAL = shared  # type: ignore[misc]
    decord.logging.set_level(decord.logging.QUIET)
    return decord


def decord_frames(video: Reading) -> Iterator[TimedFrame]:
    """Frames by decord, from the one shown at `from_s` on.

    Raises:
        BadClipError: the file is damaged.
    """
    decord = _decord()
    try:
        reader = decord.VideoReader(str(video.path), num_threads=1)
        # decord counts from the first frame, the container's clock need not start there
        times = video.start_s + reader.get_frame_timestamp(np.arange(len(reader)))[:, 0].astype(np.float64)
        first = max(int((times <= video.from_s).sum()) - 1, 0)
        if first:
            reader.seek_accurate(first)
        for index in range(first, len(times)):
            yield TimedFrame(index, float(times[index]), functools.partial(_scaled, reader.next().asnumpy))
    except (decord.DECORDError, RuntimeError) as error:
        raise BadClipError(f"{video.path.name}: damaged, decord cannot read all of it") from error


def _scaled(pixels: Callable[[], np.ndarray], factor: float) -> np.ndarray:
    image = pixels()
    return image if factor == 1.0 else cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def pyav_frames(video: Reading) -> Iterator[TimedFrame]:
    """Frames by PyAV, from a key frame before `from_s` on.

    Raises:
        BadClipError: the file is damaged, or its frames carry no timestamps.
    """
    try:
        with av.open(str(video.path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = video.threads
            if video.threads > 1:
                stream.codec_context.thread_type = "FRAME"
            far = video.from_s > video.start_s + _WORTH_SEEKING_S
            skipped = far and _seek(container, stream, video.from_s)
            for index, frame in enumerate(_decoded(container, stream, video.interlaced)):
                if frame.time is None:
                    raise BadClipError(f"{video.path.name}: its frames carry no timestamps")
                yield TimedFrame(-1 if skipped else index, frame.time, functools.partial(_upright_rgb, frame))
    except av.FFmpegError as error:
        raise BadClipError(f"{video.path.name}: damaged ({error_message(error)})") from error


def _seek(container: "av.container.InputContainer", stream: VideoStream, to_s: float) -> bool:
    """Goes to the last key frame before a moment; stays at the beginning where the container cannot."""
    assert stream.time_base is not None
    try:
        container.seek(int((to_s - _SEEK_MARGIN_S) / stream.time_base), stream=stream)
        frame = next(container.decode(stream), None)
        found = frame is not None and frame.time is not None and frame.time <= to_s
        # again, for the frame just read is gone; a container that missed is read from the beginning
        container.seek(int((to_s - _SEEK_MARGIN_S) / stream.time_base) if found else 0, stream=stream)
    except av.FFmpegError:
        container.seek(0)
        return False
    return found


def _decoded(
    container: "av.container.InputContainer", stream: VideoStream, interlaced: bool
) -> Iterator[av.VideoFrame]:
    """Frames as they are decoded, deinterlaced by FFmpeg's bwdif where fields are woven together."""
    if not interlaced:
        yield from container.decode(stream)
        return
    graph = av.filter.Graph()
    ends = graph.add_buffer(template=stream), graph.add("buffersink")
    graph.link_nodes(ends[0], graph.add("bwdif", mode="send_frame", deint="interlaced"), ends[1]).configure()
    for frame in itertools.chain(container.decode(stream), [None]):
        ends[0].push(frame)
        with suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                yield cast(av.VideoFrame, ends[1].pull())


def _upright_rgb(frame: av.VideoFrame, factor: float) -> np.ndarray:
    if factor != 1.0:
        width, height = (max(round(side * factor), 1) for side in (frame.width, frame.height))
        frame = frame.reformat(width, height, "rgb24", interpolation=Interpolation.FAST_BILINEAR)
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), k=frame.rotation // 90))


def error_message(error: Exception) -> str:
    """What FFmpeg says went wrong, on one line."""
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]
