"""A model in MLflow that `mlflow models serve` serves.

What it does stands higher up than this room, so it is named, `module:function`, and imported where it is served: the
function is given the model's folder and returns what answers.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

from segtalker import __version__
from segtalker.tracking.mlflow_runs import KIND_TAG, SIGNATURE_TAG, answering, open_store, owner_tags
from segtalker.tracking.run_origin import run_owner
from segtalker.utils.errors import SegTalkerError

_FOLDER, _LOADER = "folder", "loader"
_CODE = Path(__file__).with_name("served_model_code.py")
_TYPES = {bool: "boolean", str: "string"}


class ServedModel(PythonModel):
    """Asks a function that is imported where the model is served; the model's configuration names it as `loader`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Makes what answers."""
        module, _, function = context.model_config[_LOADER].partition(":")
        self._answer = getattr(import_module(module), function)(Path(context.artifacts[_FOLDER]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """The answer; what a user can act on is said as MLflow says such things, a status of 400 over HTTP."""
        try:
            return self._answer(model_input, params or {})
        except SegTalkerError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


def log_served_model(
    root: Path,
    folder: Path,
    loader: str,
    *,
    name: str,
    signature: str,
    columns: Sequence[str],
    output: str,
    params: Mapping[str, Any],
) -> str:
    """Logs a model to the project's store, in a run of its own.

    Args:
        root: the project folder, which is the working folder where the store's address is relative.
        folder: all that the model needs.
        loader: `module:function`: of the folder it makes what answers, from rows and params to rows.
        name: of the run.
        signature: of the experiment it was trained in, 64 hex digits.
        columns: it is asked with, of text.
        output: the column of the answer, of text.
        params: that may be given with a request, with what they are otherwise.

    Returns:
        The model's address, `models:/...`.

    Raises:
        SegTalkerError: the store does not answer.
    """
    store = open_store(root)
    tags = {KIND_TAG: "model", SIGNATURE_TAG: signature} | owner_tags(run_owner(root))
    schema = ModelSignature(
        Schema([ColSpec("string", column) for column in columns]),
        Schema([ColSpec("string", output)]),
        ParamSchema([ParamSpec(key, _TYPES[type(value)], value) for key, value in params.items()]),
    )
    with answering(store.uri):
        mlflow.set_tracking_uri(store.uri)
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        with warnings.catch_warnings(), mlflow.start_run(experiment_id=store.experiment_id, run_name=name, tags=tags):
            warnings.filterwarnings("ignore", ".*input example.*")  # a face and speech, as large as the model
            model = mlflow.pyfunc.log_model(
                name="talker",
                python_model=str(_CODE),
                model_config={_LOADER: loader},
                artifacts={_FOLDER: str(folder)},
                signature=schema,
                pip_requirements=[f"segtalker=={__version__}"],
            )
    return model.model_uri
