"""Hashes of files, remembered so that a second run need not read them again."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from segtalker.utils.atomic import write_text


def file_sha256(path: Path) -> str:
    """The sha256 of a file, read in pieces: 64 hex digits."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def folder_sha256(folder: Path) -> str:
    """A hash of the names and contents of the files that lie in a folder, those in folders below it apart."""
    lines = [f"{path.name} {file_sha256(path)}" for path in sorted(folder.iterdir()) if path.is_file()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


_FRESH_S = 2.0  # a file changed so lately may change again within one tick of its file system's clock
_SAVE_EVERY_S = 60.0


class FileHashes:
    """Hashes and other facts of files, asked for again only where size or time of change differ.

    A context: what was learnt is saved when it is left, also by an error, and once a minute in between, for a run may
    be killed. Threads may share it.

    Args:
        path: the JSON file where it is kept; one that cannot be read is begun anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._saved_s = time.monotonic()

    def __enter__(self) -> "FileHashes":
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            content = {}
        self._known = content if isinstance(content, dict) else {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._save()

    def sha256(self, file: Path) -> str:
        """The hash of a file: 64 hex digits."""
        return self.fact(file, "sha256", file_sha256)

    def fact(self, file: Path, name: str, find: Callable[[Path], Any]) -> Any:
        """Anything else about a file's content.

        Args:
            file: it must exist.
            name: of the fact; another one where `find` has changed.
            find: reads the file; what it gives must be plain JSON. What it raises is not remembered.
        """
        key, stamp = os.path.abspath(file), _stamp(file)  # resolve() costs more than all the rest
        file_facts = self._known.get(key, {})
        if file_facts.get("stamp") == stamp and name in file_facts:
            return file_facts[name]
        fact_value = find(file)
        with self._lock:
            file_facts = self._known.get(key, {})
            others = file_facts if file_facts.get("stamp") == stamp else {}
            if time.time() - stamp[1] / 1e9 > _FRESH_S and stamp == _stamp(file):
                self._known[key] = {**others, "stamp": stamp, name: fact_value}
            if time.monotonic() - self._saved_s > _SAVE_EVERY_S:
                self._save()
        return fact_value

    def _save(self) -> None:
        write_text(self._path, json.dumps(self._known))
        self._saved_s = time.monotonic()


def _stamp(file: Path) -> list[int]:
    """Size in bytes and time of change."""
    facts = file.stat()
    return [facts.st_size, facts.st_mtime_ns]
