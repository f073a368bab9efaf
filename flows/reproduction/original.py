"""The run that is to be made again, as MLflow holds it: what it was made from and what came out."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from segtalker.config.evaluation import Tables
from segtalker.config.params import CODE_FILE, EXPERIMENT_FILE, PARAMS_FILE
from segtalker.reporting.comparison.find_run import describe_run, find_run, plain_text, whole_runs
from segtalker.reporting.comparison.loaded_run import LoadedRun, load_run
from segtalker.tracking.mlflow_runs import PACKAGES_FILE
from segtalker.tracking.run_store import RunStore, StoredRun
from segtalker.tracking.store_address import DATABASE, SQLITE, URI_VARIABLE
from segtalker.utils.errors import BadInputError

LOCK_FILE = "dvc.lock"
_SHOWN = 6
_SIGNATURE = re.compile(r"[0-9a-f]{6,64}")
_STORE_VARIABLES = (URI_VARIABLE, "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@dataclass(frozen=True)
class Original:
    """A run that is to be made again.

    Args:
        loaded: it, with its scores.
        experiment: content of its `experiment.yaml`.
        defaults: content of its `params.yaml`.
        code: hash of each stage's code.
        lock: its `dvc.lock`, as it was when the stage `tables` began.
        packages: name and version of what was installed.
    """

    loaded: LoadedRun
    experiment: Mapping[str, Any]
    defaults: Mapping[str, Any]
    code: Mapping[str, str]
    lock: bytes
    packages: Mapping[str, str]

    @property
    def run(self) -> StoredRun:
        """The experiment's run."""
        return self.loaded.run

    @property
    def name(self) -> str:
        """For people: `run 7ab076cc demo base.seed=8`."""
        return f"run {describe_run(self.run)}"

    @property
    def revision(self) -> str:
        """The git revision that was checked out; `none` outside a repository."""
        return self.run.tags.get("segtalker.git_revision", "none")

    @property
    def is_modified(self) -> bool:
        """Whether files differed from that revision."""
        return self.run.tags.get("segtalker.git_dirty") == "true"

    @cached_property
    def outputs(self) -> dict[str, dict[str, str]]:
        """What each stage made: path and hash."""
        return locked_outputs(self.lock)


def some_of(items: Sequence[str], comma: str = ", ") -> str:
    """The first of several things, and how many more there are."""
    return comma.join(items[:_SHOWN]) + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")


def locked_outputs(lock: bytes) -> dict[str, dict[str, str]]:
    """What a `dvc.lock` says came out of each stage, path and hash; nothing of one that cannot be read."""
    try:
        stages = YAML(typ="safe").load(lock.decode())["stages"]
        return {stage: {out["path"]: out["md5"] for out in entry["outs"]} for stage, entry in stages.items()}
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return {}


@contextmanager
def _tracking_at(uri: str) -> Iterator[None]:
    """The store that is read is another one than that which is written to, while it is read."""
    before = {name: os.environ.get(name) for name in _STORE_VARIABLES}
    if uri:
        os.environ[URI_VARIABLE] = uri if "://" in uri else f"{SQLITE}{_database(Path(uri).expanduser())}"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _database(path: Path) -> Path:
    """The database that a path means: its own, or that of a project folder."""
    file = path / DATABASE if path.is_dir() else path
    if not file.is_file():
        raise BadInputError(f"--tracking {path}: no such file; name an MLflow address or the {DATABASE} of a project")
    return file.resolve()


def find_original(text: str, runs: list[StoredRun]) -> StoredRun:
    """The run a word means: as `find_run`, or the beginning of a signature, its own or one of its stages'.

    Args:
        text: six characters of a signature at least.
        runs: all of the store, the last one first.

    Raises:
        BadInputError: there is none, more than one, or none that can be made again.
    """
    word = text.lower()
    is_id = any(run.run_id.startswith(word) for run in runs)
    if _SIGNATURE.fullmatch(word) and not is_id:
        keys = {run.parent_id or run.run_id for run in runs if run.signature.startswith(word)}
        keys |= {run.run_id for run in runs if run.kind == "experiment" and run.signature.startswith(word)}
        if matches := [run for run in whole_runs(runs) if run.run_id in keys and run.kind == "experiment"]:
            return _only(text, matches)
    run = find_run(text, runs)
    if run.kind != "experiment":
        raise BadInputError(f"--from {plain_text(text)}: {describe_run(run)} measured videos; no experiment made them")
    return run


def _only(text: str, matches: list[StoredRun]) -> StoredRun:
    if len(matches) > 1:
        listed = ", ".join(f"{describe_run(run)} of {plain_text(run.user)}@{plain_text(run.host)}" for run in matches)
        raise BadInputError(f"--from {text}: that signature have {listed}; name one by its id")
    return matches[0]


def read_original(root: Path, text: str, tracking: str, fallback: Tables) -> Original:
    """Finds a run and reads all that is kept with it.

    Args:
        root: the project folder.
        text: what names the run, see `find_original`.
        tracking: address of the store, or path of its database; empty for the one that runs are written to.
        fallback: how tables are made where the run did not log it.

    Raises:
        BadInputError: there is no such run, or it was not kept whole.
        SegTalkerError: the store does not answer.
    """
    with _tracking_at(tracking):
        store = RunStore.open(root)
        run = find_original(text, store.runs)
        loaded = load_run(store, run, fallback)
        contents = {name: _content(store, run, name) for name in (EXPERIMENT_FILE, PARAMS_FILE, CODE_FILE)}
        code = {stage: str(value) for stage, value in contents[CODE_FILE].items()}
        packages = dict(_lines(store, run, PACKAGES_FILE))
        lock = store.fetch(run.run_id, LOCK_FILE) if LOCK_FILE in store.files(run.run_id, ".") else b""
        return Original(loaded, contents[EXPERIMENT_FILE], contents[PARAMS_FILE], code, lock, packages)


def _content(store: RunStore, run: StoredRun, name: str) -> dict[str, Any]:
    """A YAML file that is kept with a run."""
    if name not in store.files(run.run_id, "."):
        raise BadInputError(
            f"run {describe_run(run)}: {name} is not kept with it, so it cannot be made again from here; "
            "its params stand in MLflow, its revision is "
            f"{plain_text(run.tags.get('segtalker.git_revision', 'none'))}"
        )
    try:
        content = YAML(typ="safe", pure=True).load(store.fetch(run.run_id, name).decode())
    except (YAMLError, UnicodeDecodeError) as error:
        raise BadInputError(f"run {describe_run(run)}: its {name} is not valid YAML") from error
    if not isinstance(content, dict):
        raise BadInputError(f"run {describe_run(run)}: its {name} holds no keys and values")
    return content


def _lines(store: RunStore, run: StoredRun, name: str) -> Iterator[tuple[str, str]]:
    """Names and versions of a list of packages, none where it is not kept."""
    if name in store.files(run.run_id, "."):
        for line in store.fetch(run.run_id, name).decode(errors="replace").splitlines():
            package, _, version = line.partition("==")
            yield package, version
