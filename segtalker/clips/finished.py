"""Which clips of a stage are finished, and whether their files are still what was written.

Beside its files a finished clip has `done.json`: the key it was made with, what the work found out, and size and
SHA-256 of each file. A clip whose files have the names, sizes and times at which they were last found right is not read
again, so that a stage of many clips starts fast. These stamps lie beside the stage's folder and not in it, where all
is the same bytes wherever it was made.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from segtalker.utils.atomic import write_text
from segtalker.utils.hashing import file_sha256

DONE_FILE = "done.json"
# what file managers leave behind in folders they showed
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class OutputFile:
    """One file of a clip: its size in bytes and its SHA-256, 64 hex digits."""

    size: int
    sha256: str


@dataclass(frozen=True)
class DoneNote:
    """What `done.json` says, beside a seal: the hash of all of it.

    Args:
        key: hash of everything the outputs depend on.
        facts: what the work found out about the clip.
        files: the clip's other files, by name; those in further folders by their path from the stage's folder.
    """

    key: str
    facts: dict[str, Any]
    files: dict[str, OutputFile]

    @property
    def seal(self) -> str:
        """Hash of what the note says, 64 hex digits: a note that was altered no longer fits it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


_NOTE: TypeAdapter[DoneNote] = TypeAdapter(DoneNote)


# path and status of a clip's files, by the names of `DoneNote.files`
Entries = dict[str, tuple[str, os.stat_result]]


class DamageError(Exception):
    """A file of a finished clip is not what was written; says which and how."""


def write_done(output: Path, key: str, facts: Mapping[str, Any], stage: Path, further: Sequence[Path]) -> None:
    """Notes that a clip is finished.

    Args:
        output: folder with its files, not yet under its final name.
        key: see `DoneNote`.
        facts: see `DoneNote`.
        stage: the stage's folder.
        further: folders elsewhere that the work has filled, under their final names.
    """
    files = {
        name: OutputFile(entry.stat().st_size, file_sha256(Path(entry.path)))
        for name, entry in _entries(output, stage, further)
        if name != DONE_FILE
    }
    note = DoneNote(key, to_jsonable_python(facts), files)
    write_text(output / DONE_FILE, json.dumps({**asdict(note), "seal": note.seal}, indent=1, sort_keys=True))


def _entries(output: Path, stage: Path, further: Sequence[Path]) -> Iterator[tuple[str, os.DirEntry]]:
    """Everything in the folders of a clip, by the names of `DoneNote.files`."""
    for folder in (output, *further):
        place = "" if folder == output else os.path.relpath(folder, stage) + "/"
        with os.scandir(folder) as entries:
            yield from sorted((place + entry.name, entry) for entry in entries if entry.name not in LITTER)


class FinishedClips:
    """The finished clips of a stage.

    Args:
        stage: its folder, which has the clips in `clips/`.

    Attributes:
        damage: what was wrong with clips that were finished, by id.
    """

    def __init__(self, stage: Path) -> None:
        self._stage = stage
        self._stamps_file = stage.with_name(f".{stage.name}-stamps.json")
        self._stamps = self._read_stamps()
        self.damage: dict[str, str] = {}

    def facts(self, clip_id: str, key: str, further: Sequence[Path], fresh: bool = False) -> dict[str, Any] | None:
        """What is known of a clip that was finished with this key; None where it has to be made.

        Args:
            clip_id: its name.
            key: see `DoneNote`.
            further: see `write_done`.
            fresh: it was made just now, so that its files need not be read again.
        """
        folder = self._stage / "clips" / clip_id
        try:
            entries = _clip_entries(folder, self._stage, further)
            if not entries and clip_id in self._stamps:
                raise DamageError("all its files are missing")
            stamp = [
                [name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
                for name, (_, status) in entries.items()
            ]
            same_stamp = stamp == self._stamps.get(clip_id)
            note = _read_note(folder, check_seal=not same_stamp) if entries else None
            if note is None or note.key != key:
                return None
            if not same_stamp:
                _check(note, entries, fresh)
        except DamageError as damage:
            self.damage[clip_id] = str(damage)
            self._stamps.pop(clip_id, None)
            return None
        self._stamps[clip_id] = stamp
        return note.facts

    def forget(self, clip_id: str) -> None:
        """The clip has failed; nothing of it is expected to be there."""
        self._stamps.pop(clip_id, None)

    def save(self, clip_ids: set[str]) -> None:
        """Keeps the stamps of these clips for the next run."""
        stamps = {clip_id: stamp for clip_id, stamp in self._stamps.items() if clip_id in clip_ids}
        if stamps != self._read_stamps():
            write_text(self._stamps_file, json.dumps(stamps))

    def _read_stamps(self) -> dict[str, Any]:
        """Those kept; none where they cannot be read, for all they save is time."""
        try:
            stamps = json.loads(self._stamps_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamps if isinstance(stamps, dict) else {}


def _clip_entries(folder: Path, stage: Path, further: Sequence[Path]) -> Entries:
    """Everything in the folders of a clip; nothing where the clip was not begun.

    Raises:
        DamageError: it is no folder, or something in it cannot be found.
    """
    if folder.is_symlink():
        raise DamageError("a link stands in its place")
    try:
        # of a link into DVC's cache the status is the file's
        return {name: (entry.path, entry.stat()) for name, entry in _entries(folder, stage, further)}
    except NotADirectoryError:
        raise DamageError("a file stands in its place") from None
    except OSError as error:
        if not folder.exists():
            return {}
        raise DamageError(f"{Path(os.fsdecode(error.filename)).name}: {error.strerror}") from error


def _read_note(folder: Path, check_seal: bool) -> DoneNote | None:
    """What a clip's `done.json` says; None where another version of this project wrote it.

    Args:
        folder: of the clip.
        check_seal: compare it with its seal.

    Raises:
        DamageError: it is gone, torn or altered.
    """
    try:
        content = dict(json.loads((folder / DONE_FILE).read_bytes()))
        note = _NOTE.validate_python(content) if "seal" in content else None
    except FileNotFoundError:
        raise DamageError(f"{DONE_FILE} is missing") from None
    except (OSError, ValueError, TypeError) as error:
        raise DamageError(f"{DONE_FILE} is torn") from error
    if note is not None and check_seal and content["seal"] != note.seal:
        raise DamageError(f"{DONE_FILE} was altered")
    return note


def _check(note: DoneNote, entries: Entries, fresh: bool) -> None:
    """Compares files with what was written.

    Raises:
        DamageError: they differ.
    """
    if wrong := sorted((entries.keys() - {DONE_FILE}) ^ note.files.keys()):
        raise DamageError(f"{wrong[0]} {'is missing' if wrong[0] in note.files else 'does not belong there'}")
    for name, file_facts in note.files.items():
        path, status = entries[name]
        right = stat.S_ISREG(status.st_mode) and status.st_size == file_facts.size
        if not right or not (fresh or file_sha256(Path(path)) == file_facts.sha256):
            raise DamageError(f"{name} was altered")
