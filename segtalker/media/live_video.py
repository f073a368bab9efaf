"""A video that is shown while it is made: fragmented MP4 that plays as far as it has come, or its raw pictures.

Both are written from front to back, so that they may go into a pipe; whoever reads may leave at any time.
"""

import os
import select
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from types import TracebackType
from typing import Protocol, Self

import av
import numpy as np
from av.audio.stream import AudioStream

from segtalker.media.encodings import ENCODINGS
from segtalker.media.video import sound_stream
from segtalker.utils.errors import BadInputError

_FRAGMENT_S = 0.2
_KEY_FRAME_S = 2
_LOOK_S = 0.1  # between two looks whether somebody wants to stop
_PATIENCE_LOOKS = 10  # at a reader who takes nothing while somebody wants to stop
_LEFT = select.POLLERR | select.POLLHUP


class OutputPipe:
    """Bytes into a file or pipe, as soon as they are written.

    A reader may stall, as a player that is paused does: it is waited for, unless somebody wants to stop.

    Args:
        handle: file descriptor; left open.
        name: for a message.
        stopped: whether somebody wants to stop; asked now and then.
    """

    def __init__(self, handle: int, name: str, stopped: Callable[[], bool] = lambda: False) -> None:
        self.handle, self.name, self.stopped = handle, name, stopped
        self._has_given_up = False
        self._error: BaseException | None = None

    @property
    def was_left(self) -> bool:
        """Whether whoever reads it went away."""
        return isinstance(self._error, BrokenPipeError | ConnectionResetError) or bool(self._events(0, 0.0) & _LEFT)

    @property
    def is_closed(self) -> bool:
        """Whether nothing goes through any more. What is written then is dropped."""
        return self._error is not None or self._has_given_up or self.was_left

    def write(self, data: bytes) -> int:
        """Writes all of it."""
        try:
            rest = memoryview(data)
            while len(rest) and self._waited():
                # a pipe that is ready takes this much without waiting
                rest = rest[os.write(self.handle, rest[: select.PIPE_BUF]) :]
        except BaseException as error:  # kept for `check`: a muxer, which calls this, would lose it
            self._error = error
        return len(data)

    def _waited(self) -> bool:
        """Waits until something can be written; False where nothing is to be any more."""
        looks = 0
        while self._error is None and not self._has_given_up:
            if self._events(select.POLLOUT, _LOOK_S):
                return True
            looks += self.stopped()
            self._has_given_up = looks > _PATIENCE_LOOKS
        return False

    def _events(self, wanted: int, seconds: float) -> int:
        poll = select.poll()
        poll.register(self.handle, wanted)
        return sum(event for _, event in poll.poll(seconds * 1000))

    def check(self) -> None:
        """Sees to it that what was written is there; a reader who has left is no mistake.

        Raises:
            BadInputError: the disk is full, or the like.
            BaseException: what else ended the writing, such as a signal's handler.
        """
        if self._error is None or isinstance(self._error, BrokenPipeError | ConnectionResetError):
            return
        if isinstance(self._error, OSError):
            raise BadInputError(f"{self.name}: cannot be written further ({self._error.strerror}); make room")
        raise self._error


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
        self._encoding = ENCODINGS[".mp4"]
        self._picture = self._encoding.picture_stream(self._container, size, fps, crf)
        # a picture leaves the encoder as soon as it has come
        self._picture.codec_context.options |= {"tune": "zerolatency", "g": str(round(_KEY_FRAME_S * fps))}
        self._sound: AudioStream = sound_stream(self._container, *sound, self._encoding.sound_codec)

    def __enter__(self) -> Self:
        return self

    def write(self, frame: np.ndarray, blocks: Iterable[av.AudioFrame]) -> None:
        """See `LiveVideo`."""
        self._container.mux(self._picture.encode(self._encoding.picture(frame, self._count, self._fps)))
        self._count += 1
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
