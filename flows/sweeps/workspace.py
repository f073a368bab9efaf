"""Folders of trials: each a project of its own that shares the code of the sweep, the cache of DVC and raw material."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from flows.dvc.code_versions import write_code_file
from flows.dvc.lock_cache import save_lock
from flows.needed_files import needs
from segtalker.config.params import CODE_FILE, PARAMS_FILE, Params, load_params
from segtalker.tracking.provenance import REVISION_FILE, code_revision
from segtalker.utils.atomic import atomic_folder, remove
from segtalker.utils.errors import BadInputError, SegTalkerError
from segtalker.utils.paths import expand_path

SOURCE = "source"
TRIALS = "trials"
_PACKAGES = ("segtalker", "flows", "lightning_modules", "datamodules")
_LINKED = (*_PACKAGES, "experiments")
_LOCK = "dvc.lock"
_FILES = (PARAMS_FILE, CODE_FILE, "dvc.yaml", "requirements.lock", ".dvcignore", REVISION_FILE)
# what runs write; a trial has its own
_WRITTEN = ("data", "models", "results", "reports")
_NOT_SHARED = {*_WRITTEN, *_LINKED, *_FILES, _LOCK, "sweeps", "mlruns", "mlartifacts", "mlflow.db", "experiment.yaml"}
_TMP = Path(".dvc") / "tmp"
_SAVED_LOCKS = _TMP / "experiments"  # see `flows.dvc.lock_cache`
_WITHOUT_GIT = "[core]\n    no_scm = true\n[cache]\n    type = reflink,hardlink,copy\n"


def export_source(root: Path, folder: Path) -> Path:
    """The code and params of a sweep as they are now, so that the project may change while it runs.

    Args:
        root: the project folder.
        folder: of the sweep.

    Returns:
        The copy; one that is there already stays.
    """
    source = folder / SOURCE
    if source.is_dir():
        return source
    write_code_file(root)
    save_lock(root, load_params(root))  # what a plain `dvc repro` made is known to trials too
    with atomic_folder(source) as copy:
        for name in _LINKED:
            shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        for name in _FILES:
            if (root / name).is_file():
                shutil.copy2(root / name, copy / name)
        # an experiment may start from networks of another; the way from any project, wherever it is moved to
        (copy / "models").symlink_to(Path(os.path.relpath(root / "models", source)))
        (copy / REVISION_FILE).write_text(json.dumps(code_revision(root)), encoding="utf-8")
    return source


def cache_folder(root: Path) -> Path:
    """Where DVC keeps the files of a project.

    Raises:
        SegTalkerError: DVC cannot tell.
    """
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    answer = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SegTalkerError(f"dvc cache dir failed: {answer.stderr.strip().splitlines()[-1:]}")
    return (root / answer.stdout.strip()).resolve()


def trial_folder(folder: Path, number: int) -> Path:
    """The folder of a trial.

    Args:
        folder: of the sweep.
        number: of the trial.
    """
    return folder / TRIALS / f"{number:04d}"


def log_file(trial: Path) -> Path:
    """What a trial said, beside its folder."""
    return trial.with_suffix(".log")


def _shared(root: Path) -> Iterator[Path]:
    """What else lies in the project folder, such as `raw/`: params may name it."""
    for path in sorted(root.iterdir()):
        if path.name[0] != "." and path.name not in _NOT_SHARED and not path.name.startswith("mlflow.db"):
            yield path


def prepare(root: Path, folder: Path, number: int, experiment: str, cache: Path) -> Path:
    """The folder of a trial, made if need be; one that was interrupted goes on in its own.

    Args:
        root: the project folder.
        folder: of the sweep.
        number: of the trial.
        experiment: its name; networks of others may be started from.
        cache: see `cache_folder`.
    """
    trial = trial_folder(folder, number)
    # last of all: a folder that has it is whole
    config = trial / ".dvc" / "config"
    if config.is_file():
        return trial
    source = (folder / SOURCE).resolve()
    for name in (*_WRITTEN, _TMP):
        (trial / name).mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        if (source / name).is_file():
            shutil.copy2(source / name, trial / name)
    # all that was made before is taken up from the saved locks, and with it what DVC has to fetch from its cache
    (trial / _LOCK).write_text("schema: '2.0'\nstages: {}\n", encoding="utf-8")
    cache.mkdir(parents=True, exist_ok=True)
    locks = root / _SAVED_LOCKS
    locks.mkdir(parents=True, exist_ok=True)
    links = {name: source / name for name in _LINKED} | {".dvc/cache": cache, str(_SAVED_LOCKS): locks}
    links |= {path.name: path for path in _shared(root)}
    models = root / "models"
    links |= {f"models/{path.name}": path for path in models.glob("[!.]*") if path.name != experiment}
    for name, target in links.items():
        remove(trial / name)
        (trial / name).symlink_to(target.resolve())
    config.write_text(_WITHOUT_GIT, encoding="utf-8")
    return trial


def refuse_unshared_paths(params: Params, root: Path, experiment: str) -> None:
    """Sees to it that a trial finds the files its params name, and no others in their place.

    Args:
        params: of the trial.
        root: the project folder; relative paths begin there, in a trial at its own folder.
        experiment: that is swept.

    Raises:
        BadInputError: a relative path leaves what a trial shares, with a line for each.
    """
    shared = {path.name for path in _shared(root)} | {*_LINKED, *_FILES}
    lines = []
    for need in needs(params):
        if not need.path:
            continue
        path = expand_path(need.path, need.key)
        first, *others = Path(os.path.normpath(path)).parts or (".",)
        is_model = first == "models" and others and others[0] != experiment
        # a link may lead elsewhere, and `..` behind it elsewhere again
        if not path.is_absolute() and (".." in path.parts or not (first in shared or is_model)):
            lines.append(f"{need.key}: {need.path}: is no place of a trial, which has a folder of its own; "
                         f"name it in full: {(root / path).resolve()}")  # fmt: skip
    if lines:
        raise BadInputError("\n".join(dict.fromkeys(lines)))


def clear(trial: Path) -> None:
    """Removes what a trial's folder shares with others or DVC's cache holds; reports and locks stay."""
    for path in trial.iterdir():
        if path.is_symlink() or path.name in _WRITTEN[:-1]:
            remove(path)
    remove(trial / ".dvc")
