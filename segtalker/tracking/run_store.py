"""Runs and their files as MLflow holds them, read back; a store that lies is not believed."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath

from mlflow.entities import FileInfo, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_USER

from segtalker.tracking.mlflow_runs import (
    CODE_TAG,
    DATA_TAG,
    EXPERIMENT,
    HOST_TAG,
    KIND_TAG,
    PROTOCOL_TAG,
    SIGNATURE_TAG,
    STAGE_TAG,
    SWEEP_TAG,
    answering,
    open_client,
)
from segtalker.tracking.param_drift import DRIFT_TAG, EXPERIMENT_TAG
from segtalker.tracking.store_address import check_store, database_path, public_uri, tracking_uri
from segtalker.utils.errors import BadInputError

_PAGE = 1000
_MAX_BYTES = 256 * 2**20
# a person waits; MLflow's own patience is minutes
_READING = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@dataclass(frozen=True)
class StoredRun:
    """A run as MLflow holds it; what a run of an earlier version did not log is empty.

    Args:
        run_id: 32 hex digits.
        name: for people.
        kind: `experiment`, `stage` or `evaluation`.
        stage: its name, empty but of a stage.
        parent_id: the experiment's run of a stage, the trial's run of an experiment in a sweep, else empty.
        status: `FINISHED`, `RUNNING`, `FAILED`, `KILLED`.
        end_time: when it ended, or if it has not, when it started.
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
    end_time: datetime
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.tags.get(EXPERIMENT_TAG, "")

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.tags.get("segtalker.dataset", "")

    @property
    def signature(self) -> str:
        """See `segtalker.tracking.provenance.signature`."""
        return self.tags.get(SIGNATURE_TAG, "")

    @property
    def protocol(self) -> str:
        """See `segtalker.evaluation.protocol.protocol_signature`."""
        return self.tags.get(PROTOCOL_TAG, "")

    @property
    def code(self) -> str:
        """Hash of the code: of all stages, or of a stage's own."""
        return self.tags.get(CODE_TAG, "")

    @property
    def data(self) -> str:
        """Hash of the raw material."""
        return self.tags.get(DATA_TAG, "")

    @property
    def sweep(self) -> str:
        """Name of the sweep it is a trial of, else empty."""
        return self.tags.get(SWEEP_TAG, "")

    @property
    def param_drift(self) -> str:
        """Params by which it differs from what it resumed or repeated, a line each; empty where it does not."""
        return self.tags.get(DRIFT_TAG, "")

    @property
    def user(self) -> str:
        """Whose it is."""
        return self.tags.get(MLFLOW_USER, "")

    @property
    def host(self) -> str:
        """The machine it ran on."""
        return self.tags.get(HOST_TAG, "")


def _stored(run: Run) -> StoredRun:
    tags, info = dict(run.data.tags), run.info
    return StoredRun(
        run_id=info.run_id,
        name=info.run_name or info.run_id,
        kind=tags.get(KIND_TAG, ""),
        stage=tags.get(STAGE_TAG, ""),
        parent_id=tags.get(MLFLOW_PARENT_RUN_ID, ""),
        status=info.status,
        end_time=datetime.fromtimestamp((info.end_time or info.start_time or 0) / 1000, UTC),
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
        root: the project folder.

    Raises:
        SegTalkerError: it does not answer; each method says the same.
    """

    def __init__(self, uri: str, root: Path) -> None:
        self._uri = uri
        self._listed: dict[tuple[str, str], list[str]] = {}
        for name, value in _READING.items():
            os.environ.setdefault(name, value)
        # the address of the project's own database may be relative to it
        with answering(uri), contextlib.chdir(root):
            self._client = open_client(uri, root)

    @classmethod
    def open(cls, root: Path) -> "RunStore":
        """The store that `MLFLOW_TRACKING_URI` names, else the database of a project.

        Args:
            root: the project folder.

        Raises:
            BadInputError: there is no such database; nobody has run anything here.
        """
        uri = tracking_uri(root)
        path = database_path(uri, root)
        if path and not path.is_file():
            raise BadInputError(
                f"{path}: no such file, so no runs; run segtalker reproduce, or set MLFLOW_TRACKING_URI"
            )
        check_store(root)
        return cls(uri, root)

    @property
    def place(self) -> str:
        """The store's address, for people."""
        return public_uri(self._uri)

    @cached_property
    def runs(self) -> list[StoredRun]:
        """All of them, of every kind, the one that ended last first."""
        with answering(self._uri):
            experiment = self._client.get_experiment_by_name(EXPERIMENT)
            mlflow_runs, token, more = list[Run](), None, experiment is not None
            while experiment is not None and more:
                page = self._client.search_runs([experiment.experiment_id], max_results=_PAGE, page_token=token)
                mlflow_runs, token = [*mlflow_runs, *page], page.token
                more = bool(token)
        return sorted(map(_stored, mlflow_runs), key=lambda run: (run.end_time, run.run_id), reverse=True)

    def files(self, run_id: str, folder: str) -> list[str]:
        """Paths of the files in a folder of a run's artifacts, empty where there is no such folder.

        Paths that lead elsewhere are left out.
        """
        key = (run_id, folder)
        if key not in self._listed:
            with answering(self._uri):
                # the folder of a file beside all folders is "." here, which a server takes for a way out
                items = self._client.list_artifacts(run_id, None if folder == "." else folder)
            self._listed[key] = [item.path for item in items if not item.is_dir and _is_sound(item, folder)]
        return self._listed[key]

    def fetch(self, run_id: str, path: str) -> bytes:
        """The content of a file among a run's artifacts.

        Raises:
            BadInputError: there is none, its path leads elsewhere, or it is too large.
        """
        folder = str(PurePosixPath(path).parent)
        if not is_safe_path(path) or path not in self.files(run_id, folder):
            raise BadInputError(f"run {run_id[:8]}: no file {path!r} is kept with it at {self.place}")
        with tempfile.TemporaryDirectory() as temporary, answering(self._uri):
            file = Path(self._client.download_artifacts(run_id, path, temporary))
            inside = file.resolve().is_relative_to(Path(temporary).resolve())
            if not inside or not file.is_file() or file.stat().st_size > _MAX_BYTES:
                raise BadInputError(f"run {run_id[:8]}: {path!r} at {self.place} is no plain file; it is not read")
            return file.read_bytes()
