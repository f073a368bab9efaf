"""Work on clips: incremental, parallel, resumable, and no clip can stop the others.

A clip's outputs stand in `clips/<clip_id>/` beside `done.json`, which holds the key they were made with: a hash of
everything they depend on. A clip whose key is unchanged is not touched again, so a killed run goes on where it
stopped. Folders are renamed into place when whole. A clip that fails, for whatever reason, goes to `failures.csv`.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from segtalker.atomic import atomic_folder, write_text
from segtalker.clips import FAILURE_COLUMNS, read_table, write_table
from segtalker.errors import BadClipError, BadInputError
from segtalker.progress import progress_bar

DONE_FILE = "done.json"
_CRASH = "the worker process died while at it (out of memory, or a decoder crashed)"

Row = dict[str, Any]
Work = Callable[[Row, Path], Row]


@dataclass(frozen=True)
class ClipTask:
    """One clip to work on.

    Args:
        row: its row of the table before, at least `clip_id` and `source`.
        key: hash of everything the outputs depend on, see `task_key`.
    """

    row: Row
    key: str

    @property
    def clip_id(self) -> str:
        """The clip's name, unique in the dataset."""
        return self.row["clip_id"]


def table_rows(path: Path) -> list[Row]:
    """Rows of a clip table; what is not known is empty text. Errors as `segtalker.clips.read_table`."""
    return [{str(name): value for name, value in row.items()} for row in read_table(path).fillna("").to_dict("records")]


def task_key(*parts: Any) -> str:
    """Hash of what a clip's outputs depend on: params, hashes of its inputs, `code_hash`; 64 hex digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def code_hash(*folders_or_files: Path) -> str:
    """Hash of Python sources, so that changed code processes clips anew; 64 hex digits."""
    files = [file for path in folders_or_files for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def run_clips(
    tasks: Sequence[ClipTask],
    work: Work,
    folder: Path,
    columns: Sequence[str],
    workers: int,
    max_failed_fraction: float,
    label: str,
) -> list[Row]:
    """Works on every clip whose key has changed and writes `clips.csv` and `failures.csv`.

    The result depends neither on the number of workers nor on the order in which they finish. Outputs of clips
    that are not listed any more, or that fail now, are removed.

    Args:
        tasks: the clips, ids unique.
        work: `work(row, folder)` writes a clip's outputs into the given empty folder and returns columns that are
            new or changed; a module-level function or a partial of one, for it is sent to worker processes.
        folder: `data/<stage>/<dataset>`.
        columns: first columns of `clips.csv`.
        workers: processes; 0 for one a core, 1 to work in this process.
        max_failed_fraction: share of failed clips above which the stage fails.
        label: what the progress bar says.

    Returns:
        Rows of the clips that passed, in order of id.

    Raises:
        BadInputError: too many clips failed, or there are none.
    """
    if not tasks:
        raise BadInputError(f"{folder}: there are no clips to work on; see the failures.csv of the stage before")
    _remove_others(folder / "clips", {task.clip_id for task in tasks})
    todo = [task for task in tasks if _finished_row(folder, task) is None]
    outcomes = _outcomes(todo, work, folder, workers or usable_cores())
    reasons: dict[str, str] = {}
    with progress_bar(total=len(tasks), label=label, unit="clip") as bar:
        bar.update(len(tasks) - len(todo))
        for task, reason in outcomes:
            if reason:
                reasons[task.clip_id] = reason
                shutil.rmtree(folder / "clips" / task.clip_id, ignore_errors=True)
            bar.update()
    return _write_tables(tasks, reasons, folder, columns, max_failed_fraction)


def usable_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write_tables(
    tasks: Sequence[ClipTask], reasons: dict[str, str], folder: Path, columns: Sequence[str], max_failed: float
) -> list[Row]:
    failures = [
        {"clip_id": task.clip_id, "source": task.row["source"], "reason": reasons[task.clip_id]}
        for task in tasks
        if task.clip_id in reasons
    ]
    write_table(folder / "failures.csv", failures, FAILURE_COLUMNS)
    if len(failures) > max_failed * len(tasks):
        first = min(failures, key=lambda failure: failure["clip_id"])
        raise BadInputError(
            f"{folder / 'failures.csv'}: {len(failures)} of {len(tasks)} clips failed, more than"
            f" base.max_failed_fraction {max_failed} allows; the first, {first['clip_id']}: {first['reason']}"
        )
    rows = [row for task in tasks if (row := _finished_row(folder, task)) is not None]
    write_table(folder / "clips.csv", rows, columns)
    return sorted(rows, key=lambda row: row["clip_id"])


def _remove_others(folder: Path, clip_ids: set[str]) -> None:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in clip_ids:
            shutil.rmtree(path)


def _finished_row(folder: Path, task: ClipTask) -> Row | None:
    """The clip's row where its outputs are there and up to date."""
    path = folder / "clips" / task.clip_id / DONE_FILE
    if not path.is_file():
        return None
    done = json.loads(path.read_text(encoding="utf-8"))
    return {**task.row, **done["facts"]} if done["key"] == task.key else None


def _work_on(work: Work, task: ClipTask, folder: Path) -> str:
    """Works on one clip; returns why it failed, or nothing."""
    try:
        with atomic_folder(folder / "clips" / task.clip_id) as output:
            facts = work(task.row, output)
            write_text(output / DONE_FILE, json.dumps({"key": task.key, "facts": facts}, indent=1, sort_keys=True))
    except BadClipError as error:
        return _one_line(error)
    except Exception as error:
        return f"{type(error).__name__}: {_one_line(error)}"
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _outcomes(todo: Sequence[ClipTask], work: Work, folder: Path, workers: int) -> Iterator[tuple[ClipTask, str]]:
    """Clips as they finish, each with its reason to fail or nothing."""
    if workers == 1:
        yield from ((task, _work_on(work, task, folder)) for task in todo)
        return
    while todo:
        suspects, todo = yield from _run_pool(todo, work, folder, min(workers, len(todo)))
        for task in suspects:
            crashed, _ = yield from _run_pool([task], work, folder, 1)
            if crashed:
                yield task, _CRASH


def _run_pool(
    todo: Sequence[ClipTask], work: Work, folder: Path, workers: int
) -> Generator[tuple[ClipTask, str], None, tuple[list[ClipTask], list[ClipTask]]]:
    """Runs clips in processes until all are done or a process dies.

    No more clips are handed out than there are processes, so that a death leaves few suspects.

    Returns:
        Clips that were being worked on when a process died, and those not begun.
    """
    waiting, running = deque(todo), dict[Future[str], ClipTask]()
    with _process_pool(workers, work) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    running[pool.submit(_work_on, work, waiting[0], folder)] = waiting[0]
                    waiting.popleft()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    reason = future.result()
                    yield running.pop(future), reason
        except BrokenProcessPool:
            return list(running.values()), list(waiting)
    return [], []


def _process_pool(workers: int, work: Work) -> ProcessPoolExecutor:
    """Processes forked from a clean server that has imported what the work needs: no threads or locks inherited."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([getattr(work, "func", work).__module__])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the run
    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
