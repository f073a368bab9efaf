import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# `project_copy` is shared by the tests of this folder
sys.path.insert(0, str(Path(__file__).parent))

from project_copy import Project, copy_project

Finished = tuple[Project, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A project in which the tiny experiment has run, and what the run said; it is only read, see `project`."""
    folder = tmp_path_factory.getbasetemp()
    # run once for all processes of pytest-xdist, whose folders lie side by side
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    project, said = Project(folder / "finished" / "project"), folder / "finished.json"
    with (folder / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.is_file():
            copy_project(project.root)
            answer = project.run("reproduce", "--experiment", "tiny")
            said.write_text(json.dumps([answer.returncode, answer.stdout, answer.stderr]), encoding="utf-8")
    return project, subprocess.CompletedProcess("reproduce", *json.loads(said.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def project(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of it, in which a file of tests may run what it likes."""
    assert finished[1].returncode == 0, finished[1].stderr
    root = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(finished[0].root, root, symlinks=True)
    return Project(root)
