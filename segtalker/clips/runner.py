"""Work on clips: incremental, parallel, resumable, and no clip can stop the others.

A clip's outputs stand in `clips/<clip_id>/` beside `done.json`, which holds the key they were made with, a hash of
everything they depend on, and what they were when they were written. A clip whose key is unchanged and whose outputs
are whole is not touched again, so a killed run goes on where it stopped, and one that was damaged since is made again.
Folders are renamed into place when whole. A clip that fails, for whatever reason, goes to `failures.csv`. What no stage
wrote is left alone, and nothing is removed through a link.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic

from segtalker.clips.finished import DONE_FILE, LITTER, FinishedClips, write_done
from segtalker.clips.record import ClipFailure, Record, with_facts
from segtalker.clips.tables import CLIPS_FILE, FAILURES_FILE, write_records
from segtalker.clips.worker_pools import Pool
from segtalker.utils.atomic import atomic_folder, remove
from segtalker.utils.errors import BadClipError, BadInputError, full_disk, one_line
from segtalker.utils.progress import notice, progress_bar

_LEFTOVER = re.compile(r"\..+-[a-z0-9_]{8}")  # of `atomic_folder`
_NAMED = 3
_NOT_ALLOWED = {errno.EACCES, errno.EPERM}
_FULL_BYTES = 2**20
Facts = Mapping[str, Any]
Work = Callable[[Record, Path], Facts]


class OutputError(BadInputError):
    """Outputs cannot be written; it concerns all clips."""


@dataclass(frozen=True)
class ClipTask(Generic[Record]):
    """One clip to work on.

    Args:
        record: what is known of it before.
        key: hash of everything the outputs depend on, see `task_key`.
        further: folders elsewhere that the work fills, each as a whole; they are watched like the clip's own.
    """

    record: Record
    key: str
    further: tuple[Path, ...] = ()

    @property
    def clip_id(self) -> str:
        """The clip's name, unique in the dataset."""
        return self.record.clip_id


