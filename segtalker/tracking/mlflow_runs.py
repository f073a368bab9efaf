"""MLflow: one parent run an experiment, one child run each time a stage runs."""

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME, MLFLOW_USER

from segtalker.tracking.dataset_inputs import log_dataset
from segtalker.tracking.local_artifacts import ARTIFACTS, artifact_location, follow_database
from segtalker.tracking.param_drift import last_of_experiment, note_drift
from segtalker.tracking.run_origin import RunOwner, workspace_lock
from segtalker.tracking.store_address import (
    check_store,
    conceal,
    database_path,
    project_database,
    public_uri,
    tracking_uri,
)
from segtalker.utils.errors import SegTalkerError

EXPERIMENT = "segtalker"
KIND_TAG, STAGE_TAG, SIGNATURE_TAG = "segtalker.kind", "segtalker.stage", "segtalker.signature"
PROTOCOL_TAG = "segtalker.protocol"
CODE_TAG, DATA_TAG = "segtalker.code", "segtalker.data"
SWEEP_TAG = "segtalker.sweep"
HOST_TAG, WORKSPACE_TAG = "segtalker.host", "segtalker.workspace"
PACKAGES_FILE = "packages.txt"
# the view in which MLflow's pages open an experiment; without it they take this one for a chat bot's
_VIEW_TAGS = {"mlflow.experimentKind": "custom_model_development"}
_BATCH = 100
_REASON_LENGTH = 300


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def owner_tags(owner: RunOwner) -> dict[str, str]:
    """Whose a run is."""
    return {MLFLOW_USER: owner.user, HOST_TAG: owner.host, WORKSPACE_TAG: owner.workspace}


@dataclass(frozen=True)
class RunIdentity:
    """What makes an experiment's run another one: what it is made of, and whose it is.

    Args:
        params: hash of all params.
        code: hash of the code of all stages.
        data: hash of the raw material, empty before there is any.
        owner: whose it is; equal experiments of two people, or of two folders, are two runs.
    """

    params: str
    code: str
    data: str
    owner: RunOwner

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which the run is found again."""
        return {SIGNATURE_TAG: self.params, CODE_TAG: self.code, DATA_TAG: self.data} | owner_tags(self.owner)


def store_error(error: BaseException, uri: str) -> SegTalkerError:
    """An error of MLflow or of what it stands on, as one line without secrets."""
    reason = conceal(" ".join(str(error).split()))[:_REASON_LENGTH] or type(error).__name__
    return SegTalkerError(f"MLflow at {public_uri(uri)} does not answer ({reason}); check MLFLOW_TRACKING_URI")


def is_store_error(error: BaseException) -> bool:
    """Whether MLflow or the database under it raised an error."""
    # database drivers have errors of their own
    module = type(error).__module__.partition(".")[0]
    return isinstance(error, MlflowException) or module in ("sqlalchemy", "sqlite3")


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Whatever goes wrong within is told as a store that does not answer."""
    try:
        yield
    except SegTalkerError:
        raise
    except Exception as error:
        if not is_store_error(error) and not isinstance(error, OSError):
            raise
        raise store_error(error, uri) from None  # the cause may show the address with its password


def silence() -> None:
    """Nothing of what MLflow says to nobody in particular."""
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def open_client(uri: str, root: Path) -> MlflowClient:
    """A client of a store whose artifacts lie where the store says.

    Args:
        uri: of the store; where it is relative, the working folder is `root`.
        root: the project folder.
    """
    silence()
    path, client = database_path(uri, root), MlflowClient(uri)
    if path is not None:
        if path == project_database(root):
            (path.parent / ARTIFACTS).mkdir(exist_ok=True)
        follow_database(path)
        client.search_experiments(max_results=1)  # opens it, while the working folder is what it is
    return client


def _experiment_id(client: MlflowClient, uri: str, root: Path) -> str:
    """The experiment that holds every run, made at the first one."""
    path = database_path(uri, root)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        location = artifact_location(path, EXPERIMENT) if path else None
        try:
            return client.create_experiment(EXPERIMENT, location, dict(_VIEW_TAGS))
        except MlflowException:  # made by another process meanwhile
            experiment = client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                raise
    for name, value in _VIEW_TAGS.items():
        if name not in experiment.tags:  # of before
            client.set_experiment_tag(experiment.experiment_id, name, value)
    return experiment.experiment_id


