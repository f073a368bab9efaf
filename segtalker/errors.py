"""Errors a user can act on."""

EXIT_CODE = 2


class SegTalkerError(Exception):
    """Bad input or a missing piece: one line that names the file, what is wrong and what to do.

    Commands print it without a traceback and leave with `EXIT_CODE`. Every error a user can cause derives
    from it; anything else that escapes is a defect of this project.
    """


class BadInputError(SegTalkerError):
    """A file or value from outside cannot be used."""


class BadClipError(BadInputError):
    """One clip cannot be used; the stage records the reason in `failures.csv` and goes on."""


class MissingWeightsError(SegTalkerError):
    """A pretrained file is not there; the message says what to fetch and where to put it."""


def one_line(error: Exception) -> str:
    """What an error says, on one line that a table can hold: bytes of file names that are no UTF-8 are written out."""
    return " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode()
