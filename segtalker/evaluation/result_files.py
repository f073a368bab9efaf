"""Which files of a run are kept with it in MLflow, so that its tables can be made again from there alone."""

import csv
import tempfile
from pathlib import Path
from typing import Protocol

from segtalker.evaluation.protocol import PROTOCOL_FILE
from segtalker.utils.hashing import file_sha256
from segtalker.utils.paths import HISTORY_FILE, UNFINISHED_FILE

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
NETWORKS_FOLDER, NETWORKS_FILE = "networks", "networks.csv"
_NETWORK_COLUMNS = ("file", "bytes", "sha256", "copied")
_MAX_NETWORK_BYTES = 64 * 2**20  # larger ones lie in DVC's cache, and a copy of each would double it
_PROJECT_FILES = ("dvc.lock", "experiment.yaml", "params.yaml", "code.yaml")


class Keeper(Protocol):
    """Whatever keeps copies of files, such as `segtalker.tracking.mlflow_runs.StageTracker`."""

    def log_artifact(self, path: Path, folder: str = "", parent: bool = False) -> None:
        """Keeps a copy of a file, or of a folder under its own name, in `folder`; `parent`: with the experiment."""


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


def keep_experiment(keeper: Keeper, root: Path, models: Path, reports: Path) -> None:
    """Keeps with the experiment's run what a person looks for there: page, tables, networks, and what made them.

    Args:
        keeper: keeps it.
        root: the project folder; its `dvc.lock` tells the stages as far as they have run.
        models: `models/<experiment>`.
        reports: holds `tables/` and `index.html`.
    """
    for path in (reports / "index.html", reports / TABLES_FOLDER, *(root / name for name in _PROJECT_FILES)):
        if path.exists():
            keeper.log_artifact(path, parent=True)
    _keep_networks(keeper, models)


def _keep_networks(keeper: Keeper, models: Path) -> None:
    """Keeps trained networks of moderate size in `NETWORKS_FOLDER/<stage>`, and a list of all of them."""
    with tempfile.TemporaryDirectory() as temporary:
        list_file = Path(temporary) / NETWORKS_FILE
        with list_file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(_NETWORK_COLUMNS)
            for path in sorted(models.glob("*/*.ckpt")):
                if path.name == UNFINISHED_FILE:
                    continue
                size, stage = path.stat().st_size, path.parent.name
                is_copied = size <= _MAX_NETWORK_BYTES
                writer.writerow((f"{stage}/{path.name}", size, file_sha256(path), "yes" if is_copied else "no"))
                if is_copied:
                    keeper.log_artifact(path, f"{NETWORKS_FOLDER}/{stage}", parent=True)
        keeper.log_artifact(list_file, NETWORKS_FOLDER, parent=True)
