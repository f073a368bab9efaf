"""MLflow: one parent run an experiment, one child run each time a stage runs; written here and read back."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import FileInfo, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from segtalker.utils.errors import BadInputError, SegTalkerError

DEFAULT_URI = "sqlite:///mlflow.db"
EXPERIMENT = "segtalker"
_BATCH = 100
_KIND, _STAGE, _SIGNATURE = "segtalker.kind", "segtalker.stage", "segtalker.signature"
_PROTOCOL = "segtalker.evaluation.protocol"
_SQLITE = "sqlite:///"
_PAGE = 1000
_REASON_LENGTH = 300
_MAX_BYTES = 256 * 2**20
# a person waits; MLflow's own patience is minutes
_READING = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, else a database in the project folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def _experiment_id(client: MlflowClient) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    return found.experiment_id if found else client.create_experiment(EXPERIMENT)


def _log_params(client: MlflowClient, run_id: str, content: Mapping[str, Any]) -> None:
    params = [Param(key, value) for key, value in _flat(content).items()]
    for start in range(0, len(params), _BATCH):
        client.log_batch(run_id, params=params[start : start + _BATCH])


def _parent_run(client: MlflowClient, experiment_id: str, name: str, signature: str, params: Mapping[str, Any]) -> str:
    """The run of the experiment with this signature, made at its first stage."""
    query = f"tags.`{_KIND}` = 'experiment' and tags.`{_SIGNATURE}` = '{signature}'"
    if found := client.search_runs([experiment_id], query, max_results=1):
        return found[0].info.run_id
    tags = {_KIND: "experiment", _SIGNATURE: signature, MLFLOW_RUN_NAME: name}
    run_id = client.create_run(experiment_id, tags=tags).info.run_id
    _log_params(client, run_id, params)
    return run_id


def _close_killed(client: MlflowClient, experiment_id: str, parent_id: str, stage: str) -> None:
    """Runs of a stage that was killed would seem to run for ever."""
    query = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent_id}' and tags.`{_STAGE}` = '{stage}' and status = 'RUNNING'"
    for run in client.search_runs([experiment_id], query):
        client.set_terminated(run.info.run_id, "KILLED")


@dataclass(frozen=True)
class StageTracker:
    """The MLflow run of one stage, or of one evaluation.

    Args:
        client: the connection.
        run_id: its run.
        parent_id: the experiment's run, None of an evaluation.
    """

    client: MlflowClient
    run_id: str
    parent_id: str | None

    @property
    def _both(self) -> tuple[str, ...]:
        return (self.run_id,) if self.parent_id is None else (self.run_id, self.parent_id)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None, parent: bool = False) -> None:
        """Logs finite or infinite numbers; `parent` puts them on the experiment's run too."""
        now = int(time.time() * 1000)
        batch = [Metric(name, float(value), now, step or 0) for name, value in metrics.items()]
        for run_id in self._both if parent else (self.run_id,):
            for start in range(0, len(batch), _BATCH):
                self.client.log_batch(run_id, metrics=batch[start : start + _BATCH])

    def log_protocol(self, protocol: str) -> None:
        """Says by which protocol was measured, see `segtalker.evaluation.protocol`; on the experiment's run too."""
        for run_id in self._both:
            self.client.set_tag(run_id, _PROTOCOL, protocol)

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Copies a file, or a folder with what is in it under its own name, to `folder` of the run's artifacts."""
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), artifact_path=str(PurePosixPath(folder, path.name)))
        else:
            self.client.log_artifact(self.run_id, str(path), artifact_path=folder or None)

    def finish(self, succeeded: bool) -> None:
        """Closes the run and marks the experiment's run with its state."""
        for run_id in self._both:
            self.client.set_terminated(run_id, "FINISHED" if succeeded else "FAILED")


