"""What the studio does for a visitor, without the page: every action takes choices and gives what is to be seen.

What a visitor cannot have is a `SegTalkerError` whose one line the page shows.
"""

import math
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np

from flows.studio.folders import delete_uploads
from flows.studio.options import StudioOptions
from flows.studio.painting import Canvas, canvas, painted_mask
from flows.studio.talkers import Talkers
from flows.studio.visitor import Visitor, Visitors
from flows.studio.voices import speak
from segtalker.inference.backdrops import TRANSPARENT, open_backdrop
from segtalker.inference.edits import Edits, RegionColour, Swap, parse_colour, parse_shape
from segtalker.inference.preview import PreviewedPortrait
from segtalker.inference.talk_inputs import check_file, check_speech, open_portrait
from segtalker.inference.talk_options import Repaint, Report, TalkOptions
from segtalker.inference.talker import EditedPicture, TalkingVideo
from segtalker.media.audio import sound_pieces
from segtalker.utils.errors import BadInputError, SegTalkerError

Behind = Literal["its own", "a colour", "a picture or video", "nothing"]
_SAMPLE_RATE_HZ = 16000  # enough to see how long speech is, and whether it is silent
_UNCHANGED = {"scale": (1.0,), "shift": (0.0, 0.0)}  # amounts of an operation that do nothing; of others, 0


class StoppedError(SegTalkerError):
    """The visitor wanted no more of it."""


@dataclass(frozen=True)
class MadeVideo:
    """A video for a visitor.

    Args:
        path: the file.
        facts: its length, frames and size.
    """

    path: Path
    facts: TalkingVideo


@dataclass(frozen=True)
class MadePicture:
    """An edited picture for a visitor.

    Args:
        path: the file.
        facts: its size.
    """

    path: Path
    facts: EditedPicture


