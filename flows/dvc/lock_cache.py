"""Every experiment's last `dvc.lock`, so that going back to it runs nothing again.

DVC remembers one result a stage. Its run cache would find older ones, but not outputs that outlive a run (`persist`),
and those are what interrupted training and clips done one by one stand on.
"""

import shutil
from pathlib import Path
from typing import Any

from flows.dvc import command_line
from segtalker.config.params import Params, params_hash, read_yaml
from segtalker.utils.atomic import atomic_file

_SHELF = Path(".dvc/tmp/experiments")
_LOCK = "dvc.lock"


def _place(root: Path, params: Params) -> Path:
    return root / _SHELF / f"{params_hash(params.model_dump(mode='json', exclude={'machine'}))}.lock"


def _values(lock: Path) -> dict[str, Any]:
    """What a lock was made with: the params and the places of the outputs of each stage."""
    stages = read_yaml(lock).get("stages", {}) if lock.is_file() else {}
    return {name: (stage.get("params"), [out["path"] for out in stage["outs"]]) for name, stage in stages.items()}


def keep_lock(root: Path, params: Params) -> None:
    """Remembers what `dvc.lock` says of the experiment that ran."""
    if (root / _LOCK).is_file():
        with atomic_file(_place(root, params)) as temporary:
            shutil.copyfile(root / _LOCK, temporary)


def bring_back(root: Path, params: Params) -> bool:
    """Takes up an experiment where it was left, if another one ran since; its outputs come from DVC's cache.

    DVC still compares every stage with its code, params and inputs: what changed meanwhile runs again.

    Returns:
        Whether it did.
    """
    kept = _place(root, params)
    if not kept.is_file() or _values(kept) == _values(root / _LOCK):
        return False
    with atomic_file(root / _LOCK) as temporary:
        shutil.copyfile(kept, temporary)
    command_line.checkout(root)
    return True