def _silence() -> None:
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def _answering(uri: str) -> Iterator[None]:
    """Whatever goes wrong within is told as a store that does not answer."""
    try:
        yield
    except SegTalkerError:
        raise
    except Exception as error:
        # database drivers have errors of their own
        known = isinstance(error, MlflowException | OSError) or type(error).__module__.startswith("sqlalchemy")
        if not known:
            raise
        reason = " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__
        raise SegTalkerError(f"MLflow at {uri} does not answer ({reason}); check MLFLOW_TRACKING_URI") from error


def start_stage(
    *,
    stage: str,
    name: str,
    experiment_signature: str,
    signature: str,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
) -> StageTracker:
    """Opens the run of a stage under the run of its experiment.

    Args:
        stage: its name.
        name: of the experiment's run, given when its first stage runs.
        experiment_signature: finds the parent again in later stages and after an interruption.
        signature: the stage's own signature.
        params: all params; the parent holds them all, the child `base` and its own.
        tags: git revision and the like.

    Raises:
        SegTalkerError: the store does not answer.
    """
    _silence()
    uri = tracking_uri()
    with _answering(uri):
        client = MlflowClient(uri)
        experiment_id = _experiment_id(client)
        parent_id = _parent_run(client, experiment_id, name, experiment_signature, params)
        client.update_run(parent_id, status="RUNNING")
        _close_killed(client, experiment_id, parent_id, stage)
        named = {_KIND: "stage", _STAGE: stage, _SIGNATURE: signature, MLFLOW_RUN_NAME: stage}
        named[MLFLOW_PARENT_RUN_ID] = parent_id
        run_id = client.create_run(experiment_id, tags=named | dict(tags)).info.run_id
        client.log_batch(parent_id, tags=[RunTag(key, value) for key, value in tags.items()])
        _log_params(client, run_id, {key: params[key] for key in ("base", stage)})
    return StageTracker(client, run_id, parent_id)


def start_evaluation(
    *, name: str, protocol: str, signature: str, params: Mapping[str, Any], tags: Mapping[str, str]
) -> StageTracker:
    """Opens the run of an evaluation that belongs to no stage, such as of videos made elsewhere.

    Args:
        name: of the run.
        protocol: see `segtalker.evaluation.protocol.protocol_signature`.
        signature: names what was evaluated, 64 hex digits, or empty.
        params: logged with it, nested; at least the section `tables`, by which its tables are made.
        tags: `segtalker.experiment`, `segtalker.dataset`, git revision and the like.

    Raises:
        SegTalkerError: the store does not answer.
    """
    _silence()
    uri = tracking_uri()
    with _answering(uri):
        client = MlflowClient(uri)
        named = {_KIND: "evaluation", _PROTOCOL: protocol, _SIGNATURE: signature, MLFLOW_RUN_NAME: name}
        run_id = client.create_run(_experiment_id(client), tags=dict(tags) | named).info.run_id
        _log_params(client, run_id, params)
    return StageTracker(client, run_id, None)


@dataclass(frozen=True)
class StoredRun:
    """A run as MLflow holds it.

    Args:
        run_id: 32 hex digits.
        name: for people.
        kind: `experiment`, `stage` or `evaluation`.
        stage: its name, empty but of a stage.
        parent_id: the experiment's run of a stage, else empty.
        status: `FINISHED`, `RUNNING`, `FAILED`, `KILLED`.
        ended: when it ended, or if it has not, when it started.
        tags: all of them.
        params: all of them, `section.key`, as text.
        metrics: last value of each.
    """

    run_id: str
    name: str
    kind: str
    stage: str
    parent_id: str
    status: str
    ended: datetime
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.tags.get("segtalker.experiment", "")

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.tags.get("segtalker.dataset", "")

    @property
    def signature(self) -> str:
        """See `segtalker.tracking.provenance.signature`; empty where none was logged."""
        return self.tags.get(_SIGNATURE, "")

    @property
    def protocol(self) -> str:
        """See `segtalker.evaluation.protocol.protocol_signature`; empty where none was logged."""
        return self.tags.get(_PROTOCOL, "")


