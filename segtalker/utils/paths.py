"""Paths a user writes into params: `~` and `${VARIABLE}` are replaced."""

import os
import re
import unicodedata
from pathlib import Path

from segtalker.utils.errors import BadInputError

HISTORY_FILE = "history.csv"  # curves of a training, in its folder of models
UNFINISHED_FILE = "last.ckpt"  # where an interrupted training goes on, in the same folder


def expand_path(text: str, key: str) -> Path:
    """The path a param names.

    Args:
        text: its value.
        key: its name, for the message.

    Raises:
        BadInputError: empty, or a variable in it is not set.
    """
    if not text:
        raise BadInputError(f"{key} is empty; set it (--set {key}=PATH)")
    full_text = os.path.expanduser(os.path.expandvars(text))
    if missing := re.search(r"\$\{?(\w+)", full_text):
        raise BadInputError(f"{key}: {text}: the environment variable {missing[1]} is not set; export it")
    return Path(full_text)


def inside_project(path: Path, project: Path) -> str:
    """A path as tables hold it: relative to the project where it lies inside, else absolute.

    What no table can hold is written out; `segtalker.media.video.open_video` refuses such a path.
    """
    full, home = Path(os.path.realpath(path)), project.resolve()  # resolve() raises where a link leads to itself
    return written_out((full.relative_to(home) if full.is_relative_to(home) else full).as_posix())


def written_out(text: str) -> str:
    """Text with control characters and bytes that are no UTF-8, as names of files may have them, written out."""
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in ("Cc", "Cs") else letter
        for letter in text
    )


def is_hidden(path: Path) -> bool:
    """Whether systems left a file beside those a person put there: `.x`, macOS's `._x`, what lies in `__MACOSX`.

    Args:
        path: relative to the folder that a person named, which may itself be hidden.
    """
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
