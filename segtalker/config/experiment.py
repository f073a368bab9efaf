"""Composes the active experiment from `experiments/NAME.yaml` and `--set key=value`."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from segtalker.config.params import (
    EXPERIMENT_FILE,
    PARAMS_FILE,
    Params,
    load_params,
    merge,
    override_params,
    read_yaml,
)
from segtalker.config.stages import STAGES
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError
from segtalker.utils.hashing import file_sha256
from segtalker.utils.paths import UNFINISHED_FILE

DEFAULT_EXPERIMENT = "demo"
DEFAULT_DATASET = "synthetic"
_HEADER = """\
# The active experiment. `segtalker reproduce --experiment NAME --set key=value` writes this file from
# experiments/NAME.yaml; what stands here overrides params.yaml. Plain `dvc repro` runs it too.
"""


def _named(root: Path, name: str) -> dict[str, Any]:
    if name == DEFAULT_EXPERIMENT:
        return {}
    path = root / "experiments" / f"{name}.yaml"
    if not path.is_file():
        experiment_names = ", ".join(
            [DEFAULT_EXPERIMENT, *sorted(file.stem for file in path.parent.glob("[!.]*.yaml"))]
        )
        raise BadInputError(f"experiment {name}: no file experiments/{name}.yaml; there are: {experiment_names}")
    return read_yaml(path)


def setting(text: str) -> dict[str, Any]:
    """`train_tsg.steps=50` as nested keys, the value read as YAML.

    Raises:
        BadInputError: it is no key and value.
    """
    key, equals_sign, value = text.partition("=")
    if not equals_sign or not all(key.split(".")):
        raise BadInputError(f"--set {text}: expected key=value, for example train_tsg.steps=50")
    try:
        override: Any = YAML(typ="safe", pure=True).load(value)
    except YAMLError as error:
        raise BadInputError(f"--set {text}: the value is not valid YAML") from error
    for part in reversed(key.split(".")):
        override = {part: override}
    return override


def networks_sha256(root: Path, name: str) -> str:
    """Hash of the trained networks of an experiment, by file: 64 hex digits.

    Raises:
        BadInputError: there are none.
    """
    folder = root / "models" / name
    paths = sorted(path for path in folder.glob("train_*/*.ckpt") if path.name != UNFINISHED_FILE)
    if not paths:
        raise BadInputError(
            f"{folder}: no trained networks to start from; run segtalker reproduce --experiment {name} first"
        )
    hashes = [f"{path.relative_to(folder).as_posix()} {file_sha256(path)}" for path in paths]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def compose(root: Path, name: str, settings: Sequence[str]) -> tuple[dict[str, Any], Params]:
    """The content of `experiment.yaml` and the params it leads to.

    Args:
        root: the project folder.
        name: `demo` or a file in `experiments/`.
        settings: `key=value`, laid over the experiment in order.

    Raises:
        BadInputError: no such experiment, unknown key, wrong value, or no networks to start from.
    """
    content: dict[str, Any] = {"active": {"experiment": name, "dataset": DEFAULT_DATASET}}
    content |= {section: {} for section in ("machine", "base", "training", *STAGES)}
    content = merge(content, _named(root, name))
    for text in settings:
        content = merge(content, setting(text))
    origin = f"experiment {name}" + "".join(f" --set {text}" for text in settings)
    params = override_params(read_yaml(root / PARAMS_FILE), content, origin)
    if not (earlier := params.training.start_from):
        return content, params
    if earlier == params.active.experiment:
        raise BadInputError(f"{origin}: training.start_from: an experiment cannot start from its own networks")
    # into the file, for DVC sees those networks by this value alone
    content = merge(content, {"training": {"start_sha256": networks_sha256(root, earlier)}})
    return content, override_params(read_yaml(root / PARAMS_FILE), content, origin)


def experiment_params(root: Path, name: str) -> Params:
    """Params of an experiment: as they are active, else as its file has them.

    Raises:
        BadInputError: see `compose`.
    """
    active = load_params(root)
    return active if active.active.experiment == name else compose(root, name, [])[1]


def activate(root: Path, content: dict[str, Any]) -> None:
    """Writes `experiment.yaml`, atomically, if it differs or cannot be read."""
    path = root / EXPERIMENT_FILE
    with suppress(BadInputError):
        if path.is_file() and read_yaml(path) == content:
            return
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        out.write(_HEADER)
        yaml = YAML()
        yaml.width = 120
        yaml.dump(content, out)
