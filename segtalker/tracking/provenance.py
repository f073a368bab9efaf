"""Where a result comes from: seeds, the git revision, the signature of an experiment, its code and its data."""

import fcntl
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from segtalker.clips.record import ClipRecord
from segtalker.clips.tables import read_records
from segtalker.config.params import CODE_FILE, EXPERIMENT_FILE, Params, params_hash, read_yaml
from segtalker.config.stages import STAGE_INPUTS, STAGES, Stage, shared_sections
from segtalker.utils.hashing import file_sha256, folder_sha256

# where the raw material lies; its hashes count instead
_PLACES = {"root"}
_FILES = ("weights", "heads")
_DVC_FILE, _DVC_LOCK = "dvc.yaml", "dvc.lock"
# by `segtalker reproduce`, from what `training.start_from` and `training.pairs` name
_WRITTEN_KEYS = {"training.start_sha256", "train_parser.pairs_sha256", "train_sgi.pairs_sha256"}
REVISION_FILE = ".segtalker.revision"  # of a copy that is no repository, such as a trial's
# what decides a run: each changes with it
_RUN_FILES = (CODE_FILE, "params.yaml", _DVC_FILE, "experiments", "requirements.lock")


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and, where it is imported, torch, which is also asked for deterministic algorithms."""
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(seed)
        # use_deterministic_algorithms does the same and imports torch._inductor, three seconds
        torch.set_deterministic_debug_mode("warn")
        # nothing here reads memory before it is written; filling it first takes a tenth of a training
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def git_revision(root: Path) -> tuple[str, bool]:
    """The checked-out revision and whether files differ from it; `("none", False)` outside a repository.

    What a run itself writes, the active experiment and `dvc.lock`, does not count as a difference. A copy says of which
    revision it is one.
    """
    if (root / REVISION_FILE).is_file():
        revision, is_modified = json.loads((root / REVISION_FILE).read_text(encoding="utf-8"))
        return revision, is_modified
    revision = _git(root, "rev-parse", "HEAD")
    # a source archive may lie within some other repository
    if revision is None or _git(root, "ls-files", "--error-unmatch", _DVC_FILE) is None:
        return "none", False
    exclusions = [f":(exclude){name}" for name in (EXPERIMENT_FILE, _DVC_LOCK)]
    return revision, bool(_git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *exclusions))


def code_revision(root: Path) -> tuple[str, bool]:
    """The revision in which code, params or libraries last changed, and as `git_revision` whether files differ.

    Later ones, of words or results, run the same: pages name this one, so that their bytes do not change with those.
    """
    revision, is_modified = git_revision(root)
    if revision == "none" or (root / REVISION_FILE).is_file():
        return revision, is_modified
    return _git(root, "log", "-1", "--format=%H", "--", *_RUN_FILES) or revision, is_modified


def upstream(stage: Stage) -> tuple[Stage, ...]:
    """The stages `stage` stands on, and itself, in pipeline order."""
    upstream_stages: set[Stage] = {stage}
    for earlier in reversed(STAGES):
        if earlier in upstream_stages:
            upstream_stages.update(STAGE_INPUTS[earlier])
    return tuple(name for name in STAGES if name in upstream_stages)


def _signed(key: str, content: Any) -> Any:
    """What counts of a value: all of a section but where its material lies, of a file what is in it."""
    if isinstance(content, Mapping):
        signed_values = {name: value for name, value in content.items() if name not in _PLACES}
        return {name: _signed(name, value) for name, value in signed_values.items()}
    return _file_content(content) if isinstance(content, str) and key.endswith(_FILES) else content


def _file_content(text: str) -> str:
    """The hash of a file or folder a param names; its name where there is none, for the stage to complain."""
    path = Path(os.path.expanduser(os.path.expandvars(text)))
    if text and path.is_dir():
        return folder_sha256(path)
    return file_sha256(path) if text and path.is_file() else text


def signature(params: Params, stage: Stage, inputs: Mapping[str, str]) -> str:
    """Names an experiment up to a stage: what went in decides it, however the work is spread.

    Args:
        params: all params.
        stage: the last stage that counts.
        inputs: hashes of the raw material.

    Returns:
        64 hex digits.
    """
    content = params.model_dump(mode="json")
    names = {name for part in upstream(stage) for name in (part, *shared_sections(part))}
    sections = {name: _signed(name, content[name]) for name in names}
    return params_hash({"params": sections, "dataset": params.active.dataset, "inputs": dict(inputs)})


def experiment_signature(params: Params) -> str:
    """Names a whole experiment before its raw material is known: 64 hex digits."""
    return signature(params, STAGES[-1], {"experiment": params.active.experiment})


def code_signature(root: Path) -> str:
    """Names the code of all stages, as `code.yaml` tells it: 64 hex digits."""
    return params_hash(read_yaml(root / CODE_FILE))


def data_signature(inputs: Mapping[str, str]) -> str:
    """Names raw material by its hashes, see `input_hashes`: 64 hex digits."""
    return params_hash(dict(inputs))


def read_settings(root: Path, experiment: str) -> tuple[str, ...]:
    """What `experiment.yaml` holds beyond the named experiment, as `key=value`.

    Args:
        root: the project folder.
        experiment: its name; `experiments/<name>.yaml` need not exist.
    """
    experiment_file = root / "experiments" / f"{experiment}.yaml"
    base = leaves(read_yaml(experiment_file)) if experiment_file.is_file() else {}
    active = leaves(read_yaml(root / EXPERIMENT_FILE))
    return tuple(
        f"{key}={json.dumps(value)}"
        for key, value in sorted(active.items())
        if not key.startswith("active.") and key not in _WRITTEN_KEYS and (key not in base or base[key] != value)
    )


def leaves(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as `section.key`."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def read_lock(root: Path) -> dict[str, Any]:
    """The stages in `dvc.lock`, none where there is no such file.

    DVC writes the file in place, and another stage may end at this moment; while the lock it takes for that is shared
    with readers, it waits.

    Raises:
        YAMLError: it is not whole.
    """
    path, lock_file = root / _DVC_LOCK, root / ".dvc" / "tmp" / "lock"
    if not path.is_file():
        return {}
    if not lock_file.is_file():
        return _lock_stages(path)
    with lock_file.open("rb") as lock_handle:
        fcntl.flock(lock_handle, fcntl.LOCK_SH)
        return _lock_stages(path)


def _lock_stages(path: Path) -> dict[str, Any]:
    # the parser in C: locks are long
    return (YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}).get("stages", {})


def resume_key(root: Path, stage: Stage, stage_signature: str) -> str:
    """What unfinished work of a stage may be continued under: its signature, its code and its inputs are the same.

    The signature alone will not do: it stays as it is when code changes.

    Args:
        root: the project folder; `code.yaml` tells the code, `dvc.lock` the inputs as the stages before left them.
        stage: the stage.
        stage_signature: see `signature`.

    Returns:
        64 hex digits.
    """
    stages = read_lock(root)
    inputs = {name: stages.get(name, {}).get("outs") for name in STAGE_INPUTS[stage]}
    code = read_yaml(root / CODE_FILE)[stage]
    return params_hash({"signature": stage_signature, "code": code, "inputs": inputs})


def input_hashes(download_folder: Path) -> dict[str, str]:
    """The hash of every clip that `download` listed; empty before it ran."""
    path = download_folder / "clips.csv"
    if not path.is_file():
        return {}
    return {record.clip_id: record.source_sha256 for record in read_records(path, ClipRecord)}
