"""What runs were made from, as MLflow shows it: the Dataset column of its list of runs."""

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput

DATASET_TAG = "segtalker.dataset"
_DIGEST_LENGTH = 36  # the most MLflow keeps


def log_dataset(client: MlflowClient, run_ids: Iterable[str], tags: Mapping[str, str], data: str) -> None:
    """Names the raw material of runs; a second time changes nothing.

    Args:
        client: of the store.
        run_ids: of the runs.
        tags: of the experiment; `DATASET_TAG` names the dataset.
        data: hash of its raw material, 64 hex digits; empty where it could not be fetched, and nothing is named.
    """
    name = tags.get(DATASET_TAG)
    if not name or not data:
        return
    source = {"uri": str(PurePosixPath("data", name))}
    dataset = Dataset(name, data[:_DIGEST_LENGTH], "local", json.dumps(source))
    for run_id in run_ids:
        client.log_inputs(run_id, [DatasetInput(dataset)])
