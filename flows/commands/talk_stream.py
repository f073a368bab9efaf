"""`segtalker talk --stream`: a video that is made while it is heard."""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.commands.console import note
from flows.commands.talk_flags import RESULT, SPEECH
from segtalker.config.workspace import refuse_stage_output
from segtalker.inference.edits import Edits
from segtalker.inference.talk_inputs import TalkInputs, check_file, check_writable
from segtalker.media.live_sound import LiveSound, Pcm, StandardInput, open_live, parse_pcm
from segtalker.utils.errors import BadInputError
from segtalker.utils.progress import PhaseBars

if TYPE_CHECKING:
    from segtalker.inference.live_talker import StreamedVideo
    from segtalker.inference.talk_options import TalkOptions
    from segtalker.inference.talker import Talker
    from segtalker.media.live_video import OutputPipe

PIPE = Path("-")
StreamOption = Annotated[
    bool,
    typer.Option(
        "--stream",
        help="Make the video while its sound comes: --audio and --out may be - for a pipe. It is a fragmented MP4 that"
        " plays while it grows.",
        rich_help_panel=RESULT,
    ),
]
PcmOption = Annotated[
    str | None,
    typer.Option(
        metavar="RATE[:CHANNELS]",
        help="With --stream: --audio holds raw samples, 16 bit signed little endian, as a microphone gives them.",
        rich_help_panel=SPEECH,
    ),
]
RawOption = Annotated[
    bool,
    typer.Option(
        "--raw",
        help="With --stream --out -: raw pictures, three bytes a pixel (rgb24), in place of MP4.",
        rich_help_panel=RESULT,
    ),
]


@dataclass(frozen=True)
class StreamInputs:
    """What was given of a stream; nothing is read yet.

    Args:
        is_wanted: whether there is to be one.
        pcm: what raw samples are like.
        is_raw: whether raw pictures are written.
    """

    is_wanted: bool
    pcm: str | None
    is_raw: bool

    @property
    def kind(self) -> Literal["mp4", "rgb24"]:
        """What is written."""
        return "rgb24" if self.is_raw else "mp4"

    def check_together(self, inputs: TalkInputs, batch: Path | None, credentials: Path | None) -> None:
        """Sees to it that what was given belongs together.

        Raises:
            BadInputError: something is missing or too much.
        """
        if not self.is_wanted:
            pipes = [name for name, path in (("--audio -", inputs.audio), ("--out -", inputs.out)) if path == PIPE]
            given = [*pipes, *(["--pcm"] if self.pcm else []), *(["--raw"] if self.is_raw else [])]
            if given:
                raise BadInputError(f"{given[0]} needs --stream")
            return
        others = {"--batch": batch, "--save-mask": inputs.save_mask, "--credentials": credentials}
        for name, value in others.items():
            if value is not None:
                raise BadInputError(f"--stream and {name}: one at a time")
        if self.is_raw and inputs.out != PIPE:
            raise BadInputError("--raw writes into a pipe: --out -")
        if self.pcm and inputs.audio is None:
            raise BadInputError("--pcm says what --audio is like; give one")
        if ".mp4" not in inputs.out_suffixes:
            raise BadInputError("--stream: MP4 holds no transparency; leave --background transparent out")

    def files(self, inputs: TalkInputs) -> TalkInputs:
        """The rest of what was given, to be looked at as for any video."""
        return replace(inputs, audio=None, out=None) if self.is_wanted else inputs

    def checks(self, inputs: TalkInputs, root: Path) -> list[Callable[[], object]]:
        """One for each thing that was given, see `segtalker.utils.errors.check_all`."""
        if not self.is_wanted:
            return []
        assert inputs.out is not None
        checks: list[Callable[[], object]] = [partial(_check_audio, inputs.audio, self.pcm)]
        if inputs.out == PIPE:
            return [*checks, _check_pipe]
        is_free = partial(refuse_stage_output, inputs.out, root, "--out")
        return [*checks, partial(check_writable, inputs.out, ".mp4"), is_free]


def _parsed(pcm: str | None) -> Pcm | None:
    return None if pcm is None else parse_pcm(pcm)


