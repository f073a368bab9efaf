"""Decoding video from any moment on, by decord or by PyAV; see `segtalker.media.video` for which and why."""

import ctypes
import functools
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import NoReturn, cast

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from segtalker.media.probe import Display, open_media
from segtalker.utils.errors import BadClipError

_WORTH_SEEKING_S = 2.0
_WORTH_COPYING = 0.8  # a part larger than this share of a frame saves too little
_SAME_SHAPE = 0.01  # relative difference of aspect ratios that rounding to whole pixels explains
_SEEK_MARGIN_S = 0.5  # key frames are found by decoding time, which runs ahead of the time frames are shown


@dataclass(frozen=True)
class Reading:
    """What a decoder has to know.

    Args:
        path: the file.
        stream: index of the picture's stream.
        display: how its frames are shown.
        start_s: container time of the first frame.
        from_s: container time from which frames are wanted; some before may come too.
        interval_s: between frames of a file that states no times, else None.
        deinterlace: whether its frames are two fields woven together.
        threads: of PyAV's decoder.
    """

    path: Path
    stream: int
    display: Display
    start_s: float
    from_s: float
    interval_s: float | None
    deinterlace: bool
    threads: int


# 8 bits, each of luma and chroma by itself
_PLANAR = tuple(f"yuv{full}{chroma}p" for full in ("", "j") for chroma in (420, 444))
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class TimedFrame:
    """A decoded frame, whose pixels are converted to RGB when they are asked for.

    Args:
        index: its place in the video; -1 where reading did not begin with the first and the place is not known.
        time_s: when it is shown, in container time.
        height: px, upright.
        width: px, upright.
        memory: bytes it holds.
        convert: gives its pixels, scaled by a factor.
        cut: gives the pixels of a box (left, top, right, bottom) inside it.
        copy: the frame itself where a box is all that is needed of it, so that the rest can be forgotten.
        loaded_box: the box whose pixels are there.
    """

    index: int
    time_s: float
    height: int
    width: int
    memory: int
    convert: Callable[[float], np.ndarray]
    cut: Callable[[Box], np.ndarray]
    copy: Callable[[Box], tuple[Callable[[Box], np.ndarray], int]]
    loaded_box: Box

    @property
    def image(self) -> np.ndarray:
        """RGB, upright, `(H, W, 3)`, uint8; converted anew each time."""
        return self.convert(1.0)

    def scaled(self, factor: float) -> np.ndarray:
        """RGB, upright, smaller by a factor of 1 or less; cheaper than `image`. `(H, W, 3)`, uint8."""
        return self.convert(factor)

    def region(self, left: float, top: float, right: float, bottom: float) -> tuple[np.ndarray, tuple[int, int]]:
        """The part of it that covers a box, cheaper than `image`.

        Args:
            left: px, as all of them; integers are pixel centres. What lies outside of the frame is left out.
            top: see `left`.
            right: see `left`.
            bottom: see `left`.

        Returns:
            RGB, `(h, w, 3)`, uint8, and x and y of its upper left pixel.
        """
        box = self._box(left, top, right, bottom)
        return self.cut(box), box[:2]

    def part(self, left: float, top: float, right: float, bottom: float) -> "TimedFrame":
        """The same frame in less memory: only a box of it, which alone can be asked for; arguments as of `region`."""
        box = self._box(left, top, right, bottom)
        if (box[2] - box[0]) * (box[3] - box[1]) > _WORTH_COPYING * self.width * self.height:
            return self
        cut, memory = self.copy(box)
        return replace(self, memory=memory, convert=_forgotten, cut=cut, copy=_forgotten, loaded_box=box)

    def holds(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether a box can be asked for; arguments as of `region`."""
        (left, top, right, bottom), loaded_box = self._box(left, top, right, bottom), self.loaded_box
        return left >= loaded_box[0] and top >= loaded_box[1] and right <= loaded_box[2] and bottom <= loaded_box[3]

    def _box(self, left: float, top: float, right: float, bottom: float) -> Box:
        first_x, end_x = _inside(left, right, self.width)
        first_y, end_y = _inside(top, bottom, self.height)
        return first_x, first_y, end_x, end_y


def _inside(low: float, high: float, side: int) -> tuple[int, int]:
    """Whole pixels from an even one on, at least one of them inside: first and the one after the last."""
    first = min(max(int(np.floor(low)) // 2 * 2, 0), (side - 1) // 2 * 2)
    return first, min(max(int(np.ceil(high)) + 1, first + 1), side)


def _forgotten(*_: object) -> NoReturn:
    raise ValueError("only a part of the frame is in memory")


def whole(frame: np.ndarray | TimedFrame) -> np.ndarray:
    """All pixels of a frame, decoded or not yet, `(H, W, 3)`, uint8."""
    return frame if isinstance(frame, np.ndarray) else frame.image


@functools.cache
def _decord() -> ModuleType:
    """decord, its libraries kept to itself.

    It loads them for the whole process, and what is loaded later then finds decord's zlib of 2005 in place of its
    own: OpenCV can no longer read PNG.
    """
    load_mode = ctypes.RTLD_GLOBAL
    ctypes.RTLD_GLOBAL = ctypes.RTLD_LOCAL  # type: ignore[misc]
    try:
        import decord
    finally:
        ctypes.RTLD_GLOBAL = load_mode  # type: ignore[misc]
    decord.logging.set_level(decord.logging.QUIET)
    return decord


def decord_frames(video: Reading) -> Iterator[TimedFrame]:
    """Frames by decord, from the one shown at `from_s` on.

    Raises:
        BadClipError: the file is damaged.
    """
    decord = _decord()
    try:
        reader = decord.VideoReader(str(video.path.absolute()), num_threads=1)
        # decord counts from the first frame, the container's clock need not start there
        times = video.start_s + reader.get_frame_timestamp(np.arange(len(reader)))[:, 0].astype(np.float64)
        first = max(int((times <= video.from_s).sum()) - 1, 0)
        if first:
            reader.seek_accurate(first)
        for index in range(first, len(times)):
            pixels = reader.next()
            (height, width, _), convert = pixels.shape, functools.partial(_scaled, pixels.asnumpy)
            cut, copy = functools.partial(_slice, pixels.asnumpy), functools.partial(_copied, pixels.asnumpy)
            box, memory = (0, 0, width, height), height * width * 3
            yield TimedFrame(index, float(times[index]), height, width, memory, convert, cut, copy, box)
    except (decord.DECORDError, RuntimeError) as error:
        raise BadClipError(f"{video.path.name}: damaged, decord cannot read all of it") from error


def _scaled(pixels: Callable[[], np.ndarray], factor: float) -> np.ndarray:
    image = pixels()
    return image if factor == 1.0 else cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def _slice(pixels: Callable[[], np.ndarray], box: Box) -> np.ndarray:
    left, top, right, bottom = box
    return pixels()[top:bottom, left:right]


def _copied(pixels: Callable[[], np.ndarray], box: Box) -> tuple[Callable[[Box], np.ndarray], int]:
    part = _slice(pixels, box).copy()
    return functools.partial(_shifted, functools.partial(_slice, lambda: part), box[:2]), part.nbytes


def _shifted(cut: Callable[[Box], np.ndarray], origin: tuple[int, int], box: Box) -> np.ndarray:
    """Pixels of a box of the frame, from a part that begins at `origin`."""
    (x, y), (left, top, right, bottom) = origin, box
    return cut((left - x, top - y, right - x, bottom - y))


def decord_times(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """What decord says of a video, to be compared with what a player shows.

    Returns:
        When each frame is shown, s from the first, float64; and the first frame, RGB, `(H, W, 3)`, uint8.

    Raises:
        BadClipError: it cannot read the file.
    """
    decord = _decord()
    try:
        reader = decord.VideoReader(str(path.absolute()), num_threads=1)
        times = reader.get_frame_timestamp(np.arange(len(reader)))[:, 0].astype(np.float64)
        return times - times[0], reader.next().asnumpy()
    except (decord.DECORDError, RuntimeError, IndexError) as error:
        raise BadClipError(f"{path.name}: decord cannot read it") from error


def pyav_frames(video: Reading) -> Iterator[TimedFrame]:
    """Frames by PyAV, from a key frame before `from_s` on.

    Raises:
        BadClipError: the file is damaged, its frames carry no timestamps, or their shape changes on the way.
    """
    try:
        with open_media(video.path) as container:
            stream = container.streams[video.stream]
            assert isinstance(stream, VideoStream)
            stream.codec_context.thread_count = video.threads
            if video.threads > 1:
                stream.codec_context.thread_type = "FRAME"
            far = video.interval_s is None and video.from_s > video.start_s + _WORTH_SEEKING_S
            late_start = far and _seek(container, stream, video.from_s)
            for index, frame in enumerate(_decoded(container, stream, video.deinterlace)):
                time_s = frame.time if video.interval_s is None else index * video.interval_s
                if time_s is None:
                    raise BadClipError(f"{video.path.name}: its frames carry no timestamps")
                _check_shape(video, frame, time_s)
                yield _timed(-1 if late_start else index, time_s, frame, video.display)
    except av.FFmpegError as error:
        raise BadClipError(f"{video.path.name}: damaged ({error_message(error)})") from error


def _check_shape(video: Reading, frame: av.VideoFrame, time_s: float) -> None:
    width, height = video.display.stored_size
    if abs(frame.width * height / (frame.height * width) - 1) > _SAME_SHAPE:
        raise BadClipError(
            f"{video.path.name}: its picture changes from {width}x{height} to {frame.width}x{frame.height}"
            f" at {time_s:.2f} s; cut it there"
        )


def _timed(index: int, time_s: float, frame: av.VideoFrame, display: Display) -> TimedFrame:
    width, height = display.size
    convert, cut = functools.partial(_shown_rgb, frame, display), functools.partial(_cut_rgb, frame, display)
    copy, box = functools.partial(_copied_planes, frame, display), (0, 0, width, height)
    return TimedFrame(index, time_s, height, width, _memory(frame), convert, cut, copy, box)


def _memory(frame: av.VideoFrame) -> int:
    return sum(plane.line_size * plane.height for plane in frame.planes)


def _seek(container: "av.container.InputContainer", stream: VideoStream, to_s: float) -> bool:
    """Goes to the last key frame before a moment; stays at the beginning where the container cannot."""
    assert stream.time_base is not None
    try:
        container.seek(int((to_s - _SEEK_MARGIN_S) / stream.time_base), stream=stream)
        frame = next(container.decode(stream), None)
        early_enough = frame is not None and frame.time is not None and frame.time <= to_s
        # again, for the frame just read is gone; a container that missed is read from the beginning
        container.seek(int((to_s - _SEEK_MARGIN_S) / stream.time_base) if early_enough else 0, stream=stream)
    except av.FFmpegError:
        container.seek(0)
        return False
    return early_enough


def _decoded(
    container: "av.container.InputContainer", stream: VideoStream, deinterlace: bool
) -> Iterator[av.VideoFrame]:
    """Frames as they are decoded, deinterlaced by FFmpeg's bwdif where fields are woven together."""
    if not deinterlace:
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


def _shown_rgb(frame: av.VideoFrame, display: Display, factor: float) -> np.ndarray:
    """A frame as it is shown, smaller by a factor of 1 or less; what is transparent is white."""
    width, height = (max(round(side * factor), 1) for side in display.square)
    if (width, height) != (frame.width, frame.height):
        way = Interpolation.BICUBIC if factor == 1.0 else Interpolation.FAST_BILINEAR
        frame = frame.reformat(width, height, "rgba" if _is_transparent(frame) else "rgb24", interpolation=way)
    return np.ascontiguousarray(display.upright(_rgb(frame)))


def _rgb(frame: av.VideoFrame) -> np.ndarray:
    if not _is_transparent(frame):
        return frame.to_ndarray(format="rgb24")
    pixels = frame.to_ndarray(format="rgba")
    share = pixels[..., 3:].astype(np.float32) / 255.0
    return (255.0 + (pixels[..., :3] - 255.0) * share).round().astype(np.uint8)


def _is_transparent(frame: av.VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _cut_rgb(frame: av.VideoFrame, display: Display, box: Box) -> np.ndarray:
    left, top, right, bottom = box
    part = _cut_planes(frame, display, box)
    if part is None:
        return _shown_rgb(frame, display, 1.0)[top:bottom, left:right]
    return part.to_ndarray(format="rgb24")[: bottom - top, : right - left]


def _copied_planes(frame: av.VideoFrame, display: Display, box: Box) -> tuple[Callable[[Box], np.ndarray], int]:
    part = _cut_planes(frame, display, box)
    if part is None:
        return _copied(functools.partial(_shown_rgb, frame, display, 1.0), box)
    whole = replace(display, stored_size=(part.width, part.height), square=(part.width, part.height))
    return functools.partial(_shifted, functools.partial(_cut_rgb, part, whole), box[:2]), _memory(part)


def _cut_planes(frame: av.VideoFrame, display: Display, box: Box) -> av.VideoFrame | None:
    """A box of a frame, not yet converted; None where the frame's pixels lie in another way."""
    left, top, right, bottom = box
    if frame.format.name not in _PLANAR or not display.is_stored or (frame.width, frame.height) != display.stored_size:
        return None
    # whole pairs of pixels, for chroma may have half the resolution
    width, height = (right - left + 1) // 2 * 2, (bottom - top + 1) // 2 * 2
    if left + width > frame.width or top + height > frame.height:
        return None
    part = av.VideoFrame(width, height, frame.format.name)
    for source, target in zip(frame.planes, part.planes, strict=True):
        down, across = round(height / target.height), round(width / target.width)
        rows = slice(top // down, (top + height) // down)
        columns = slice(left // across, (left + width) // across)
        _pixels(target)[: target.height, : target.width] = _pixels(source)[rows, columns]
    part.colorspace, part.color_range = frame.colorspace, frame.color_range
    return part


def _pixels(plane: av.video.plane.VideoPlane) -> np.ndarray:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)


def error_message(error: Exception) -> str:
    """What FFmpeg says went wrong, on one line."""
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]
