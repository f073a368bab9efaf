"""What a stage leaves for the flow that started it: that it began, how it ended and why it failed.

DVC stands between the two and passes on no more than an exit code.
"""

import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# looked up beforehand: a process just forked is no place to load libraries
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent(parent: int, how: int) -> None:
    """Asks Linux to end this process when its parent goes; elsewhere children end by themselves.

    For `preexec_fn` of `subprocess.Popen`, or first thing in a program.

    Args:
        parent: the parent's process id; with another parent it is gone already.
        how: the signal to end with.
    """
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, how)
        if os.getppid() != parent:
            os.kill(os.getpid(), how)


_VARIABLE = "SEGTALKER_STAGE_NOTES"
INTERRUPTED = 130  # exit code, as of a shell
_BEGAN, _FINISHED, _ERROR, _KILLED = "began", "finished", "error", "killed"


@dataclass(frozen=True)
class StageNotes:
    """The notes of one run of one stage.

    Args:
        folder: where they are, empty at first.
    """

    folder: Path

    def environment(self) -> dict[str, str]:
        """What a child process needs to find them."""
        return {_VARIABLE: str(self.folder)}

    def begin(self) -> None:
        """The stage runs, in this process.

        Raises:
            SystemExit: the flow has ended meanwhile, and its folder with it; this process is about to be killed.
        """
        try:
            (self.folder / _BEGAN).write_text(str(os.getpid()), encoding="utf-8")
        except FileNotFoundError:
            sys.exit(INTERRUPTED)

    def finish(self) -> None:
        """The stage did all it had to."""
        (self.folder / _FINISHED).touch()

    def fail(self, reason: str) -> None:
        """The stage failed; `reason` is one line for a person."""
        (self.folder / _ERROR).write_text(reason, encoding="utf-8")

    def kill(self) -> None:
        """A signal ended the stage; said by who waited for it."""
        (self.folder / _KILLED).touch()

    @property
    def killed(self) -> bool:
        """Whether the stage ended without a word of its own."""
        return (self.folder / _KILLED).is_file() or (self.pid is not None and not self.finished and self.error is None)

    @property
    def pid(self) -> int | None:
        """The stage's process, None where it did not begin."""
        text = self._read(_BEGAN)
        return int(text) if text else None

    @property
    def finished(self) -> bool:
        """Whether it did all it had to."""
        return (self.folder / _FINISHED).is_file()

    @property
    def error(self) -> str | None:
        """Why it failed, where it could say so."""
        return self._read(_ERROR)

    def _read(self, name: str) -> str | None:
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else None


def own_notes() -> StageNotes | None:
    """Where this process leaves its notes; None where no flow started it."""
    folder = os.environ.get(_VARIABLE)
    return StageNotes(Path(folder)) if folder else None
