"""Which files of a run are kept with it in MLflow, so that its tables can be made again from there alone."""

from pathlib import Path
from typing import Protocol

from segtalker.evaluation.protocol import PROTOCOL_FILE
from segtalker.utils.paths import HISTORY_FILE

GROUPS = ("emotion", "level")  # columns of clips.csv by which clips may be told apart
SCORES_FOLDER = "evaluate"
HISTORY_FOLDER = "history"
TABLES_FOLDER = "tables"
FIGURES_FOLDER = "figures"
METRICS_FILE, FACTS_FILE = "metrics.csv", "metrics.json"
SCORE_COLUMNS = ("clip_id", "subject", "method", "metric", "value", "reason")
METHOD_FAILURE_COLUMNS = ("clip_id", "method", "source", "reason")  # method is empty where all lost the clip
NOTES_FILE = "notes.csv"  # of predictions; beside the tables
SCORE_FILES = (METRICS_FILE, FACTS_FILE, "failures.csv", "clips.csv", PROTOCOL_FILE)


class Keeper(Protocol):
    """Whatever keeps copies of files, such as `segtalker.tracking.mlflow_runs.StageTracker`."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Keeps a copy of a file, or of a folder under its own name, in `folder`."""


def keep_scores(keeper: Keeper, results: Path) -> None:
    """Keeps what `evaluate` wrote.

    Args:
        keeper: keeps it, in `SCORES_FOLDER`.
        results: `results/<experiment>/evaluate`.
    """
    for name in SCORE_FILES:
        if (results / name).is_file():
            keeper.log_artifact(results / name, SCORES_FOLDER)


def keep_histories(keeper: Keeper, models: Path) -> None:
    """Keeps the training curves of each stage, in `HISTORY_FOLDER/<stage>`.

    Args:
        keeper: keeps them.
        models: `models/<experiment>`.
    """
    for path in sorted(models.glob(f"*/{HISTORY_FILE}")):
        keeper.log_artifact(path, f"{HISTORY_FOLDER}/{path.parent.name}")
