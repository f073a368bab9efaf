"""Whether a run was made by the code that is here, and if not, what to check out."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from flows.reproduction.original import Original
from segtalker.config.stages import STAGES, Stage
from segtalker.utils.errors import BadInputError

_DIGITS = 8
_OWN_FILE = "flows/reproduction/code_check.py"


def differing_stages(theirs: Mapping[str, str], here: Mapping[Stage, str]) -> list[str]:
    """The stages whose code is another one, those that only one of them has included."""
    names = (*STAGES, *(name for name in theirs if name not in STAGES))
    return [name for name in names if theirs.get(name) != here.get(name)]  # type: ignore[call-overload]


def refuse_other_code(original: Original, here: Mapping[Stage, str], root: Path) -> None:
    """Sees to it that a run is made again by the code it was made by.

    Raises:
        BadInputError: it is another one; the message says what to check out.
    """
    if stages := differing_stages(original.code, here):
        listed = "every stage" if len(stages) >= len(STAGES) else ", ".join(stages)
        raise BadInputError(
            f"{original.name}: its code of {listed} is another one than here; {_way_back(original, root)}, "
            "or --with-this-code takes what is here"
        )


def _way_back(original: Original, root: Path) -> str:
    """What to check out, and what to run there."""
    revision, short = original.revision, original.revision[:_DIGITS]
    if revision == "none":
        return "it was made outside of a repository, so there is no revision to check out"
    if original.is_modified:
        return f"it was made from changes to {short} that were not committed, which nothing can check out"
    steps = f"git worktree add ../segtalker-{short} {short}, there make env and segtalker reproduce"
    if not _has(root, f"{revision}^{{commit}}"):
        steps = f"git fetch, {steps}"
    elif not _has(root, f"{revision}:{_OWN_FILE}"):  # it does not know --from yet
        settings = " ".join(original.run.name.removeprefix(original.run.experiment).split())
        says = f" and what its name says: {settings}" if settings else ""
        return f"{steps} --experiment {original.run.experiment}{says}"
    return f"{steps} --from {original.run.run_id[:_DIGITS]} --tracking {original.loaded.store.place}"


def _has(root: Path, name: str) -> bool:
    """Whether the repository holds an object of that name."""
    command = ["git", "-C", str(root), "cat-file", "-e", name]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
