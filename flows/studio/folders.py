"""Where the studio keeps what visitors bring: a folder of its own that is gone when the studio ends.

Each running studio holds a lock in its folder; the system lets go of it however the process ends. What a studio that
was killed left behind is known by that, and deleted by the next one that starts.
"""

import fcntl
import math
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "segtalker-studio-"
_LOCK_FILE = "studio.lock"


@contextmanager
def studio_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder that only its owner can read, until the end of the block.

    Args:
        parent: where; None for the system's folder of temporary files.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    _delete_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent)).resolve()
    with (folder / _LOCK_FILE).open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _delete_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            with (folder / _LOCK_FILE).open("r+", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # in use, not begun yet, or somebody else's
        shutil.rmtree(folder, ignore_errors=True)


def delete_uploads(folder: Path, kept_files: Collection[Path], unused_s: float) -> None:
    """Deletes what was not used for a while, and folders that are empty for as long.

    Gradio's own cleaning (`delete_cache`) knows neither who still uses a file nor what its image editor sends.

    Args:
        folder: Gradio's, a folder for each file.
        kept_files: those that stay.
        unused_s: how long a file was neither written nor changed; 0 deletes all others.
    """
    before = time.time() - unused_s
    # ages first: a folder is touched by what is deleted from it
    old = [path for path in folder.rglob("*") if _last_used(path) <= before]
    for path in old:
        if path.is_file() and path not in kept_files:
            path.unlink(missing_ok=True)  # a visitor left in the meantime
    for path in reversed(old):
        if path.is_dir():
            with suppress(OSError):  # with files in it
                path.rmdir()


def _last_used(path: Path) -> float:
    """When a file or folder was written or changed, s since the epoch; infinity where it is gone."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return math.inf
    return max(facts.st_mtime, facts.st_ctime)
