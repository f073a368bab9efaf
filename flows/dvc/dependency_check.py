"""What a stage stands on, compared when it ends with what it was when it began.

DVC looks at dependencies after a command has ended (treeverse/dvc issue 11058): what changed meanwhile would be
recorded as what made the outputs.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE, read_yaml
from segtalker.config.stages import Stage
from segtalker.utils.code_hash import code_files, source_without_words
from segtalker.utils.errors import BadInputError

_DVC_FILE = "dvc.yaml"
_READ_BYTES = 2**16  # of an input; a larger file is known by its size and time of change


def code_values(stage: Stage) -> dict[str, str]:
    """The code of a stage as it is on disk: a value for each of its files."""
    return {str(file): _code_value(file) for file in code_files(f"flows.stages.{stage}")}


# the code of a stage as it was when this process first asked: before or just after it was imported
first_code_values = cache(code_values)


def input_values(root: Path, stage: Stage) -> dict[str, str]:
    """What else a stage depends on, as it is now: a value for each file of its inputs and each of its params.

    Args:
        root: the project folder, whose `dvc.yaml` says what the stage depends on.
        stage: its name.
    """
    entry = read_yaml(root / _DVC_FILE)["stages"][stage]
    names = read_yaml(root / EXPERIMENT_FILE)["active"]
    inputs = [re.sub(r"\$\{active\.(\w+)\}", lambda part: names[part[1]], dep) for dep in entry.get("deps", [])]
    values = {str(file): _input_value(file) for path in inputs for file in _files(root / path)}
    read = cache(lambda name: read_yaml(root / name))
    for param_entry in entry["params"]:
        for file, keys in (param_entry if isinstance(param_entry, Mapping) else {PARAMS_FILE: [param_entry]}).items():
            values |= {f"{file}, {key}": _param(read(file), key) for key in keys}
    return values


def check_unchanged(stage: Stage, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Sees to it that DVC records what made the outputs.

    Args:
        stage: its name.
        before: values when it began.
        after: when it ended.

    Raises:
        BadInputError: something changed.
    """
    changes = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    if changes:
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise BadInputError(f"{changes[0]}{more}: changed while {stage} ran; what is done is kept, run again to go on")


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path] if path.is_file() else []


def _input_value(file: Path) -> str:
    facts = file.stat()
    if facts.st_size > _READ_BYTES:
        return f"{facts.st_size} {facts.st_mtime_ns}"
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _code_value(file: Path) -> str:
    """The code in a file, without comments and docstrings; read again only where the file is another."""
    if not file.is_file():
        return "missing"
    facts = file.stat()
    return _code_digest(file, facts.st_size, facts.st_mtime_ns)


@cache
def _code_digest(file: Path, _size: int, _time: int) -> str:
    text = source_without_words.__wrapped__(file) if file.suffix == ".py" else file.read_text(encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def _param(content: Any, key: str) -> str:
    for part in key.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return json.dumps(content, sort_keys=True, default=str)
