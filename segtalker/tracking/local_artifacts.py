"""Artifacts of a SQLite store lie beside its database, wherever a copy of the two is.

MLflow writes absolute places into the database: a copied project would write into the original's artifacts.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

ARTIFACTS = "mlruns"
_WAIT_S = 30


def artifact_location(database: Path, folder: str) -> str:
    """Where an experiment's artifacts lie, as MLflow wants it: a URI, for a path it would decode.

    Args:
        database: the SQLite file.
        folder: of the experiment.
    """
    return (database.parent / ARTIFACTS / folder).as_uri()


def _folder(location: str) -> str:
    """The experiment's folder of a location in some `mlruns`, empty where it lies elsewhere."""
    parts = urlsplit(location) if location.startswith("file:") else None
    if "://" in location and parts is None:
        return ""
    path = Path(unquote(parts.path) if parts else location)
    return path.name if path.parent.name == ARTIFACTS else ""


def follow_database(database: Path) -> None:
    """Sets the places of artifacts right, where the database and `mlruns` beside it were copied or moved.

    Args:
        database: a SQLite file; nothing is done where it or `mlruns` is not there.
    """
    if not database.is_file() or not (database.parent / ARTIFACTS).is_dir():
        return
    with closing(sqlite3.connect(database, timeout=_WAIT_S)) as store, store:
        if not store.execute("select 1 from sqlite_master where name = 'experiments'").fetchone():
            return
        experiment_rows = store.execute("select experiment_id, artifact_location from experiments").fetchall()
        for experiment, old in experiment_rows:
            folder = _folder(old or "")
            new = artifact_location(database, folder)
            if not folder or old == new:
                continue
            store.execute("update experiments set artifact_location = ? where experiment_id = ?", (new, experiment))
            store.execute(
                "update runs set artifact_uri = ? || substr(artifact_uri, ?)"
                " where experiment_id = ? and substr(artifact_uri, 1, ?) = ?",
                (new, len(old) + 1, experiment, len(old) + 1, f"{old}/"),
            )
