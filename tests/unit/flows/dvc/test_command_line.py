"""DVC's command line in a small project of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.dvc import command_line as dvc_cli

STAGES = """
vars: [active.yaml]
stages:
  make:
    cmd: mkdir -p data && echo ${dataset} > data/${dataset}
    outs:
      - data/${dataset}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    command = [sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "dvc.yaml").write_text(STAGES)
    return tmp_path


def run(project: Path, dataset: str) -> Path:
    """Makes a dataset; a copy of the lock that says so."""
    (project / "active.yaml").write_text(f"dataset: {dataset}\n")
    assert dvc_cli.reproduce_stage(project, "make", force=False).renewed
    return Path(shutil.copy(project / "dvc.lock", project / f"{dataset}.lock"))


def test_going_back_to_one_dataset_leaves_the_others_where_they_are(project: Path) -> None:
    first = run(project, "one")
    run(project, "two")
    (project / "data" / "one").unlink()
    (project / "active.yaml").write_text("dataset: one\n")
    shutil.copy(first, project / "dvc.lock")
    dvc_cli.checkout(project)
    assert {path.name for path in (project / "data").iterdir()} == {"one", "two"}
    assert dvc_cli.status(project) == set()
