"""Child processes that end with their parent, so that a killed run leaves nothing behind."""

import ctypes
import os
import sys

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
