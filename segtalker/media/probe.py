"""What a player shows of a file: which of its streams, in what shape, from when on and how long.

What a container stores and what a person sees differ: pixels need not be square, frames may be stored lying on their
side or mirrored, edit lists hide the first ones, cover art is a stream of video. Every reader asks here.
"""

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.buffer import Buffer
from av.container import InputContainer
from av.format import Flags
from av.sidedata.sidedata import Type
from av.stream import Disposition
from av.video.stream import VideoStream

from segtalker.utils.errors import BadClipError
from segtalker.utils.paths import written_out

_NO_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails
_NO_TIMESTAMPS = cast(int, Flags.no_timestamps.value)
_MAX_PIXEL_ASPECT = 8  # anamorphic film has 2; more is a damaged header
_MAX_RATE = 300  # frames a second; browsers that record state the clock, 1000, in place of a rate
_TURN_TOLERANCE = 0.01  # of a display matrix, which counts in 1/65536


@dataclass(frozen=True)
class Display:
    """How a stored frame is shown: stretched to square pixels, turned, mirrored.

    Args:
        stored_size: width and height as decoded, px.
        square: width and height with square pixels, not yet turned; never fewer pixels than are stored.
        swaps_axes: whether rows and columns change places; before the flips.
        flip_x: whether left and right change places.
        flip_y: whether top and bottom change places.
    """

    stored_size: tuple[int, int]
    square: tuple[int, int]
    swaps_axes: bool
    flip_x: bool
    flip_y: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as shown, px."""
        return self.square[::-1] if self.swaps_axes else self.square

    @property
    def is_stored(self) -> bool:
        """Whether frames are shown as they are stored."""
        return self.stored_size == self.square and not (self.swaps_axes or self.flip_x or self.flip_y)

    def upright(self, image: np.ndarray) -> np.ndarray:
        """Turns a picture as it is shown; `(H, W, C)`."""
        if self.swaps_axes:
            image = image.transpose(1, 0, 2)
        return image[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Opens a file of any name: without its `file:`, FFmpeg takes what stands before a colon for a protocol.

    Raises:
        BadClipError: its path is one that no table can hold.
    """
    if written_out(str(path)) != str(path):
        raise BadClipError(f"{path.name}: its path holds control characters or is not written in UTF-8; rename it")
    with av.open(f"file:{path}") as container:
        yield container


