import subprocess
import sys
from pathlib import Path

import pytest

# `project_copy` is shared by the tests of this folder
sys.path.insert(0, str(Path(__file__).parent))

from project_copy import Project, copy_project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A project in which the tiny experiment has run, and what the run said."""
    project = copy_project(tmp_path_factory.mktemp("first") / "project")
    return project, project.run("reproduce", "--experiment", "tiny")
