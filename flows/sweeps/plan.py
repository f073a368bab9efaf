"""What a sweep is: its name, what it tries and what it makes better; kept in its folder, so that it can go on."""

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from segtalker.utils.atomic import write_text
from segtalker.utils.errors import BadInputError

Sampler = Literal["tpe", "random", "grid"]
Pruner = Literal["none", "median", "hyperband"]
SWEEPS = Path("sweeps")
_FILE = "sweep.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class SweepPlan:
    """A sweep as it was asked for; the number of trials is not part of it, for there may be more later.

    Args:
        name: of the sweep and its folder.
        experiment: that is tried.
        settings: `key=value`, laid over it in every trial.
        params: `KEY=...` as `segtalker.config.search_space` reads it.
        metric: see `flows.sweeps.objective`.
        sampler: how values are drawn.
        pruner: which trials are given up early.
    """

    name: str
    experiment: str
    settings: tuple[str, ...]
    params: tuple[str, ...]
    metric: str
    sampler: Sampler
    pruner: Pruner

    def folder(self, root: Path) -> Path:
        """Where the sweep lies."""
        return sweep_folder(root, self.name)

    def save(self, root: Path) -> None:
        """Keeps it."""
        write_text(self.folder(root) / _FILE, json.dumps(asdict(self), indent=2) + "\n")


def sweep_folder(root: Path, name: str) -> Path:
    """Where a sweep of a name lies.

    Raises:
        BadInputError: that is no name.
    """
    if not _NAME.fullmatch(name):
        raise BadInputError(f"sweep {name!r}: a name has up to 64 letters, digits, dots, hyphens and underscores")
    return root / SWEEPS / name


def read_plan(root: Path, name: str) -> SweepPlan | None:
    """The sweep of a name, None where there is none.

    Raises:
        BadInputError: what is kept of it cannot be read.
    """
    path = sweep_folder(root, name) / _FILE
    if not path.is_file():
        return None
    try:
        plan = SweepPlan(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise BadInputError(f"{path}: cannot be read ({error}); remove {path.parent} to begin anew") from error
    return replace(plan, settings=tuple(plan.settings), params=tuple(plan.params))


def existing_plan(root: Path, name: str) -> SweepPlan:
    """The sweep of a name.

    Raises:
        BadInputError: there is none.
    """
    plan = read_plan(root, name)
    if plan is None:
        there = ", ".join(sorted(path.parent.name for path in (root / SWEEPS).glob(f"*/{_FILE}"))) or "none"
        raise BadInputError(f"sweep {name}: there is none of this name; there are: {there}")
    return plan


def check_same(plan: SweepPlan, earlier: SweepPlan) -> None:
    """Sees to it that a sweep goes on as it began.

    Raises:
        BadInputError: something is another now.
    """
    for key, value in asdict(plan).items():
        before = getattr(earlier, key)
        if value != before:
            old, new = (" ".join(item) if isinstance(item, tuple) else item for item in (before, value))
            raise BadInputError(
                f"sweep {plan.name}: began with {key} {old or 'none'}, not {new or 'none'}; "
                f"give this one another --name, or remove {SWEEPS / plan.name}"
            )
