"""By which params a run differs from the one it resumes or repeats: a tag that names them.

Params that change what comes out make another run; it is held against the run of the same experiment before it. Those
that do not, such as `machine`, may change while a run is resumed; it is held against what it began with.
"""

from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.entities import Run

EXPERIMENT_TAG = "segtalker.experiment"
DRIFT_TAG, DRIFT_FROM_TAG = "segtalker.param_drift", "segtalker.param_drift_from"
_MAX_LENGTH = 4000  # a tag holds 8000 bytes


def param_drift(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed from one run's params to another's: `train_tsg.steps: 50 -> 100`, a line each; empty if nothing.

    Args:
        before: `section.key` and value as text.
        now: likewise; the value of a key that only one of them has is empty in the other.
    """
    names = sorted(name for name in {*before, *now} if before.get(name, "") != now.get(name, ""))
    text = "\n".join(f"{name}: {before.get(name, '')} -> {now.get(name, '')}" for name in names)
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 1]}…"


def last_of_experiment(
    client: MlflowClient, experiment_id: str, tags: Mapping[str, str], run_tags: Mapping[str, str]
) -> Run | None:
    """The run of an experiment that began last, None where there is none.

    Args:
        client: of the store.
        experiment_id: MLflow's, which holds all runs.
        tags: that it is to have, without quotes in them.
        run_tags: of the new run; they name the experiment.
    """
    experiment = run_tags.get(EXPERIMENT_TAG)
    if not experiment:
        return None
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in (*tags.items(), (EXPERIMENT_TAG, experiment)))
    runs = client.search_runs([experiment_id], query, max_results=1, order_by=["start_time DESC"])
    return runs[0] if runs else None


def note_drift(client: MlflowClient, earlier: Run, run_id: str, params: Mapping[str, str]) -> None:
    """Says with a run by which params it differs from another one, or from itself as it began.

    Args:
        client: of the store.
        earlier: the one it resumes or repeats.
        run_id: of the run.
        params: that it runs with now.
    """
    if drift := param_drift(earlier.data.params, params):
        client.set_tag(run_id, DRIFT_TAG, drift)
        client.set_tag(run_id, DRIFT_FROM_TAG, earlier.info.run_id)