def _stored(run: Run) -> StoredRun:
    tags, info = dict(run.data.tags), run.info
    return StoredRun(
        run_id=info.run_id,
        name=info.run_name or info.run_id,
        kind=tags.get(_KIND, ""),
        stage=tags.get(_STAGE, ""),
        parent_id=tags.get(MLFLOW_PARENT_RUN_ID, ""),
        status=info.status,
        ended=datetime.fromtimestamp((info.end_time or info.start_time or 0) / 1000, UTC),
        tags=tags,
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
    )


def is_safe_path(path: str) -> bool:
    """Whether an artifact's path stays where it is put: relative, plain parts, no way up."""
    parts = path.split("/")
    return bool(path) and "\\" not in path and path.isprintable() and not {"", ".", ".."} & set(parts)


def _is_sound(item: FileInfo, folder: str) -> bool:
    inside = is_safe_path(item.path) and str(PurePosixPath(item.path).parent) == folder
    return inside and (item.file_size or 0) <= _MAX_BYTES


class RunStore:
    """Runs and their files, to be read.

    Args:
        uri: of the store.

    Raises:
        SegTalkerError: it does not answer; each method says the same.
    """

    def __init__(self, uri: str) -> None:
        _silence()
        self.uri = uri
        self._listed: dict[tuple[str, str], list[str]] = {}
        for name, value in _READING.items():
            os.environ.setdefault(name, value)
        with _answering(uri):
            self._client = MlflowClient(uri)

    @classmethod
    def open(cls, root: Path) -> "RunStore":
        """The store that `MLFLOW_TRACKING_URI` names, else the database of a project.

        Args:
            root: the project folder.

        Raises:
            BadInputError: there is no such database; nobody has run anything here.
        """
        uri = (
            os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{(root / DEFAULT_URI.removeprefix(_SQLITE)).resolve()}"
        )
        if uri.startswith(_SQLITE) and not Path(uri.removeprefix(_SQLITE)).is_file():
            raise BadInputError(
                f"{uri.removeprefix(_SQLITE)}: no such file, so no runs; run segtalker reproduce, or set "
                "MLFLOW_TRACKING_URI"
            )
        return cls(uri)

    @cached_property
    def runs(self) -> list[StoredRun]:
        """All of them, of every kind, the one that ended last first."""
        with _answering(self.uri):
            experiment = self._client.get_experiment_by_name(EXPERIMENT)
            found, token, more = list[Run](), None, experiment is not None
            while experiment is not None and more:
                page = self._client.search_runs([experiment.experiment_id], max_results=_PAGE, page_token=token)
                found, token = [*found, *page], page.token
                more = bool(token)
        return sorted(map(_stored, found), key=lambda run: (run.ended, run.run_id), reverse=True)

    def files(self, run_id: str, folder: str) -> list[str]:
        """Paths of the files in a folder of a run's artifacts, empty where there is no such folder.

        Paths that lead elsewhere are left out.
        """
        key = (run_id, folder)
        if key not in self._listed:
            with _answering(self.uri):
                items = self._client.list_artifacts(run_id, folder)
            self._listed[key] = [item.path for item in items if not item.is_dir and _is_sound(item, folder)]
        return self._listed[key]

    def fetch(self, run_id: str, path: str) -> bytes:
        """The content of a file among a run's artifacts.

        Raises:
            BadInputError: there is none, its path leads elsewhere, or it is too large.
        """
        folder = str(PurePosixPath(path).parent)
        if not is_safe_path(path) or path not in self.files(run_id, folder):
            raise BadInputError(f"run {run_id[:8]}: no file {path!r} is kept with it at {self.uri}")
        with tempfile.TemporaryDirectory() as temporary, _answering(self.uri):
            file = Path(self._client.download_artifacts(run_id, path, temporary))
            inside = file.resolve().is_relative_to(Path(temporary).resolve())
            if not inside or not file.is_file() or file.stat().st_size > _MAX_BYTES:
                raise BadInputError(f"run {run_id[:8]}: {path!r} at {self.uri} is no plain file; it is not read")
            return file.read_bytes()
