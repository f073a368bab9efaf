"""What one visitor of the studio has brought and chosen."""

import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from segtalker.inference.edits import Edits, RegionColour, ShapeEdit, Swap
from segtalker.inference.preview import PreviewedPortrait
from segtalker.inference.talk_inputs import save_mask
from segtalker.inference.talk_options import TalkOptions
from segtalker.utils.errors import SegTalkerError


class GoneError(SegTalkerError):
    """The visitor has left, or is taken to have."""


@dataclass
class Visitor:
    """A visitor's choices; nobody else sees them.

    Args:
        folder: for the visitor's files.
        experiment: whose networks.
        face: the portrait, read; None before there is one.
        audio: the speech.
        swaps: by region.
        colours: by region.
        shapes: by region and operation.
        mask: regions as painted, `(H, W)`, uint8; None where nothing was painted.
        background: `#rrggbb`, `transparent`, an image or a video file.
        options: of the video.
        stopped: whether the video that is being made, or waits for its turn, shall be given up.
        gone: whether the visitor has left; nothing is begun for those any more.
        busy: held while the visitor's portrait is worked on.
        files: what the visitor brought and was handed out, to be deleted with the visitor.
        holds: files of each work in progress, see `Visitors.work`.
        seen_s: when the visitor last did something, s of `time.monotonic`; ahead while a video waits for its turn.
    """

    folder: Path
    experiment: str = ""
    face: PreviewedPortrait | None = None
    audio: Path | None = None
    swaps: dict[str, Swap] = field(default_factory=dict)
    colours: dict[str, RegionColour] = field(default_factory=dict)
    shapes: dict[tuple[str, str], ShapeEdit] = field(default_factory=dict)
    mask: np.ndarray | None = None
    background: str | None = None
    options: TalkOptions = field(default_factory=TalkOptions)
    stopped: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    busy: threading.Lock = field(default_factory=threading.Lock)
    files: set[Path] = field(default_factory=set)
    holds: list[set[Path]] = field(default_factory=list)
    seen_s: float = field(default_factory=time.monotonic)

    def edits(self, mask_path: Path) -> Edits:
        """The choices as edits.

        Args:
            mask_path: a painted mask is written there; a file of its own for each work, for others go on meanwhile.
        """
        if self.mask is not None:
            save_mask(mask_path, self.mask, 1)
        return Edits(
            swaps=tuple(self.swaps.values()),
            shapes=tuple(self.shapes.values()),
            colours=tuple(self.colours.values()),
            mask=None if self.mask is None else mask_path,
            background=self.background,
        )

    def used_files(self) -> set[Path]:
        """Files of the choices."""
        face, background = self.face, self.background
        paths = [face and face.portrait, self.audio, *(swap.path for swap in list(self.swaps.values()))]
        return {path for path in (*paths, background and Path(background)) if path}


class Visitors:
    """Those who have the page open, by the hash of their session.

    Args:
        folder: every visitor gets a folder in it, under a name nobody can guess.
        uploads: holds a folder for each file that visitors bring or are handed.
    """

    def __init__(self, folder: Path, uploads: Path) -> None:
        self.folder, self.uploads = folder, uploads
        self._visitors: dict[str, Visitor] = {}
        self._leaving: list[Visitor] = []  # whose work still runs
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visitors)

    def arrive(self, session: str) -> Visitor:
        """The visitor of a session, who may be new."""
        with self._lock:
            if session not in self._visitors:
                folder = self.folder / secrets.token_hex(16)
                folder.mkdir(parents=True)
                self._visitors[session] = Visitor(folder)
            return self._visitors[session]

    def get(self, session: str) -> Visitor:
        """The visitor of a session, who does something.

        Raises:
            GoneError: there is none.
        """
        with self._lock:
            visitor = self._visitors.get(session)
            if visitor is None:
                raise _gone()
            visitor.seen_s = max(visitor.seen_s, time.monotonic())
            return visitor

    def note(self, visitor: Visitor, path: Path) -> None:
        """Notes a file, to be deleted with the visitor."""
        with self._lock:
            visitor.files.add(path)

    @contextmanager
    def work(self, visitor: Visitor) -> Iterator[None]:
        """Keeps the visitor's folder, and the files chosen at its beginning, until the end of the block.

        Raises:
            GoneError: the visitor has left: nothing is begun that nobody would delete.
        """
        held = visitor.used_files()
        with self._lock:
            if visitor.gone.is_set():
                raise _gone()
            visitor.holds.append(held)
        try:
            yield
        finally:
            with self._lock:
                visitor.holds = [other for other in visitor.holds if other is not held]
                if not visitor.holds and visitor in self._leaving:
                    self._leaving.remove(visitor)
                    self._delete(visitor)

    def used_files(self) -> set[Path]:
        """Files that are in use, by choices or by work in progress."""
        with self._lock:
            here = [*self._visitors.values(), *self._leaving]
            return set().union(*(visitor.used_files().union(*visitor.holds) for visitor in here))

    def leave(self, session: str) -> None:
        """Ends what is being made for a visitor, and deletes what the visitor brought and was handed, unless others
        were too; at the end of the work that still runs."""
        with self._lock:
            visitor = self._visitors.pop(session, None)
            if visitor is None:
                return
            visitor.gone.set()
            if visitor.holds:
                self._leaving.append(visitor)
            else:
                self._delete(visitor)

    def expire(self, unused_s: float) -> None:
        """Lets those leave who did nothing for so long, and for whom nothing is being made; a page that is closed
        without a word, or a program that never opened one, does not say that it leaves."""
        before = time.monotonic() - unused_s
        with self._lock:
            sessions = [name for name, one in self._visitors.items() if not one.holds and one.seen_s <= before]
        for session in sessions:
            self.leave(session)

    def delete_unowned(self) -> None:
        """Deletes folders that belong to nobody."""
        with self._lock:
            owned = {visitor.folder for visitor in (*self._visitors.values(), *self._leaving)}
            for folder in self.folder.glob("*"):
                if folder not in owned:
                    shutil.rmtree(folder, ignore_errors=True)

    def _delete(self, visitor: Visitor) -> None:
        shutil.rmtree(visitor.folder, ignore_errors=True)
        others = [*self._visitors.values(), *self._leaving]
        for path in visitor.files.difference(*(other.files for other in others)):
            path.unlink(missing_ok=True)
            if path.parent.parent == self.uploads:
                with suppress(OSError):  # gone, or with other files in it
                    path.parent.rmdir()


def _gone() -> GoneError:
    return GoneError("this page was closed or not used for long, and its files are deleted: load it again")
