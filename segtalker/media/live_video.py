"""A video that is shown while it is made: fragmented MP4 that plays as far as it has come, or its raw pictures.

Both are written from front to back, so that they may go into a pipe; whoever reads may leave at any time.
"""

import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from types import TracebackType
from typing import Protocol, Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.reformatter import Colorspace

from segtalker.media.encodings import ENCODINGS
from segtalker.media.video import sound_stream
from segtalker.utils.errors import BadInputError

_FRAGMENT_S = 0.2
_KEY_FRAME_S = 2


class OutputPipe:
    """Bytes into a file or pipe, as soon as they are written.

    Args:
        handle: file descriptor; left open.
        name: for a message.
    """

    def __init__(self, handle: int, name: str) -> None:
        self.handle, self.name = handle, name
        self.written = 0  # bytes
        self._error: OSError | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the other end is gone. What is written then is dropped."""
        return self._error is not None

    def write(self, data: bytes) -> int:
        """Writes all of it."""
        rest = memoryview(data)
        while len(rest) and self._error is None:
            try:
                rest = rest[os.write(self.handle, rest) :]
            except OSError as error:  # kept: what a muxer calls must not raise
                self._error = error
        self.written += len(data)
        return len(data)

    def check(self) -> None:
        """Sees to it that what was written is there; a reader who has left is no mistake.

        Raises:
            BadInputError: the disk is full, or the like.
        """
        if self._error is not None and not isinstance(self._error, BrokenPipeError | ConnectionResetError):
            raise BadInputError(f"{self.name}: cannot be written further ({self._error.strerror}); make room")


class LiveVideo(Protocol):
    """Takes pictures and sound as they come; used as a context, which ends it whatever happens."""

    def write(self, frame: np.ndarray, blocks: Iterable[av.AudioFrame]) -> None:
        """Takes the next picture, RGB, `(H, W, 3)`, uint8, and the sound that begins before its end."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class FragmentedVideo:
    """H.264 and AAC in fragmented MP4 (ISO 14496-12, 8.8): its index is in front, and every part has one of its own.

    Args:
        out: where it goes.
        size: height and width, even, px.
        fps: frames a second.
        crf: x264's constant quality.
        sound: rate, Hz, and channels, by FFmpeg's name.
        tags: metadata, by FFmpeg's names.
    """

    def __init__(
        self,
        out: OutputPipe,
        size: tuple[int, int],
        fps: Fraction,
        crf: int,
        sound: tuple[int, str],
        tags: Mapping[str, str],
    ) -> None:
        options = {
            "movflags": "+delay_moov+default_base_moof",
            "frag_duration": str(round(_FRAGMENT_S * 1e6)),
            "flush_packets": "1",
            "fflags": "+bitexact",
        }
        self._fps, self._count = fps, 0
        self._container = av.open(out, "w", format="mp4", options=options)
        self._container.metadata.update(tags)
        encoding = ENCODINGS[".mp4"]
        self._picture = encoding.picture_stream(self._container, np.empty((*size, 3), np.uint8), fps, crf)
        # a picture leaves the encoder as soon as it has come
        self._picture.codec_context.options |= {"tune": "zerolatency", "g": str(round(_KEY_FRAME_S * fps))}
        self._sound: AudioStream = sound_stream(self._container, *sound, encoding.sound_codec)

    def __enter__(self) -> Self:
        return self

    def write(self, frame: np.ndarray, blocks: Iterable[av.AudioFrame]) -> None:
        """See `LiveVideo`."""
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(
            format=self._picture.pix_fmt, dst_colorspace=Colorspace.ITU601
        )
        picture.pts, picture.time_base = self._count, 1 / self._fps
        self._count += 1
        self._container.mux(self._picture.encode(picture))
        for block in blocks:
            self._container.mux(self._sound.encode(block))

    def __exit__(self, *_: object) -> None:
        if self._count:
            self._container.mux(self._picture.encode(None))
            self._container.mux(self._sound.encode(None))
        self._container.close()


class RawVideo:
    """Pictures one after the other, three bytes a pixel (`rgb24`), row by row; no sound.

    Args:
        out: where they go.
    """

    def __init__(self, out: OutputPipe) -> None:
        self._out = out

    def __enter__(self) -> Self:
        return self

    def write(self, frame: np.ndarray, blocks: Iterable[av.AudioFrame]) -> None:
        """See `LiveVideo`."""
        self._out.write(np.ascontiguousarray(frame).tobytes())
        for _ in blocks:
            pass

    def __exit__(self, *_: object) -> None: ...