@dataclass(frozen=True)
class Store:
    """A store that is written to, and whose runs these are."""

    client: MlflowClient
    uri: str
    experiment_id: str
    root: Path

    def log_params(self, run_id: str, content: Mapping[str, Any]) -> None:
        """Logs nested params as `section.key`."""
        params = [Param(key, value) for key, value in _flat(content).items()]
        for start in range(0, len(params), _BATCH):
            self.client.log_batch(run_id, params=params[start : start + _BATCH])

    def log_packages(self, run_id: str, packages: Mapping[str, str]) -> None:
        """Keeps the list of installed packages with a run, one `name==version` a line."""
        lines = "".join(f"{name}=={version}\n" for name, version in packages.items())
        self.client.log_text(run_id, lines, PACKAGES_FILE)

    def search(self, tags: Mapping[str, str], status: str = "") -> list[Run]:
        """Runs with these tags, the newest first."""
        # names of people and hosts are compared below: a quote in one would end the query's
        plain = {name: value for name, value in tags.items() if re.fullmatch(r"\w+", value)}
        query = [f"tags.`{name}` = '{value}'" for name, value in plain.items()]
        query += [f"status = '{status}'"] if status else []
        runs = self.client.search_runs([self.experiment_id], " and ".join(query), order_by=["start_time DESC"])
        return [run for run in runs if all(run.data.tags.get(name, "") == value for name, value in tags.items())]


def open_store(root: Path) -> Store:
    """The store that `MLFLOW_TRACKING_URI` names, else the database of a project, to be written to.

    Args:
        root: the project folder, which is the working folder where the address is relative.

    Raises:
        SegTalkerError: it does not answer.
    """
    check_store(root)
    uri = tracking_uri(root)
    client = open_client(uri, root)
    return Store(client, uri, _experiment_id(client, uri, root), root)


def _close_killed(store: Store, owner: RunOwner, stage: str) -> None:
    """Runs of a stage that was killed would seem to run for ever; those of other folders may run."""
    for run in store.search({STAGE_TAG: stage, KIND_TAG: "stage"} | owner_tags(owner), "RUNNING"):
        store.client.set_terminated(run.info.run_id, "KILLED")


def _parent_status(children: Sequence[Run]) -> str:
    """What the last run of each stage says of the whole.

    Args:
        children: runs of stages, the newest first.
    """
    last = {run.data.tags.get(STAGE_TAG, ""): run.info.status for run in reversed(children)}
    return next((status for status in ("RUNNING", "FAILED", "KILLED") if status in last.values()), "FINISHED")


@dataclass(frozen=True)
class ParentRun:
    """How the run of an experiment is found, or made at its first stage.

    Args:
        name: for people.
        identity: what makes it another one.
        params: all of them.
        tags: of its last stage: git revision, hardware and the like.
        packages: installed ones.
    """

    name: str
    identity: RunIdentity
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    packages: Mapping[str, str]


class StageTracker:
    """The MLflow run of one stage, or of one evaluation.

    Args:
        store: it is in.
        run_id: its run.
        parent: the experiment's run, None of an evaluation.
    """

    def __init__(self, store: Store, run_id: str, parent: ParentRun | None) -> None:
        self._store = store
        self._parent = parent
        self.run_id = run_id
        self.parent_id: str | None = None

    @property
    def uri(self) -> str:
        """Address of the store."""
        return self._store.uri

    @property
    def _run_ids(self) -> tuple[str, ...]:
        return (self.run_id,) if self.parent_id is None else (self.run_id, self.parent_id)

    def join_parent(self, data: str) -> None:
        """Puts the stage's run under its experiment's, which is found or made.

        Args:
            data: hash of the raw material.
        """
        if self._parent is None:
            return
        client = self._store.client
        with answering(self.uri):
            self.parent_id = _find_parent(self._store, self._parent, replace(self._parent.identity, data=data))
            client.set_tag(self.run_id, MLFLOW_PARENT_RUN_ID, self.parent_id)
            client.set_tag(self.run_id, DATA_TAG, data)
            log_dataset(client, self._run_ids, self._parent.tags, data)
            client.log_batch(self.parent_id, tags=[RunTag(key, value) for key, value in self._parent.tags.items()])
            client.update_run(self.parent_id, status="RUNNING")

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None, parent: bool = False) -> None:
        """Logs finite or infinite numbers; `parent` puts them on the experiment's run too."""
        now = int(time.time() * 1000)
        batch = [Metric(name, float(value), now, step or 0) for name, value in metrics.items()]
        with answering(self.uri):
            for run_id in self._run_ids if parent else (self.run_id,):
                for start in range(0, len(batch), _BATCH):
                    self._store.client.log_batch(run_id, metrics=batch[start : start + _BATCH])

    def log_protocol(self, protocol: str) -> None:
        """Says by which protocol was measured, see `segtalker.evaluation.protocol`; on the experiment's run too."""
        with answering(self.uri):
            for run_id in self._run_ids:
                self._store.client.set_tag(run_id, PROTOCOL_TAG, protocol)

    def log_artifact(self, path: Path, folder: str = "", parent: bool = False) -> None:
        """Copies a file, or a folder with what is in it under its own name, to `folder` of the run's artifacts.

        Args:
            path: of the file or folder.
            folder: of the artifacts.
            parent: keep it with the experiment's run in place of the stage's.
        """
        run_id = self.parent_id if parent and self.parent_id else self.run_id
        with answering(self.uri):
            if path.is_dir():
                self._store.client.log_artifacts(run_id, str(path), str(PurePosixPath(folder, path.name)))
            else:
                self._store.client.log_artifact(run_id, str(path), folder or None)

    def finish(self, succeeded: bool) -> None:
        """Closes the run and marks the experiment's run with the state of its stages."""
        client = self._store.client
        with answering(self.uri):
            client.set_terminated(self.run_id, "FINISHED" if succeeded else "FAILED")
            if self.parent_id is None:
                return
            status = _parent_status(self._store.search({MLFLOW_PARENT_RUN_ID: self.parent_id}))
            if status == "RUNNING":
                client.update_run(self.parent_id, status=status)
            else:
                client.set_terminated(self.parent_id, status)


