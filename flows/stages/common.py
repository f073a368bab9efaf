"""What every stage shares: params in, seeds, an MLflow run, one-line errors out."""

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from flows.dvc.code_versions import check_code_file
from flows.dvc.dependency_check import check_unchanged, code_values, first_code_values, input_values
from flows.dvc.stage_process import INTERRUPTED, StageNotes, own_notes
from flows.dvc.trial import TRIAL_VARIABLE, check_trial
from segtalker.config.params import CODE_FILE, Params, load_params, read_yaml
from segtalker.config.stages import Stage
from segtalker.config.training import TrainingStage
from segtalker.config.workspace import Workspace
from segtalker.tracking.provenance import (
    code_signature,
    data_signature,
    experiment_signature,
    git_revision,
    input_hashes,
    read_settings,
    resume_key,
    seed_everything,
    signature,
)
from segtalker.tracking.run_origin import origin_tags, package_versions, run_owner
from segtalker.tracking.store_address import tracking_uri
from segtalker.utils.errors import EXIT_CODE, SegTalkerError, full_disk

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from segtalker.tracking.mlflow_runs import ParentRun, StageTracker

_FETCHING: Stage = "download"  # the raw material is known when it ends
_NAME_LENGTH = 200
# where Lightning finds the number of a process: its own, torchrun's, Slurm's and LSF's
_RANKS = ("LOCAL_RANK", "NODE_RANK", "RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


@dataclass(frozen=True)
class StageRun:
    """One run of one stage.

    Args:
        stage: its name.
        params: all params.
        workspace: folders of the dataset and the experiment, relative to the project.
        signature: names the experiment up to this stage, 64 hex digits.
        tracker: its MLflow run; None on all ranks but the first of a distributed training.
    """

    stage: Stage
    params: Params
    workspace: Workspace
    signature: str
    tracker: "StageTracker | None"

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs to the stage's run; results of `tables` and `evaluate` to the experiment's too."""
        if self.tracker:
            self.tracker.log_metrics(metrics, step, parent=self.stage in ("evaluate", "tables"))

    def log_protocol(self, protocol: str) -> None:
        """Says by which protocol was measured."""
        if self.tracker:
            self.tracker.log_protocol(protocol)

    def log_artifact(self, path: Path, folder: str = "", parent: bool = False) -> None:
        """Keeps a copy of a file or folder with the stage's run, or the experiment's, in `folder` of its artifacts."""
        if self.tracker:
            self.tracker.log_artifact(path, folder, parent)

    @cached_property
    def resume_key(self) -> str:
        """Unfinished work marked with the same key may be continued, 64 hex digits."""
        return resume_key(self.workspace.root, self.stage, self.signature)

    @cached_property
    def logger(self) -> "Logger | None":
        """A Lightning logger that writes to the stage's MLflow run."""
        if self.tracker is None:
            return None
        from pytorch_lightning.loggers import MLFlowLogger

        from segtalker.tracking.mlflow_runs import EXPERIMENT

        return MLFlowLogger(EXPERIMENT, tracking_uri=self.tracker.uri, run_id=self.tracker.run_id)


def quiet() -> None:
    """Silences what other packages say to nobody in particular."""
    warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric|torch|mlflow|prefect)\b")
    warnings.filterwarnings("ignore", message=".*treespec.*")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


def is_first_rank() -> bool:
    """Whether this is the only process of a stage, or the first of those that train together."""
    return all(os.environ.get(name, "0") == "0" for name in _RANKS)


def _run_name(experiment: str, trial: str | None) -> str:
    """The experiment with what is special about this run, to tell runs apart in a list."""
    special = trial or " ".join(read_settings(Path(), experiment))
    return f"{experiment} {special}".strip()[:_NAME_LENGTH]


def _parent_run(params: Params, data: str) -> "ParentRun":
    """The run of the experiment that a stage belongs to.

    Args:
        params: all params.
        data: hash of the raw material, empty where it is not known yet.
    """
    from segtalker.tracking.mlflow_runs import ParentRun, RunIdentity

    root, packages = Path(), package_versions()
    revision, dirty = git_revision(root)
    trial = os.environ.get(TRIAL_VARIABLE)
    tags = {
        "segtalker.experiment": params.active.experiment,
        "segtalker.dataset": params.active.dataset,
        "segtalker.git_revision": revision,
        "segtalker.git_dirty": str(dirty).lower(),
    }
    tags |= {"segtalker.trial": trial} if trial else {}
    return ParentRun(
        name=_run_name(params.active.experiment, trial),
        identity=RunIdentity(experiment_signature(params), code_signature(root), data, run_owner(root)),
        params=params.model_dump(mode="json"),
        tags=tags | origin_tags(root, packages),
        packages=packages,
    )