def task_key(*parts: Any) -> str:
    """Hash of what a clip's outputs depend on: params, hashes of its inputs, `code_hash`; 64 hex digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def run_clips(
    tasks: Sequence[ClipTask[Record]],
    work: Work[Record],
    folder: Path,
    pool: Pool,
    max_failed_fraction: float,
    label: str,
) -> list[Record]:
    """Works on every clip whose key has changed and writes `clips.csv` and `failures.csv`.

    The result depends neither on where the work is done nor on the order in which clips finish. Outputs of clips
    that are not listed any more, or that fail now, are removed.

    Args:
        tasks: the clips, ids unique.
        work: `work(record, folder)` writes a clip's outputs into the given empty folder and returns fields of the
            record that are new or changed; a module-level function or a partial of one, for it is sent to worker
            processes.
        folder: `data/<stage>/<dataset>`.
        pool: where the work is done.
        max_failed_fraction: share of failed clips above which the stage fails.
        label: what the progress bar says.

    Returns:
        Records of the clips that passed, in order of id.

    Raises:
        BadInputError: too many clips failed, there are none, or their outputs cannot be written.
    """
    if not tasks:
        raise BadInputError(f"{folder}: there are no clips to work on; see the failures.csv of the stage before")
    with _watching(folder):
        records, reasons = _worked(tasks, work, folder, pool, label)
        return _write_tables(tasks, records, reasons, folder, max_failed_fraction)


def _worked(
    tasks: Sequence[ClipTask[Record]], work: Work[Record], folder: Path, pool: Pool, label: str
) -> tuple[dict[str, Record], dict[str, str]]:
    """Records of the clips that passed, and why the others failed, by clip."""
    clips = folder / "clips"
    if clips.is_symlink():
        raise BadInputError(f"{clips}: is a link; remove it (clips are never removed through a link), then run again")
    clip_ids = {task.clip_id for task in tasks}
    strays = _remove_others(clips, clip_ids)
    clip_notes = FinishedClips(folder)
    records = {task.clip_id: record for task in tasks if (record := _finished_record(clip_notes, task)) is not None}
    _tell(label, clips, strays, clip_notes.damage)
    todo = [task for task in tasks if task.clip_id not in records]
    reasons: dict[str, str] = {}
    try:
        with progress_bar(total=len(tasks), label=label, unit="clip") as bar:
            bar.update(len(records))
            for task, reason in _outcomes(todo, work, folder, pool):
                record = None if reason else _finished_record(clip_notes, task, fresh=True)
                if record is None:
                    reasons[task.clip_id] = reason or clip_notes.damage.get(task.clip_id, "its outputs are not there")
                    remove(clips / task.clip_id)
                    clip_notes.forget(task.clip_id)
                else:
                    records[task.clip_id] = record
                bar.update()
    finally:
        clip_notes.save(clip_ids)
    _remove_others(clips, clip_ids)  # what a process that died has left
    return records, reasons


def _tell(label: str, clips: Path, strays: Sequence[str], damage: Mapping[str, str]) -> None:
    """Counts aloud what was damaged, and names what is not ours."""
    if damage:
        some = "; ".join(f"{clip_id} ({reason})" for clip_id, reason in sorted(damage.items())[:_NAMED])
        more = "; ..." if len(damage) > _NAMED else ""
        notice(f"{label}: {len(damage)} finished clip(s) were damaged and are made again: {some}{more}")
    if strays:
        some = ", ".join(strays[:_NAMED]) + (", ..." if len(strays) > _NAMED else "")
        notice(f"{label}: {clips} has {len(strays)} thing(s) in it that no stage wrote; move them elsewhere: {some}")


def _outcomes(
    todo: Sequence[ClipTask[Record]], work: Work[Record], folder: Path, pool: Pool
) -> Iterator[tuple[ClipTask[Record], str]]:
    """Clips as they finish, each with its reason to fail or nothing."""
    if not todo:
        return
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    module = getattr(work, "func", work).__module__
    yield from pool.outcomes(todo, partial(_work_on, work, folder), module, folder)


def _write_tables(
    tasks: Sequence[ClipTask[Record]],
    records: Mapping[str, Record],
    reasons: Mapping[str, str],
    folder: Path,
    max_failed: float,
) -> list[Record]:
    failures = [
        ClipFailure(task.clip_id, str(task.record.source), reasons[task.clip_id])
        for task in tasks
        if task.clip_id in reasons
    ]
    write_records(folder / FAILURES_FILE, failures, ClipFailure)
    if len(failures) > max_failed * len(tasks):
        first = min(failures, key=lambda failure: failure.clip_id)
        raise BadInputError(
            f"{folder / FAILURES_FILE}: {len(failures)} of {len(tasks)} clips failed, more than"
            f" base.max_failed_fraction {max_failed} allows; the first, {first.clip_id}: {first.reason}"
        )
    passed_records = [records[clip_id] for clip_id in sorted(records)]
    write_records(folder / CLIPS_FILE, passed_records, type(tasks[0].record))
    return passed_records


def _remove_others(clips: Path, clip_ids: set[str]) -> list[str]:
    """Removes clips that are not listed and what interrupted work has left; returns names of what no stage wrote."""
    strays = []
    for name in sorted(os.listdir(clips)) if clips.is_dir() else []:
        path = clips / name
        if name in clip_ids or name in LITTER:
            continue
        if path.is_dir() and not path.is_symlink() and (_LEFTOVER.fullmatch(name) or (path / DONE_FILE).is_file()):
            shutil.rmtree(path)
        else:
            strays.append(name)
    return strays


def _finished_record(clip_notes: FinishedClips, task: ClipTask[Record], fresh: bool = False) -> Record | None:
    """The clip's record where its outputs are there, whole and up to date."""
    facts = clip_notes.facts(task.clip_id, task.key, task.further, fresh)
    return None if facts is None else with_facts(task.record, facts)


def _work_on(work: Work[Record], folder: Path, task: ClipTask) -> str:
    """Works on one clip; returns why it failed, or nothing.

    Raises:
        OutputError: nothing can be written, so no other clip need be tried.
    """
    try:
        # watched from within too, for the folder is gone, and room made, once it fails
        with _watching(folder), atomic_folder(folder / "clips" / task.clip_id) as output, _watching(folder):
            facts = work(task.record, output)
            write_done(output, task.key, facts, folder, task.further)
    except OutputError:
        raise
    except Exception as error:
        if _finished_record(FinishedClips(folder), task) is not None:
            return ""  # by a process that was given up for lost
        return one_line(error) if isinstance(error, BadClipError) else f"{type(error).__name__}: {one_line(error)}"
    return ""


@contextmanager
def _watching(folder: Path) -> Iterator[None]:
    """Tells a disk that is full or not to be written to from a bad clip, whatever a library makes of it."""
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        if _is_of_outputs(error, folder) or _is_full(folder):
            raise OutputError(
                f"{folder}: cannot be written to ({one_line(error) or type(error).__name__}); free space there or"
                " choose another place, then run again: finished clips are kept"
            ) from error
        raise


def _is_full(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free < _FULL_BYTES


def _is_of_outputs(error: BaseException | None, folder: Path) -> bool:
    """Whether the disk is full, or not to be written to."""
    if full_disk(error):
        return True
    while error is not None:
        ours = isinstance(error, OSError) and isinstance(error.filename, str) and error.errno in _NOT_ALLOWED
        if ours and Path(error.filename).absolute().is_relative_to(folder.absolute()):  # type: ignore[attr-defined]
            return True
        error = error.__cause__ or error.__context__
    return False