def _find_parent(store: Store, parent: ParentRun, identity: RunIdentity) -> str:
    """The run of an experiment with this identity, made if there is none.

    One whose raw material could not be fetched is taken up when it was.
    """
    tags = {KIND_TAG: "experiment"} | identity.tags
    # stages that start at the same time must not make two
    with workspace_lock(store.root):
        if runs := store.search(tags):
            note_drift(store.client, runs[0], runs[0].info.run_id, _flat(parent.params))
            return runs[0].info.run_id
        if runs := store.search(tags | {DATA_TAG: ""}):
            store.client.set_tag(runs[0].info.run_id, DATA_TAG, identity.data)
            return runs[0].info.run_id
        same = {KIND_TAG: "experiment", WORKSPACE_TAG: identity.owner.workspace}
        earlier = last_of_experiment(store.client, store.experiment_id, same, parent.tags)
        run_tags = tags | {MLFLOW_RUN_NAME: parent.name}
        run_id = store.client.create_run(store.experiment_id, tags=run_tags).info.run_id
    store.log_params(run_id, parent.params)
    store.log_packages(run_id, parent.packages)
    if earlier:
        note_drift(store.client, earlier, run_id, _flat(parent.params))
    return run_id


def start_stage(*, root: Path, stage: str, signature: str, code: str, parent: ParentRun) -> StageTracker:
    """Opens the run of a stage.

    Where its raw material is known, the run stands under that of its experiment at once; else, of the stage that
    fetches it, from `StageTracker.join_parent` on.

    Args:
        root: the project folder, which is the working folder.
        stage: its name.
        signature: the stage's own signature.
        code: hash of the stage's code.
        parent: the experiment's run; it holds all params, the stage's run `base` and its own.

    Raises:
        SegTalkerError: the store does not answer.
    """
    with answering(tracking_uri(root)):
        store = open_store(root)
        owner = parent.identity.owner
        _close_killed(store, owner, stage)
        tags = {KIND_TAG: "stage", STAGE_TAG: stage, SIGNATURE_TAG: signature, CODE_TAG: code, MLFLOW_RUN_NAME: stage}
        tags |= dict(parent.tags) | owner_tags(owner)
        run_id = store.client.create_run(store.experiment_id, tags=tags).info.run_id
        store.log_params(run_id, {key: parent.params[key] for key in ("base", stage)})
    tracker = StageTracker(store, run_id, parent)
    if parent.identity.data:
        tracker.join_parent(parent.identity.data)
    return tracker


def start_evaluation(
    *,
    root: Path,
    name: str,
    protocol: str,
    signature: str,
    owner: RunOwner,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
) -> StageTracker:
    """Opens the run of an evaluation that belongs to no stage, such as of videos made elsewhere.

    Args:
        root: the project folder, which is the working folder.
        name: of the run.
        protocol: see `segtalker.evaluation.protocol.protocol_signature`.
        signature: names what was evaluated, 64 hex digits, or empty.
        owner: whose it is.
        params: logged with it, nested; at least the section `tables`, by which its tables are made.
        tags: `segtalker.experiment`, `segtalker.dataset`, git revision and the like.

    Raises:
        SegTalkerError: the store does not answer.
    """
    with answering(tracking_uri(root)):
        store = open_store(root)
        run_tags = {KIND_TAG: "evaluation", PROTOCOL_TAG: protocol, SIGNATURE_TAG: signature, MLFLOW_RUN_NAME: name}
        run_tags |= owner_tags(owner)
        run_id = store.client.create_run(store.experiment_id, tags=dict(tags) | run_tags).info.run_id
        store.log_params(run_id, params)
    return StageTracker(store, run_id, None)
