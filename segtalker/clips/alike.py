"""Subjects who look alike, as `gate` has compared them and `split` and the dataset's page read it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from segtalker.utils.atomic import write_text
from segtalker.utils.errors import BadInputError, one_line

ALIKE_FILE = "alike.json"


@dataclass(frozen=True)
class AlikeSubjects:
    """Two subjects who may be one person.

    Args:
        one: a subject.
        other: another, later in the alphabet.
        distance: mean cosine distance between faces of the one and the other, 0 to 2.
    """

    one: str
    other: str
    distance: float


def write_alike(path: Path, pairs: Sequence[AlikeSubjects] | None) -> None:
    """Writes who looks alike, or that nobody compared faces (None), atomically."""
    write_text(path, json.dumps(None if pairs is None else [asdict(pair) for pair in pairs], indent=1))


def read_alike(path: Path) -> list[AlikeSubjects] | None:
    """Reads what `write_alike` wrote.

    Raises:
        BadInputError: it is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return None if content is None else [AlikeSubjects(**pair) for pair in content]
    except (OSError, ValueError, TypeError) as error:
        raise BadInputError(f"{path}: cannot be read ({one_line(error)}); segtalker reproduce writes it") from error