def _start_tracker(stage: Stage, params: Params, stage_signature: str, inputs: Mapping[str, str]) -> "StageTracker":
    from segtalker.tracking.mlflow_runs import start_stage

    return start_stage(
        root=Path(),
        stage=stage,
        signature=stage_signature,
        code=read_yaml(Path(CODE_FILE))[stage],
        parent=_parent_run(params, "" if stage == _FETCHING else data_signature(inputs)),
    )


def _set_threads(params: Params, stage: Stage) -> None:
    """Gives a training the threads its params say, whatever the machine has: another number sums in another order."""
    section = getattr(params, stage)
    if isinstance(section, TrainingStage):
        import torch

        torch.set_num_threads(section.threads)


def _open(stage: Stage) -> StageRun:
    check_trial(Path())
    check_code_file(Path(), stage)
    params = load_params()
    workspace = Workspace(Path(), params.active.dataset, params.active.experiment)
    inputs = {} if stage == _FETCHING else input_hashes(workspace.data(_FETCHING))
    stage_signature = signature(params, stage, inputs)
    seed_everything(params.base.seed)
    _set_threads(params, stage)
    tracker = _start_tracker(stage, params, stage_signature, inputs) if is_first_rank() else None
    return StageRun(stage, params, workspace, stage_signature, tracker)


def _close(run: StageRun, success: bool) -> None:
    """Ends the MLflow run of a stage."""
    if run.tracker is None:
        return
    if run.stage == _FETCHING:
        inputs = input_hashes(run.workspace.data(_FETCHING)) if success else {}
        run.tracker.join_parent(data_signature(inputs) if success else "")
    run.tracker.finish(success)


def run_stage(body: Callable[[StageRun], None]) -> None:
    """Runs a stage in its MLflow run, whose state says how it ended.

    Args:
        body: the stage; its name is the stage's.
    """
    stage = cast(Stage, body.__name__)
    run = _open(stage)
    start, success = time.monotonic(), False
    before = {**first_code_values(stage), **input_values(Path(), stage)}
    try:
        body(run)
        check_unchanged(stage, before, {**code_values(stage), **input_values(Path(), stage)})
        run.log_metrics({"seconds": time.monotonic() - start})
        success = True
    finally:
        _close(run, success)


def stage_main(body: Callable[[StageRun], None]) -> NoReturn:
    """The entry of `python -m flows.stages <stage>`.

    An error a user can act on ends it with one line and exit code 2; where a flow started the stage, the flow says
    it. A defect shows its traceback.
    """
    quiet()
    notes = own_notes() if is_first_rank() else None
    if notes:
        notes.begin()
    try:
        run_stage(body)
    except SegTalkerError as error:
        _report(notes, str(error))
        sys.exit(EXIT_CODE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if disk := full_disk(error):
            place = disk.filename or Path.cwd()
            _report(notes, f"{place}: cannot be written to ({disk.strerror}); free space there, then run again")
            sys.exit(EXIT_CODE)
        if reason := _store_trouble(error):
            _report(notes, reason)
            sys.exit(EXIT_CODE)
        if notes:
            notes.fail(f"a defect in it, {type(error).__name__}; the traceback above says where")
        raise
    if notes:
        notes.finish()
    sys.exit(0)


def _store_trouble(error: Exception) -> str:
    """What is wrong with MLflow where that ended a stage, for instance within Lightning's logger; else empty."""
    if "mlflow" not in sys.modules:
        return ""
    from segtalker.tracking.mlflow_runs import is_store_error, store_error

    return str(store_error(error, tracking_uri(Path()))) if is_store_error(error) else ""


def _report(notes: StageNotes | None, reason: str) -> None:
    if notes:
        notes.fail(reason)
    else:
        print(f"error: {reason}", file=sys.stderr)