class Desk:
    """Serves visitors.

    Args:
        talkers: the networks.
        folder: for visitors' files.
        uploads: where Gradio keeps its files.
        shared: files in `uploads` that are the studio's own, and stay.
        options: what visitors may ask for.
    """

    def __init__(
        self, talkers: Talkers, folder: Path, uploads: Path, shared: frozenset[Path], options: StudioOptions
    ) -> None:
        self.talkers, self.uploads, self.shared, self.options = talkers, uploads, shared, options
        self.visitors = Visitors(folder, uploads)

    def clean(self, unused_s: float) -> None:
        """Lets those leave who did nothing for so long, and deletes what nobody used for so long."""
        self.visitors.expire(unused_s)
        self.visitors.delete_unowned()
        self._delete_uploads(unused_s if len(self.visitors) else 0.0)

    def arrive(self, session: str) -> Visitor:
        """The visitor of a session, who may be new."""
        return self.visitors.arrive(session)

    def leave(self, session: str) -> None:
        """Deletes what a visitor brought; after the last one everything that visitors brought."""
        self.visitors.leave(session)
        if not len(self.visitors):
            self._delete_uploads(0.0)

    def visitor(self, session: str) -> Visitor:
        """The visitor of a session.

        Raises:
            GoneError: there is none.
        """
        return self.visitors.get(session)

    def bring(self, visitor: Visitor, file: str | None) -> Path | None:
        """Notes a file in `uploads`, so that it is deleted with the visitor, or so long after it was last used."""
        if not file:
            return None
        path = Path(file)
        if path not in self.shared:
            self.visitors.note(visitor, path)
            with suppress(OSError):  # what cannot be read is said by those who read it
                os.utime(path)
        return path

    def take_face(self, visitor: Visitor, file: str | None, experiment: str, report: Report) -> None:
        """Reads a portrait; edits that were painted on another one are gone.

        Raises:
            BadInputError: it cannot be used.
        """
        path = self.bring(visitor, file)
        with visitor.busy:
            visitor.face, visitor.mask, visitor.experiment = None, None, experiment
            if path is not None:
                open_portrait(path, "pyav")
                visitor.face = PreviewedPortrait(self.talkers.get(experiment), path, report)

    def take_speech(self, visitor: Visitor, file: str | None) -> None:
        """Looks at speech.

        Raises:
            BadInputError: it cannot be used, or is longer than the studio takes.
        """
        visitor.audio = None
        path = self.bring(visitor, file)
        if path is None:
            return
        check_file(path)
        if _is_longer(path, self.options.max_speech_s):
            raise BadInputError(
                f"{path}: more than {self.options.max_speech_s:g} s of sound, which is all that is taken here; cut it"
            )
        check_speech(path, _SAMPLE_RATE_HZ)
        visitor.audio = path

    def say(self, visitor: Visitor, text: str, language: str, speaker: str) -> Path:
        """Speaks a text into a file."""
        with self.visitors.work(visitor):
            return speak(text, language, speaker, visitor.folder)

    def paint(self, visitor: Visitor, layers: list[np.ndarray]) -> bool:
        """Takes strokes as an edited mask; says whether that changes anything."""
        if visitor.face is None:
            return False
        own_mask, before = visitor.face.mask, visitor.mask
        visitor.mask = painted_mask(own_mask, layers)
        after = visitor.mask
        return not np.array_equal(own_mask if before is None else before, own_mask if after is None else after)

    def lend(self, visitor: Visitor, region: str, file: str | None, strength: float) -> None:
        """Takes a region's texture from another picture, or from none; the newest lies on top.

        Raises:
            BadInputError: it cannot be read.
        """
        path = self.bring(visitor, file)
        if path is None or strength == 0.0:
            visitor.swaps.pop(region, None)
            return
        open_portrait(path, "pyav")
        wanted = Swap(region, path, strength)
        if visitor.swaps.get(region) != wanted:
            visitor.swaps.pop(region, None)
            visitor.swaps[region] = wanted

    def amounts(self, visitor: Visitor, region: str, operation: str) -> tuple[float, ...]:
        """How a region is reshaped by an operation; amounts that change nothing where it is not."""
        shape = visitor.shapes.get((region, operation))
        return shape.amounts if shape else _UNCHANGED.get(operation, (0.0,))

    def reshape(self, visitor: Visitor, region: str, operation: str, amounts: tuple[float, ...]) -> bool:
        """Reshapes a region; says whether that changes anything.

        Raises:
            BadInputError: the amounts make no sense.
        """
        if amounts == self.amounts(visitor, region, operation):
            return False
        visitor.shapes.pop((region, operation), None)
        if amounts != _UNCHANGED.get(operation, (0.0,)):
            text = ",".join(f"{amount:g}" for amount in amounts)
            visitor.shapes[region, operation] = parse_shape(f"{region}:{operation}={text}")
        return True

    def recolour(self, visitor: Visitor, region: str, colour: str, strength: float) -> bool:
        """Gives a region another colour, or its own where the strength is 0; says whether that changes anything.

        Raises:
            BadInputError: it is no colour.
        """
        wanted: RegionColour | None = None
        if strength > 0.0:
            wanted = parse_colour(f"{region}={hex_colour(colour)}:{strength:g}")
        if wanted == visitor.colours.get(region):
            return False
        visitor.colours.pop(region, None)
        if wanted is not None:
            visitor.colours[region] = wanted
        return True

    def put_behind(self, visitor: Visitor, kind: Behind, colour: str, file: str | None) -> None:
        """Chooses what is behind.

        Raises:
            BadInputError: it is no colour, or the picture or video cannot be read.
        """
        path, visitor.background = self.bring(visitor, file), None
        if kind == "a colour":
            visitor.background = hex_colour(colour)
        elif kind == "nothing":
            visitor.background = TRANSPARENT
        elif kind == "a picture or video" and path is not None:
            open_backdrop(str(path))
            visitor.background = str(path)

    def choose(self, visitor: Visitor, repaint: Repaint, crop_only: bool) -> None:
        """Chooses what is painted and what of the picture is shown."""
        visitor.options = TalkOptions(repaint=repaint, crop_only=crop_only)

    def canvas(self, visitor: Visitor, shown: Canvas) -> np.ndarray | None:
        """What is painted on, see `flows.studio.painting.canvas`; None without a face."""
        return None if visitor.face is None else canvas(visitor.face.crop, visitor.face.mask, shown)

    def preview(self, visitor: Visitor) -> np.ndarray | None:
        """One frame with everything that was chosen, RGB, `(H, W, 3)`, uint8; None without a face.

        Raises:
            BadInputError: a reference shows no face.
        """
        with visitor.busy, self._edits(visitor) as edits:
            if visitor.face is None:
                return None
            return visitor.face.show(edits, visitor.options, visitor.audio)

    def begin(self, visitor: Visitor) -> None:
        """Puts the visitor's video in the queue: what was stopped before is not this one, and who waits is here."""
        visitor.stopped.clear()
        visitor.seen_s = time.monotonic() + (self.options.queue + 1) * self.options.max_render_s

    def make_video(self, visitor: Visitor, report: Report) -> MadeVideo:
        """Makes the video, see `begin`.

        Raises:
            BadInputError: face or speech are not there, or it takes longer than the studio allows.
            StoppedError: the visitor wants no more of it.
            GoneError: the visitor has left.
        """
        if visitor.face is None or visitor.audio is None:
            missing = " and ".join(
                name for name, given in (("a face", visitor.face), ("speech", visitor.audio)) if given is None
            )
            raise BadInputError(f"no {missing.removeprefix('a ')} yet: add {missing} first")
        portrait, talker, audio = visitor.face.portrait, visitor.face.talker, visitor.audio
        path = _free_name(visitor.folder, f"{portrait.stem}-talks", _video_suffix(visitor))
        watched = self._watched(report, visitor.gone, visitor.stopped)
        watched("waiting", 1.0)
        try:
            with self._edits(visitor) as edits:
                return MadeVideo(path, talker.talk(portrait, audio, path, edits, visitor.options, watched))
        finally:
            visitor.seen_s = time.monotonic()

    def make_picture(self, visitor: Visitor, report: Report) -> MadePicture:
        """Makes the picture with the edits, in which nobody speaks.

        Raises:
            BadInputError: there is no face, or it takes longer than the studio allows.
            GoneError: the visitor has left.
        """
        if visitor.face is None:
            raise BadInputError("no face yet: add a face first")
        path = _free_name(visitor.folder, f"{visitor.face.portrait.stem}-edited", ".png")
        portrait, talker = visitor.face.portrait, visitor.face.talker
        watched = self._watched(report, visitor.gone)
        with self._edits(visitor) as edits:
            return MadePicture(path, talker.edit(portrait, path, edits, visitor.options, watched))

    @contextmanager
    def _edits(self, visitor: Visitor) -> Iterator[Edits]:
        """The choices as edits, for one work; a preview beside it writes another mask."""
        with self.visitors.work(visitor), tempfile.TemporaryDirectory(dir=visitor.folder) as folder:
            yield visitor.edits(Path(folder) / "mask.png")

    def _watched(self, report: Report, *ends: threading.Event) -> Report:
        """A report that ends the work when one of the events, or the end of the time, has come."""
        until = time.monotonic() + self.options.max_render_s

        def passed(phase: str, share: float) -> None:
            if any(end.is_set() for end in ends):
                raise StoppedError("stopped; nothing was written")
            if time.monotonic() > until:
                raise BadInputError(
                    f"not done after {self.options.max_render_s / 60:g} min, which is all that is given here; "
                    "use shorter speech, or segtalker talk"
                )
            report(phase, share)

        return passed

    def _delete_uploads(self, unused_s: float) -> None:
        delete_uploads(self.uploads, self.visitors.used_files() | self.shared, unused_s)