def choose_picture(container: InputContainer, name: str) -> VideoStream:
    """The stream that a player shows: the default one, else the first; cover art and thumbnails are none.

    Raises:
        BadClipError: there is none, or nothing here decodes it.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & _NO_VIDEO]
    if not streams:
        raise BadClipError(f"{name}: no picture in it" + (" but its cover" if container.streams.video else ""))
    stream = next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
    if stream.codec_context is None:
        raise BadClipError(f"{name}: its picture has a codec that FFmpeg does not know; convert it to H.264")
    return stream


def choose_sound(container: InputContainer, name: str) -> AudioStream:
    """The sound track that a player plays: the default one, else the first.

    Raises:
        BadClipError: there is none, or nothing here decodes it.
    """
    streams = container.streams.audio
    if not streams:
        raise BadClipError(f"{name}: no sound track")
    stream = next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
    if stream.codec_context is None:
        raise BadClipError(f"{name}: its sound has a codec that FFmpeg does not know; convert it to WAV")
    return stream


def sound_choice(container: InputContainer, name: str) -> str:
    """Which of several sound tracks is taken, for a person to read; empty where there is no choice."""
    streams = container.streams.audio
    if len(streams) < 2:
        return ""
    stream = choose_sound(container, name)
    why = "the default one" if stream.disposition & Disposition.default else "the first one"
    language = f", {stream.language}" if stream.language and stream.language != "und" else ""
    return f"sound track {list(streams).index(stream) + 1} of {len(streams)} is heard: {why}{language}"


def read_sound_choice(path: Path) -> str:
    """`sound_choice` of a file that can be read."""
    with open_media(path) as container:
        return sound_choice(container, path.name)


def read_display(stream: VideoStream, first: av.VideoFrame, name: str) -> Display:
    """How frames are shown, by the stream's sample aspect ratio and the first frame's display matrix.

    Raises:
        BadClipError: turned by other than quarters, or an aspect ratio that cannot be meant.
    """
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not 1 / _MAX_PIXEL_ASPECT <= aspect <= _MAX_PIXEL_ASPECT:
        raise BadClipError(f"{name}: its header says pixels of {aspect.numerator}:{aspect.denominator}; write it anew")
    width, height = first.width, first.height
    # the short side of a pixel is stretched, so that no row or column is lost
    square = (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))
    matrix = cast("Mapping[Type, Buffer]", first.side_data).get(Type.DISPLAYMATRIX)
    turn = (False, False, False) if matrix is None else _turn(bytes(matrix), name)
    return Display((width, height), square, *turn)


def _turn(matrix: bytes, name: str) -> tuple[bool, bool, bool]:
    """Whether a display matrix transposes, and then flips left and right, top and bottom.

    A pixel at (x, y) is shown at (a x + c y, b x + d y); the matrix is stored as a b u, c d v, x y w.
    """
    a, b, _, c, d = struct.unpack("=5i", matrix[:20])
    diagonal, off_diagonal = min(abs(a), abs(d)), min(abs(b), abs(c))
    if max(abs(b), abs(c)) <= _TURN_TOLERANCE * diagonal:
        return False, a < 0, d < 0
    if max(abs(a), abs(d)) <= _TURN_TOLERANCE * off_diagonal:
        return True, c < 0, b < 0
    raise BadClipError(f"{name}: shown at a slant, not turned by quarters; write it anew as it is to be seen")


def has_clock(container: InputContainer) -> bool:
    """Whether frames carry times; a bare stream of H.264, HEVC, MPEG-4 or JPEG has none."""
    return not container.format.flags & _NO_TIMESTAMPS


def frame_rate(path: Path, container: InputContainer, stream: VideoStream) -> float:
    """Frames a second on average: stated by the container, else counted.

    Raises:
        BadClipError: a bare stream that states none.
    """
    if not has_clock(container):
        # what FFmpeg says of the stream in its place is a guess, 25
        codec_rate = stream.codec_context.framerate
        if not codec_rate:
            raise BadClipError(
                f"{path.name}: a bare {stream.codec_context.name} stream without times or frame rate;"
                f" ffmpeg -framerate RATE -i {path.name} -c copy {path.stem}.mp4 gives it both"
            )
        return float(codec_rate)
    rate = stream.average_rate or stream.guessed_rate
    if rate and rate <= _MAX_RATE:
        return float(rate)
    times = packet_times(path, stream.index)
    if len(times) < 2:
        return 1.0
    return float((len(times) - 1) / (times[-1] - times[0]))


def packet_times(path: Path, index: int) -> np.ndarray:
    """When the frames of a stream are shown, without decoding them: container time, ascending, float64.

    What edit lists hide is left out, and so are frames without times.
    """
    return np.sort([time_s for time_s in _packets(path, index) if time_s is not None])


def measure_seconds(path: Path, index: int, fps: float) -> float:
    """How long a stream is by its packets; for files that do not say, as those written to a pipe."""
    times = list(_packets(path, index))
    frame_times = [time_s for time_s in times if time_s is not None]
    return max(frame_times) - min(frame_times) + 1.0 / fps if frame_times else len(times) / fps


def _packets(path: Path, index: int) -> Iterator[float | None]:
    """When the packets of a stream are shown, in order of decoding."""
    with open_media(path) as container:
        for packet in container.demux(container.streams[index]):
            if packet.size and not packet.is_discard:
                yield None if packet.pts is None else float(packet.pts * packet.time_base)


def stated_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the picture is by the container, or None where it does not say; MPEG program streams never do."""
    if container.format.name == "mpeg":
        return None  # FFmpeg's estimate was 0.02 s for 1.6 s
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None
