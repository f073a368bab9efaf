"""Files below a folder, also where parts of it are links or cannot be opened."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from segtalker.clips.record import ClipFailure, ClipRecord
from segtalker.utils.errors import BadClipError, one_line
from segtalker.utils.paths import inside_project, is_hidden, written_out


def source_report(dataset: str, records: Sequence[ClipRecord], failures: Sequence[ClipFailure]) -> str:
    """A page in Markdown: how much there is, and what cannot be read and why.

    Args:
        dataset: its name.
        records: of `clips.csv`.
        failures: of `failures.csv`.
    """
    minutes = sum(record.seconds for record in records) / 60
    people = len({record.subject for record in records})
    lines = [f"# {dataset}", "", f"Recordings: {len(records)}, minutes: {minutes:.1f}, people: {people}.", ""]
    if failures:
        lines += ["## Cannot be read", "", "| recording | reason |", "|---|---|"]
        lines += [f"| {failure.clip_id} | {failure.reason.replace('|', '/')} |" for failure in failures]
    return "\n".join(lines).rstrip() + "\n"


UNREADABLE = (BadClipError, OSError)


def walk_files(root: Path, suffixes: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Finds files by their suffixes, in whatever capitals; hidden ones and what lies in hidden folders are left out.

    Links to folders are followed, each folder once. Files that cannot be read are among those found: whoever opens one
    learns why.

    Args:
        root: the folder.
        suffixes: small letters, with their dots.

    Returns:
        Files and folders that cannot be opened, each in order of their paths.
    """
    files: list[Path] = []
    unreadable_folders: list[Path] = []
    visited_folders: set[tuple[int, int]] = set()
    for name, folders, names in os.walk(
        root, followlinks=True, onerror=lambda error: unreadable_folders.append(_path(error))
    ):
        facts = os.stat(name)
        if (facts.st_dev, facts.st_ino) in visited_folders:
            folders.clear()
            continue
        visited_folders.add((facts.st_dev, facts.st_ino))
        folders[:] = sorted(folder for folder in folders if not is_hidden(Path(folder)))
        paths = (Path(name, file) for file in names if not is_hidden(Path(file)))
        files += (path for path in paths if path.name.casefold().endswith(tuple(suffixes)) and _may_be_file(path))
    return sorted(files), sorted(unreadable_folders)


def _path(error: OSError) -> Path:
    return Path(os.fsdecode(error.filename))


def _may_be_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def why(error: Exception) -> str:
    """Why a file cannot be used, on one line; `error` is one of `UNREADABLE`."""
    if isinstance(error, OSError) and error.filename:
        return one_line(BadClipError(f"{_path(error).name}: cannot be read ({error.strerror})"))
    return one_line(error)


def closed_folders(unreadable_folders: Sequence[Path], ids: Sequence[str], project: Path) -> list[ClipFailure]:
    """Failures of folders that cannot be opened."""
    reason = "the folder cannot be opened; whatever is in it is left out"
    return [
        ClipFailure(clip_id, inside_project(path, project), f"{written_out(path.name)}: {reason}")
        for path, clip_id in zip(unreadable_folders, ids, strict=True)
    ]