def _check_audio(path: Path | None, pcm: str | None) -> None:
    samples = _parsed(pcm)
    if path == PIPE:
        if sys.stdin.isatty():
            raise BadInputError("--audio -: nothing is piped in; for example arecord -f S16_LE -r 16000 -t raw | ...")
    elif path is not None and not path.is_fifo():
        check_file(path)
        open_live(path, samples).close()


def _check_pipe() -> None:
    if sys.stdout.isatty():
        raise BadInputError("--out -: would write a video to the terminal; pipe it, for example | ffplay -")


@contextmanager
def _stop_signal(stop: Event) -> Iterator[None]:
    """Ctrl-C sets it, which so ends a stream as the end of its sound does; a second one ends the command."""
    before: dict[int, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            before[number](number, frame)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        before[name] = signal.signal(name, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class LiveOutput:
    """Where the video goes: a pipe that is there from the start, or a file that nothing is done to before the first
    frame is there.

    Args:
        path: the file; `-` for the pipe.
        kind: what is written.
        stop: set where somebody wants to stop.
    """

    def __init__(self, path: Path, kind: Literal["mp4", "rgb24"], stop: Event) -> None:
        from segtalker.media.live_video import OutputPipe

        self.path, self.kind, self.stop = path, kind, stop
        self.name = "the pipe" if path == PIPE else str(path)
        self._pipe = OutputPipe(sys.stdout.fileno(), self.name, stop.is_set) if path == PIPE else None

    def is_over(self) -> bool:
        """Whether nothing more is wanted: somebody stopped it, or whoever reads left."""
        return self.stop.is_set() or (self._pipe is not None and self._pipe.is_closed)

    @contextmanager
    def open(self, width: int, height: int, rate: Fraction) -> Iterator["OutputPipe"]:
        """See `segtalker.inference.live_talker.OpenOutput`; of raw pictures it says what a reader must know."""
        from segtalker.media.live_video import OutputPipe

        if self.kind == "rgb24":
            note(f"{self.name}: rgb24 pictures of {width}x{height} at {rate} fps")
        if self._pipe is not None:
            yield self._pipe
            return
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            yield OutputPipe(handle, self.name, self.stop.is_set)
        finally:
            os.close(handle)


def stream(
    talker: "Talker", inputs: TalkInputs, sound: Path, live: StreamInputs, edits: Edits, options: "TalkOptions"
) -> None:
    """Makes the video and says on stderr what it was; stdout may be the video itself.

    Args:
        talker: the networks.
        inputs: what was given.
        sound: where it comes from.
        live: what was given of the stream.
        edits: local edits.
        options: what else may be chosen.

    Raises:
        BadInputError: see `segtalker.inference.live_talker.stream_talk`.
    """
    from segtalker.inference.live_talker import stream_talk

    assert inputs.out is not None
    stop = Event()
    out = LiveOutput(inputs.out, live.kind, stop)
    source = StandardInput(out.is_over) if sound == PIPE else sound
    heard = LiveSound(source, _parsed(live.pcm), talker.settings.clock.sample_rate_hz, out.is_over)
    with ExitStack() as stack, PhaseBars() as bars:

        def ready() -> None:
            bars.close()
            stack.enter_context(_stop_signal(stop))

        made = stream_talk(talker, inputs.portrait, heard, out.open, live.kind, edits, options, bars, ready)
    for line in _closing_lines(out.name, made, stop.is_set()):
        note(line)


def _closing_lines(name: str, made: "StreamedVideo", is_stopped: bool) -> Iterator[str]:
    """What is said about a video when it has ended."""
    if not made.frames:
        yield f"{name}: {'stopped' if is_stopped else 'its reader left'} before the first frame; nothing was written"
        return
    end = " (its reader left)" if made.was_left else " (stopped)" if is_stopped else ""
    yield (
        f"{name}: {made.seconds:.1f} s, {made.frames} frames of {made.width}x{made.height} at"
        f" {float(made.rate):.5g} fps{end}; the first after {made.first_frame_s:.2f} s, then"
        f" {made.steady_fps:.1f} a second"
    )
    yield from lines_about(made.untouched, made.without_effect)


def lines_about(untouched: int, without_effect: Iterable[str]) -> Iterator[str]:
    """What else is said about a video that was made.

    Args:
        untouched: see `segtalker.inference.talker.TalkingVideo`.
        without_effect: likewise.
    """
    if untouched:
        yield f"{untouched} frames show no face and are left as they are"
    yield from without_effect