def _video_suffix(visitor: Visitor) -> str:
    """Browsers show a transparent video as WebM."""
    return ".webm" if visitor.background == TRANSPARENT else ".mp4"


def _free_name(folder: Path, stem: str, suffix: str) -> Path:
    """A numbered name that no file has yet."""
    return next(path for number in count(1) if not (path := folder / f"{stem}-{number}{suffix}").exists())


def _is_longer(path: Path, seconds: float) -> bool:
    """Whether sound is longer than that; no more of it is read than it takes to say so.

    Raises:
        BadClipError: it cannot be read.
    """
    count = 0
    for piece in sound_pieces(path, _SAMPLE_RATE_HZ):
        count += len(piece.samples)
        if count > seconds * _SAMPLE_RATE_HZ:
            return True
    return False


def hex_colour(colour: str) -> str:
    """A colour as a picker gives it, `#rrggbb` or `rgb(a)(r, g, b[, a])`, as `#rrggbb`.

    Raises:
        BadInputError: it is none.
    """
    wanted = colour
    if match := re.fullmatch(r"rgba?\(([^()]*)\)", colour):
        with suppress(ValueError):
            levels = [float(part) for part in match[1].split(",")[:3]]
            if all(map(math.isfinite, levels)):
                wanted = "#" + bytes(min(255, max(0, round(level))) for level in levels).hex()
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", wanted):
        raise BadInputError(f"{colour}: not a colour; write it as #rrggbb, for example #2f6f5f")
    return wanted
