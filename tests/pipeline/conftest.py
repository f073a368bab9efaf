import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

# `project_copy` is shared by the tests of this folder
sys.path.insert(0, str(Path(__file__).parent))

from project_copy import LIMIT_S, Project, copy_project

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


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that stays, as people have one who watch their runs: starting one takes longer than many a
    stage of the tiny experiment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("prefect")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/health", process)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with opener.open(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


@pytest.fixture(scope="module")
def project(finished: Finished, prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of it, in which a file of tests may run what it likes."""
    assert finished[1].returncode == 0, finished[1].stderr
    root = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(finished[0].root, root, symlinks=True)
    return Project(root, prefect_server)
