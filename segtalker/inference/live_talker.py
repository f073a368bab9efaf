"""A portrait speaks while its speech is still coming: what `segtalker talk --stream` does."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from segtalker.inference.background import SourceBackground
from segtalker.inference.composition import Composer
from segtalker.inference.edit_effects import without_effect
from segtalker.inference.edits import Edits
from segtalker.inference.portrait import Portrait, read_portrait
from segtalker.inference.prepared_edits import PreparedEdits
from segtalker.inference.streaming import NoSpeechError, Speaker, TalkStream
from segtalker.inference.talk_options import PLAIN, Report, TalkOptions, quiet
from segtalker.inference.talker import NO_EDITS, Talker, even_sides
from segtalker.media.live_sound import LiveSound
from segtalker.media.live_video import FragmentedVideo, LiveVideo, OutputPipe, RawVideo
from segtalker.provenance.origin import xmp_box

Kind = Literal["mp4", "rgb24"]
# where a video goes: told width, height, and frames a second, when its first frame is there
OpenOutput = Callable[[int, int, Fraction], AbstractContextManager[OutputPipe]]


@dataclass(frozen=True)
class StreamedVideo:
    """What was made.

    Args:
        frames: how many; none where it was stopped before the first one, and then nothing was opened to write to.
        rate: frames a second.
        width: px; 0 where there are no frames.
        height: px, likewise.
        first_frame_s: from the call to the first frame.
        painting_s: from there to the last one.
        was_left: whether whoever read it went away.
        untouched: how many frames show no face, and are the source's own.
        without_effect: edits that are not seen in it, and why, a line each.
    """

    frames: int
    rate: Fraction
    width: int
    height: int
    first_frame_s: float
    painting_s: float
    was_left: bool
    untouched: int = 0
    without_effect: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.frames / self.rate)

    @property
    def steady_fps(self) -> float:
        """Frames a second after the first."""
        return (self.frames - 1) / self.painting_s if self.frames > 1 and self.painting_s > 0 else 0.0


@dataclass(frozen=True)
class ReadyPortrait:
    """A portrait that was looked at, with what edits come to on it; it can be streamed any number of times.

    Args:
        face: the portrait.
        edits: as asked for.
        prepared: the same, made ready for it.
        options: see `TalkOptions`.
    """

    face: Portrait
    edits: Edits
    prepared: PreparedEdits
    options: TalkOptions


def ready_portrait(
    talker: Talker,
    portrait: Path,
    folder: Path,
    edits: Edits = NO_EDITS,
    options: TalkOptions = PLAIN,
    report: Report = quiet,
) -> ReadyPortrait:
    """Looks at a portrait, all of it where it is a video.

    Args:
        talker: the networks.
        portrait: image or video.
        folder: an existing one, kept as long as the portrait is used.
        edits: local edits.
        options: what else may be chosen.
        report: hears what is being done.

    Raises:
        BadInputError: a file cannot be used.
    """
    face = read_portrait(talker.reader, portrait, sys.maxsize, folder, report, options)
    report("looking at who speaks", 0.0)
    prepared = talker.prepare(edits, face)
    report("looking at who speaks", 1.0)
    return ReadyPortrait(face, edits, prepared, options)


def stream_frames(
    talker: Talker, ready: ReadyPortrait, composer: Composer, pieces: Iterator[np.ndarray]
) -> Iterator[np.ndarray]:
    """Frames as they are to be written, each as soon as its speech is there.

    Args:
        talker: the networks.
        ready: who speaks.
        composer: puts its frames together, see `Talker.composer`.
        pieces: the speech, `(S,)` each, float32 in [-1, 1].

    Yields:
        RGB, `(H, W, 3)`, uint8, even sides, with the watermark.

    Raises:
        NoSpeechError: hardly any came.
    """
    face, prepared = ready.face, ready.prepared
    rate = face.pictures.rate
    speaker = Speaker(face, prepared.identity, SourceBackground(), prepared.mask_change, rate, face.loop)
    chunks = TalkStream(talker.talk_model, talker.params.base.mel, speaker).chunks(pieces)
    frames = composer.frames(chunks, None, rate)
    return talker.disclosure(ready.options.watermark).frames(even_sides(frames))


def stream_talk(
    talker: Talker,
    portrait: Path,
    sound: LiveSound,
    open_output: OpenOutput,
    kind: Kind = "mp4",
    edits: Edits = NO_EDITS,
    options: TalkOptions = PLAIN,
    report: Report = quiet,
    ready_to_speak: Callable[[], object] = lambda: None,
) -> StreamedVideo:
    """Lets a portrait say what is heard, as it is heard.

    Args:
        talker: the networks.
        portrait: image or video.
        sound: what is heard; where it is stopped, the video ends.
        open_output: opens where the video goes, when its first frame is there; nothing is opened without one.
        kind: fragmented MP4 with the sound, or raw pictures.
        edits: local edits.
        options: what else may be chosen.
        report: hears what is being done before the first frame.
        ready_to_speak: called when that is done.

    Raises:
        BadInputError: a file cannot be used, the sound cannot be read further, or nothing can be written further.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, sound:
        ready = ready_portrait(talker, portrait, Path(folder), edits, options, report)
        ready_to_speak()
        return stream_ready(talker, ready, sound, open_output, kind, started)


