"""Errors a user can act on."""

import errno
from collections.abc import Callable, Iterable

EXIT_CODE = 2
_NOWHERE_TO_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class SegTalkerError(Exception):
    """Bad input or a missing piece: one line that names the file, what is wrong and what to do.

    Commands print it without a traceback and leave with `EXIT_CODE`. Every error a user can cause derives
    from it; anything else that escapes is a defect of this project.
    """


class BadInputError(SegTalkerError):
    """A file or value from outside cannot be used."""


class BadClipError(BadInputError):
    """One clip cannot be used; the stage records the reason in `failures.csv` and goes on."""


class DivergedError(SegTalkerError):
    """A training came to numbers that are not finite; nothing of it is exported."""


class MissingWeightsError(SegTalkerError):
    """A pretrained file is not there; the message says what to fetch and where to put it."""


def one_line(error: Exception) -> str:
    """What an error says, on one line that a table can hold: bytes of file names that are no UTF-8 are written out."""
    return " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode()


def check_all(checks: Iterable[Callable[[], object]]) -> None:
    """Makes every check, also where an earlier one fails.

    Raises:
        BadInputError: with a line for each thing that is wrong.
    """
    reasons = []
    for check in checks:
        try:
            check()
        except SegTalkerError as error:
            reasons.append(one_line(error))
    if reasons:
        raise BadInputError("\n".join(dict.fromkeys(reasons)))


def full_disk(error: BaseException | None) -> OSError | None:
    """What the disk said where it is full or not to be written to, however a library wrapped it; else None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NOWHERE_TO_WRITE:
            return error
        error = error.__cause__ or error.__context__
    return None
