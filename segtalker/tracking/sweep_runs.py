"""A sweep in MLflow: one run, below it a run a trial, and below that the experiment's own run."""

from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from segtalker.tracking.mlflow_runs import (
    KIND_TAG,
    SIGNATURE_TAG,
    STAGE_TAG,
    SWEEP_TAG,
    WORKSPACE_TAG,
    answering,
    open_store,
    owner_tags,
)
from segtalker.tracking.run_origin import run_owner, workspace_id
from segtalker.tracking.store_address import tracking_uri

_REASON_LENGTH = 500


class SweepRuns:
    """The runs of one sweep.

    Args:
        root: the project folder, which is the working folder where the store's address is relative.
        name: of the sweep.

    Raises:
        SegTalkerError: the store does not answer; each method says the same.
    """

    def __init__(self, root: Path, name: str) -> None:
        self._uri, self._name = tracking_uri(root), name
        self._owner = owner_tags(run_owner(root))
        with answering(self._uri):
            self._store = open_store(root)

    def _create(self, kind: str, name: str, params: Mapping[str, str], tags: Mapping[str, str]) -> str:
        run_tags = {KIND_TAG: kind, SWEEP_TAG: self._name, MLFLOW_RUN_NAME: name} | self._owner | dict(tags)
        with answering(self._uri):
            run_id = self._store.client.create_run(self._store.experiment_id, tags=run_tags).info.run_id
            self._store.client.log_batch(run_id, params=[Param(key, value) for key, value in params.items()])
        return run_id

    def open_sweep(self, run_id: str, settings: Mapping[str, str]) -> str:
        """The run of the sweep, made if there is none yet; it runs from now on.

        Args:
            run_id: of an earlier part of the sweep, else empty.
            settings: logged as its params.
        """
        if not run_id:
            return self._create("sweep", f"sweep {self._name}", settings, {})
        with answering(self._uri):
            self._store.client.update_run(run_id, status="RUNNING")
        return run_id

    def open_trial(self, sweep_id: str, number: int, params: Mapping[str, str], signature: str) -> str:
        """The run of a trial.

        Args:
            sweep_id: run of the sweep.
            number: of the trial.
            params: what it tries.
            signature: of the experiment it is, see `segtalker.tracking.provenance.experiment_signature`.
        """
        name = " ".join([f"{number:04d}", *(f"{key}={value}" for key, value in params.items())])
        return self._create("trial", name, params, {MLFLOW_PARENT_RUN_ID: sweep_id, SIGNATURE_TAG: signature})

    def close(self, run_id: str, status: str, metrics: Mapping[str, float], reason: str = "") -> None:
        """Ends a run.

        Args:
            run_id: of the sweep or a trial.
            status: `FINISHED`, `FAILED`, `KILLED`.
            metrics: of it.
            reason: why it failed or was given up.
        """
        with answering(self._uri):
            for name, value in metrics.items():
                self._store.client.log_metric(run_id, name, value)
            if reason:
                self._store.client.set_tag(run_id, "segtalker.reason", reason[:_REASON_LENGTH])
            self._store.client.set_terminated(run_id, status)

    def adopt(self, trial_id: str, workspace: Path) -> list[str]:
        """Puts the experiment's run of a trial's folder under the trial's; the stages that ran to their end there.

        Args:
            trial_id: run of the trial.
            workspace: its folder.
        """
        own = {WORKSPACE_TAG: workspace_id(workspace)}
        with answering(self._uri):
            for run in self._store.search({KIND_TAG: "experiment"} | own):
                tags = [RunTag(MLFLOW_PARENT_RUN_ID, trial_id), RunTag(SWEEP_TAG, self._name)]
                self._store.client.log_batch(run.info.run_id, tags=tags)
            stages = self._store.search({KIND_TAG: "stage"} | own, "FINISHED")
        return list(dict.fromkeys(run.data.tags[STAGE_TAG] for run in reversed(stages)))

    def curve(self, workspace: Path, stage: str, name: str) -> list[float]:
        """What a training in a trial's folder logged so far, in order, also where it was interrupted.

        Args:
            workspace: the trial's folder.
            stage: the training.
            name: of the quantity, such as `val/mouth_iou`.
        """
        values: dict[int, float] = {}
        with answering(self._uri):
            runs = self._store.search({WORKSPACE_TAG: workspace_id(workspace), STAGE_TAG: stage, KIND_TAG: "stage"})
            for run in reversed(runs):
                history = self._store.client.get_metric_history(run.info.run_id, name)
                values |= {point.step: point.value for point in history}
        return [values[step] for step in sorted(values)]
