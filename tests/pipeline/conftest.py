import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# `project_copy` is shared by the tests of this folder
sys.path.insert(0, str(Path(__file__).parent))

from project_copy import Project, copy_project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A project in which the tiny experiment has run, and what the run said; shared by files, so none adds runs."""
    project = copy_project(tmp_path_factory.mktemp("first") / "project")
    return project, project.run("reproduce", "--experiment", "tiny")


@pytest.fixture(scope="module")
def project(
    finished: tuple[Project, subprocess.CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A copy of it, in which a file of tests may run what it likes."""
    assert finished[1].returncode == 0, finished[1].stderr
    root = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(finished[0].root, root, symlinks=True)
    return Project(root)
