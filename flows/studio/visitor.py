"""What one visitor of the studio has brought and chosen."""

import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from segtalker.inference.edits import Edits, RegionColour, ShapeEdit, Swap
from segtalker.inference.preview import PreviewedPortrait
from segtalker.inference.talk_inputs import save_mask
from segtalker.inference.talk_options import TalkOptions


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
        stopped: whether the video that is being made shall be given up.
        busy: held while the visitor's portrait is worked on.
        files: uploads, to be deleted with the visitor.
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
    busy: threading.Lock = field(default_factory=threading.Lock)
    files: set[Path] = field(default_factory=set)

    def edits(self) -> Edits:
        """The choices as edits; a painted mask is written into the visitor's folder."""
        mask_path = None
        if self.mask is not None:
            mask_path = self.folder / "mask.png"
            save_mask(mask_path, self.mask, 1)
        return Edits(
            swaps=tuple(self.swaps.values()),
            shapes=tuple(self.shapes.values()),
            colours=tuple(self.colours.values()),
            mask=mask_path,
            background=self.background,
        )


class Visitors:
    """Those who have the page open, by the hash of their session.

    Args:
        folder: every visitor gets a folder in it, under a name nobody can guess.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._visitors: dict[str, Visitor] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visitors)

    def get(self, session: str) -> Visitor:
        """The visitor of a session, who may be new."""
        with self._lock:
            if session not in self._visitors:
                folder = self.folder / secrets.token_hex(16)
                folder.mkdir(parents=True)
                self._visitors[session] = Visitor(folder)
            return self._visitors[session]

    def files(self) -> set[Path]:
        """Uploads of those who are here."""
        with self._lock:
            return set().union(*(visitor.files for visitor in self._visitors.values()))

    def leave(self, session: str) -> None:
        """Ends what is being made for a visitor, and deletes what the visitor brought, unless others brought it too."""
        with self._lock:
            visitor = self._visitors.pop(session, None)
        kept = self.files()
        if visitor is None:
            return
        visitor.stopped.set()
        shutil.rmtree(visitor.folder, ignore_errors=True)
        for path in visitor.files - kept:
            path.unlink(missing_ok=True)
