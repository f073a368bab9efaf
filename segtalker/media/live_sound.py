"""Sound that is heard while it comes: from a file, a pipe, or the raw samples of a microphone.

It is read in a thread of its own, a few seconds ahead at most, so that a pipe is emptied while frames are painted.
"""

import os
import queue
import re
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.container import InputContainer

from segtalker.media.audio import ChannelReader, check_samples, chosen_channel, decoded_frames
from segtalker.media.probe import choose_sound
from segtalker.media.soundtrack import BlockCutter, track_format
from segtalker.utils.errors import BadInputError, SegTalkerError

_PIECES_AHEAD = 64  # of decoded sound, some 1000 samples each
_LOOK_S = 0.1  # between two looks whether somebody wants to stop
_RAW_FORMAT = "s16le"
_RATES_HZ = (4000, 192000)
_Item = tuple[np.ndarray, np.ndarray] | BaseException | None  # speech and track; what went wrong; the end
_LAYOUTS = {1: "mono", 2: "stereo", 4: "quad", 6: "5.1", 8: "7.1"}


@dataclass(frozen=True)
class Pcm:
    """Raw samples: 16 bit, signed, little endian, channels in turn.

    Args:
        rate_hz: samples a second.
        channels: how many.
    """

    rate_hz: int
    channels: int


def parse_pcm(text: str) -> Pcm:
    """Reads `RATE[:CHANNELS]`, such as `16000` or `44100:2`.

    Raises:
        BadInputError: it is neither.
    """
    match = re.fullmatch(r"(\d{1,6})(?::(\d))?", text)
    pcm = Pcm(int(match[1]), int(match[2] or 1)) if match else Pcm(0, 0)
    if not _RATES_HZ[0] <= pcm.rate_hz <= _RATES_HZ[1] or pcm.channels not in _LAYOUTS:
        raise BadInputError(f"--pcm {text}: write samples a second, and how many channels if not one: 16000 or 44100:2")
    return pcm


