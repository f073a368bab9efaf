"""MLflow: one parent run an experiment, one child run each time a stage runs."""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from segtalker.errors import SegTalkerError

DEFAULT_URI = "sqlite:///mlflow.db"
EXPERIMENT = "segtalker"
_BATCH = 100
_KIND, _STAGE, _SIGNATURE = "segtalker.kind", "segtalker.stage", "segtalker.signature"


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
    """The MLflow run of one stage.

    Args:
        client: the connection.
        run_id: the stage's run.
        parent_id: the experiment's run.
    """

    client: MlflowClient
    run_id: str
    parent_id: str

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None, parent: bool = False) -> None:
        """Logs finite or infinite numbers; `parent` puts them on the experiment's run too."""
        now = int(time.time() * 1000)
        batch = [Metric(name, float(value), now, step or 0) for name, value in metrics.items()]
        for run_id in (self.run_id, self.parent_id) if parent else (self.run_id,):
            for start in range(0, len(batch), _BATCH):
                self.client.log_batch(run_id, metrics=batch[start : start + _BATCH])

    def log_artifact(self, path: Path) -> None:
        """Copies a file, or a folder with what is in it, to the run's artifacts."""
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), artifact_path=path.name)
        else:
            self.client.log_artifact(self.run_id, str(path))

    def finish(self, succeeded: bool) -> None:
        """Closes the stage's run and marks the experiment's run with its state."""
        status = "FINISHED" if succeeded else "FAILED"
        self.client.set_terminated(self.run_id, status)
        self.client.set_terminated(self.parent_id, status)


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
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    uri = tracking_uri()
    try:
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
    except MlflowException as error:
        reason = str(error).splitlines()[0]
        raise SegTalkerError(f"MLflow at {uri} does not answer ({reason}); check MLFLOW_TRACKING_URI") from error
    return StageTracker(client, run_id, parent_id)