def stream_ready(
    talker: Talker,
    ready: ReadyPortrait,
    sound: LiveSound,
    open_output: OpenOutput,
    kind: Kind,
    started: float,
) -> StreamedVideo:
    """Lets a portrait that was looked at say what is heard.

    Args:
        talker: the networks.
        ready: who speaks.
        sound: what is heard, entered.
        open_output: see `stream_talk`.
        kind: likewise.
        started: `time.perf_counter` when the work began, from which the first frame is timed.

    Raises:
        BadInputError: see `stream_talk`.
    """
    face, rate = ready.face, ready.face.pictures.rate
    composer = talker.composer(face, ready.prepared, ready.options)
    pieces = sound.pieces(round(talker.settings.batch_size * sound.speech_rate_hz / rate))
    frames = stream_frames(talker, ready, composer, pieces)
    first = _first_frame(frames, sound)
    if first is None:
        return StreamedVideo(0, rate, 0, 0, 0.0, 0.0, was_left=False)
    origin, (height, width) = talker.disclosure().origin, first.shape[:2]
    with open_output(width, height, rate) as out:
        video: LiveVideo = RawVideo(out)
        if kind == "mp4":
            track = (sound.rate_hz, sound.layout)
            video = FragmentedVideo(out, (height, width), rate, talker.params.generate.crf, track, origin.video_tags)
        count, first_frame_s = 0, 0.0
        with video:
            for count, frame in enumerate(_wanted(first, frames, sound, out), start=1):
                video.write(frame, sound.blocks(float(count / rate)))
                first_frame_s = first_frame_s or time.perf_counter() - started
        if kind == "mp4":
            out.write(xmp_box(origin.xmp))
        out.check()
        painting_s, was_left = time.perf_counter() - started - first_frame_s, out.was_left
    untouched = int(np.count_nonzero(~face.seen[face.timeline(count).order]))
    unseen_edits = without_effect(ready.edits, ready.prepared.mask_change, composer.shown)
    return StreamedVideo(count, rate, width, height, first_frame_s, painting_s, was_left, untouched, unseen_edits)


def _first_frame(frames: Iterator[np.ndarray], sound: LiveSound) -> np.ndarray | None:
    """The first frame, waited for; None where it was stopped before there was one."""
    try:
        return next(frames)
    except NoSpeechError:
        if sound.stopped():
            return None
        raise


def _wanted(first: np.ndarray, frames: Iterator[np.ndarray], sound: LiveSound, out: OutputPipe) -> Iterator[np.ndarray]:
    """The first frame and those after it, until it is stopped or whoever reads them leaves."""
    frame: np.ndarray | None = first
    while frame is not None and not out.is_closed:
        yield frame
        frame = None if sound.stopped() else next(frames, None)
