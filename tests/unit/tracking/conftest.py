"""Projects without runs."""

import shutil
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

# `tracking_runs` is shared by the tests of this folder
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without runs, which is the working folder."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as MLflow makes it, which takes it seconds."""
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments(max_results=1)
    return path


@pytest.fixture
def project(local: Path, empty_database: Path) -> Path:
    """A project whose database is there, without runs."""
    shutil.copyfile(empty_database, local / "mlflow.db")
    return local
