"""One run at a time in a project folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segtalker.utils.errors import SegTalkerError


@contextmanager
def run_lock(root: Path) -> Iterator[None]:
    """Holds the project; the system lets go of it when the process ends, however it ends.

    Raises:
        SegTalkerError: another run holds it.
    """
    path = root / ".segtalker.lock"
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise SegTalkerError(
                f"{path}: process {lock.read().strip()} runs an experiment here; wait for it, or clone the project"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