class StandardInput:
    """Bytes that are piped in, as far as they have come: unlike a buffered file it never waits for more than one.

    Args:
        stopped: whether no more are wanted; asked now and then, also while none come.
        handle: file descriptor.
    """

    def __init__(self, stopped: Callable[[], bool] = lambda: False, handle: int = 0) -> None:
        self._stopped, self._handle = stopped, handle

    def read(self, most: int) -> bytes:
        """The next bytes, at least one but at the end, or where it is stopped."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        while not self._stopped():
            if poll.poll(_LOOK_S * 1000):
                return os.read(self._handle, most)
        return b""


def open_live(source: Path | StandardInput, pcm: Pcm | None) -> InputContainer:
    """Opens sound.

    Args:
        source: a file, or a pipe.
        pcm: of raw samples; None for any file format that can be read from its start.

    Raises:
        BadInputError: it is no sound.
    """
    name, file = ("--audio -", source) if not isinstance(source, Path) else (str(source), f"file:{source}")
    options = {} if pcm is None else {"sample_rate": str(pcm.rate_hz), "ch_layout": _LAYOUTS[pcm.channels]}
    try:
        container = av.open(file, "r", format=None if pcm is None else _RAW_FORMAT, options=options)
        choose_sound(container, name)
    except FileNotFoundError as error:
        raise BadInputError(f"{name}: no such file") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        hint = "; raw samples need --pcm RATE" if pcm is None and not isinstance(source, Path) else ""
        raise BadInputError(f"{name}: no sound that can be read{hint}") from error
    return container


class RunningMono:
    """Channels to one, as `segtalker.media.long_sound.spool_speech` does, by what was heard so far."""

    def __init__(self) -> None:
        self._powers, self._mean_power = np.zeros(1), 0.0

    def mix(self, piece: np.ndarray) -> np.ndarray:
        """The next samples, `(C, S)`, float32, to `(S,)`, float32 in [-1, 1]."""
        mean = piece.mean(axis=0)
        self._powers = self._powers + np.square(piece, dtype=np.float64).sum(axis=1)
        self._mean_power += float(np.square(mean, dtype=np.float64).sum())
        chosen = chosen_channel(self._powers, self._mean_power)
        return (mean if chosen is None else piece[chosen]).clip(-1.0, 1.0).astype(np.float32, copy=False)


class LiveSound:
    """Sound as it comes, for networks and for the video's own track; used as a context.

    Its `rate_hz` and `layout`, those of the track, are known inside of it. Opening waits for a pipe's first sound: that
    is done in the thread that reads, for nothing ends a wait inside of FFmpeg.

    Args:
        source: see `open_live`.
        pcm: likewise.
        speech_rate_hz: of the speech that networks hear.
        stopped: whether nothing more is wanted; asked now and then.

    Raises:
        BadInputError: where it is entered: see `open_live`.
    """

    def __init__(
        self,
        source: Path | StandardInput,
        pcm: Pcm | None,
        speech_rate_hz: int,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.name = str(source) if isinstance(source, Path) else "--audio -"
        self.speech_rate_hz, self.stopped = speech_rate_hz, stopped
        self.rate_hz, self.layout = 0, ""
        self._source, self._pcm = source, pcm
        self._blocks = deque[av.AudioFrame]()
        self._queue: queue.Queue[_Item] = queue.Queue(_PIECES_AHEAD)
        self._left, self._opened = threading.Event(), threading.Event()
        self._failure: BaseException | None = None  # to open it
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            while not self._opened.wait(_LOOK_S) and not self.stopped():
                continue
            if self._failure is not None and not self.stopped():
                raise self._failure
        except BaseException:
            self._left.set()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()  # a thread that waits for a silent pipe is left to itself, and ends with the process

    def pieces(self, most_samples: int) -> Iterator[np.ndarray]:
        """What the networks hear, as soon as it is there: mono, `(S,)`, float32 in [-1, 1].

        Args:
            most_samples: about how many are given at once where more are waiting.

        Raises:
            BadInputError: it cannot be read further.
        """
        has_ended = False
        while not has_ended and (first := self._next()) is not None:
            parts, count = [first], len(first)
            while count < most_samples and not has_ended:
                try:
                    part = self._taken(self._queue.get_nowait())
                except queue.Empty:
                    break
                has_ended = part is None
                parts += [] if part is None else [part]
                count += 0 if part is None else len(part)
            yield np.concatenate(parts)

    def blocks(self, end_s: float) -> Iterator[av.AudioFrame]:
        """The track's blocks that begin before a moment and were not given yet."""
        while self._blocks and (self._blocks[0].time or 0.0) < end_s:
            yield self._blocks.popleft()

    def _next(self) -> np.ndarray | None:
        """The next piece, waited for; None at the end, or where it is stopped."""
        while not self.stopped():
            try:
                return self._taken(self._queue.get(timeout=_LOOK_S))
            except queue.Empty:
                continue
        return None

    def _taken(self, item: _Item) -> np.ndarray | None:
        if isinstance(item, SegTalkerError) and self.stopped():
            return None  # cut off where it was stopped
        if isinstance(item, BaseException):
            raise item
        if item is None:
            self._blocks.extend(self._cutter.finish())
            return None
        self._blocks.extend(self._cutter.push(item[1]))
        return item[0]

    def _run(self) -> None:
        """Opens the sound and reads it."""
        try:
            self._container = open_live(self._source, self._pcm)
            self._stream = choose_sound(self._container, self.name)
            self.rate_hz, self.layout = track_format(self._stream)
            self._cutter = BlockCutter(self.rate_hz, self.layout)
        except BaseException as error:  # raised again where it is waited for
            self._failure = error
            return
        finally:
            self._opened.set()
        self._read()

    def _read(self) -> None:
        """Decodes until there is no more; what goes wrong, whatever it is, is said to those who listen."""
        try:
            with closing(self._container):
                for pieces in self._decoded():
                    self._put(pieces)
                    if self._left.is_set():
                        return
            self._put(None)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._put(BadInputError(f"{self.name}: its sound cannot be read further ({error})"))
        except BaseException as error:  # raised again where it is waited for
            self._put(error)

    def _decoded(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Speech, `(S,)`, and the same stretch of the track, `(C, S')`."""
        container, stream, mono = self._container, self._stream, RunningMono()
        heard = ChannelReader(container, stream, self.speech_rate_hz, None)
        track = ChannelReader(container, stream, self.rate_hz, self.layout)
        for frame in self._frames():
            speech, own = heard.push(frame), track.push(frame)
            if speech is not None:
                check_samples(speech[0], self.name, speech[1])
            none = np.zeros((track.channels, 0), np.float32)
            yield (
                np.zeros(0, np.float32) if speech is None else mono.mix(speech[0]),
                none if own is None else own[0],
            )

    def _frames(self) -> Iterator[av.AudioFrame | None]:
        yield from decoded_frames(self._container, self._stream)
        yield None

    def _put(self, item: _Item) -> None:
        while not self._left.is_set():
            try:
                return self._queue.put(item, timeout=_LOOK_S)
            except queue.Full:
                continue
