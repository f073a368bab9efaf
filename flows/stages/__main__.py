"""Runs a stage: `python -m flows.stages STAGE`, as `dvc.yaml` has it.

A run keeps a process that has imported all stages it may need; the stage is forked from it. Where there is none, as
under a plain `dvc repro`, it is imported here.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.dvc.fork_server import ForkedProcess, ServerGoneError
from flows.dvc.stage_process import own_notes
from segtalker.config.stages import Stage
from segtalker.utils.errors import SegTalkerError

SERVER_VARIABLE = "SEGTALKER_STAGE_SERVER"
# what MLflow and Lightning import late
_STORE = (
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.workspace_aware_mixin",
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
)
_TRAINING, _LOGGERS = "train_", "pytorch_lightning.loggers"
_SIGNALLED = 128


def stage_modules(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Modules that a process imports for stages to be forked from it, in the order in which they are needed."""
    bodies = (f"flows.stages.{stage}" for stage in stages)
    loggers = (_LOGGERS,) if any(stage.startswith(_TRAINING) for stage in stages) else ()
    return ("segtalker.tracking.mlflow_runs", *bodies, *loggers, *_STORE, "flows.stages.preload")


def run() -> None:
    """Runs the stage named by the only argument in this process."""
    stage = sys.argv[1]
    from flows.stages.common import stage_main
    from segtalker.clips.worker_pools import fork_workers_from_here

    body = getattr(importlib.import_module(f"flows.stages.{stage}"), stage)
    fork_workers_from_here()
    stage_main(body)


def _forked(address: str) -> ForkedProcess | None:
    """The stage, forked; None where the server is gone, for want of memory: the stage alone may fit."""
    stage = sys.argv[1]
    try:
        program, module = "flows.stages.__main__:run", f"flows.stages.{stage}"
        return ForkedProcess(address, program, [stage], os.environ, Path.cwd(), module)
    except ServerGoneError:
        return None


def _set_arithmetic() -> None:
    """Begins anew where variables of libraries are not set, for some are loaded by reading the params already."""
    from segtalker.config.params import load_params
    from segtalker.utils.arithmetic import arithmetic_environment

    try:
        variables = arithmetic_environment(load_params().base.instruction_set)
    except SegTalkerError:
        return  # the stage says it
    if any(os.environ.get(name) != value for name, value in variables.items()):
        os.execve(sys.executable, [sys.executable, "-m", __package__, *sys.argv[1:]], {**os.environ, **variables})


def main() -> None:
    """Has the stage forked, or runs it."""
    address = os.environ.get(SERVER_VARIABLE)
    if address and (process := _forked(address)):
        try:
            code = process.wait()
        except ServerGoneError:
            sys.exit(1)  # it could not import the stage, and said why
        if code < 0 and (notes := own_notes()):
            notes.kill()
        sys.exit(code if code >= 0 else _SIGNALLED - code)
    _set_arithmetic()
    run()


if __name__ == "__main__":
    main()
