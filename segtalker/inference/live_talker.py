"""A portrait speaks while its speech is still coming: what `segtalker talk --stream` does."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from segtalker.inference.background import SourceBackground
from segtalker.inference.edits import Edits
from segtalker.inference.portrait import Portrait, read_portrait
from segtalker.inference.prepared_edits import PreparedEdits
from segtalker.inference.streaming import Speaker, TalkStream
from segtalker.inference.talk_options import PLAIN, Report, TalkOptions, quiet
from segtalker.inference.talker import NO_EDITS, Talker, even_sides
from segtalker.media.live_sound import LiveSound
from segtalker.media.live_video import FragmentedVideo, LiveVideo, OutputPipe, RawVideo
from segtalker.provenance.origin import xmp_box
from segtalker.utils.errors import BadInputError

Kind = Literal["mp4", "rgb24"]


@dataclass(frozen=True)
class StreamedVideo:
    """What was made.

    Args:
        frames: how many.
        rate: frames a second.
        width: px.
        height: px.
        first_frame_s: from the call to the first frame.
        painting_s: from there to the last one.
        was_left: whether whoever read it went away.
    """

    frames: int
    rate: Fraction
    width: int
    height: int
    first_frame_s: float
    painting_s: float
    was_left: bool

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
        prepared: edits.
        options: see `TalkOptions`.
    """

    face: Portrait
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
    return ReadyPortrait(face, prepared, options)


def stream_frames(talker: Talker, ready: ReadyPortrait, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames as they are to be written, each as soon as its speech is there.

    Args:
        talker: the networks.
        ready: who speaks.
        pieces: the speech, `(S,)` each, float32 in [-1, 1].

    Yields:
        RGB, `(H, W, 3)`, uint8, even sides, with the watermark.
    """
    face, prepared, options = ready.face, ready.prepared, ready.options
    rate = face.pictures.rate
    speaker = Speaker(face, prepared.identity, SourceBackground(), prepared.mask_change, rate, face.loop)
    chunks = TalkStream(talker.talk_model, talker.params.base.mel, speaker).chunks(pieces)
    frames = talker.composer(face, prepared, options).frames(chunks, None, rate)
    return talker.disclosure(options.watermark).frames(even_sides(frames))


def stream_talk(
    talker: Talker,
    portrait: Path,
    sound: LiveSound,
    out: OutputPipe,
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
        out: where the video goes.
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
        frame_samples = sound.speech_rate_hz / ready.face.pictures.rate
        pieces = sound.pieces(round(talker.settings.batch_size * frame_samples))
        return stream_ready(talker, ready, pieces, sound, out, kind, started)


def stream_ready(
    talker: Talker,
    ready: ReadyPortrait,
    pieces: Iterator[np.ndarray],
    sound: LiveSound,
    out: OutputPipe,
    kind: Kind,
    started: float,
) -> StreamedVideo:
    """Lets a portrait that was looked at say what is heard.

    Args:
        talker: the networks.
        ready: who speaks.
        pieces: the speech, `(S,)` each, float32 in [-1, 1].
        sound: where it comes from, which has the video's own track too.
        out: where the video goes.
        kind: see `stream_talk`.
        started: `time.perf_counter` when the work began, from which the first frame is timed.

    Raises:
        BadInputError: see `stream_talk`.
    """
    frames = stream_frames(talker, ready, pieces)
    first = next(frames, None)
    if first is None:
        raise BadInputError(f"{sound.name}: too little sound came for a single frame")
    rate, origin = ready.face.pictures.rate, talker.disclosure().origin
    count, height, width = 0, *first.shape[:2]
    video: LiveVideo = RawVideo(out)
    if kind == "mp4":
        track = (sound.rate_hz, sound.layout)
        video = FragmentedVideo(out, (height, width), rate, talker.params.generate.crf, track, origin.video_tags)
    with video:
        first_frame_s = 0.0
        frame: np.ndarray | None = first
        while frame is not None and not out.is_closed:
            count += 1
            video.write(frame, sound.blocks(float(count / rate)))
            first_frame_s = first_frame_s or time.perf_counter() - started
            frame = None if sound.stopped() else next(frames, None)
    if kind == "mp4":
        out.write(xmp_box(origin.xmp))
    out.check()
    painting_s = time.perf_counter() - started - first_frame_s
    return StreamedVideo(count, rate, width, height, first_frame_s, painting_s, out.is_closed)
