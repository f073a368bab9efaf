"""One Prefect server for a whole run; every child process inherits its address."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from flows.dvc.stage_process import die_with_parent
from segtalker.utils.errors import SegTalkerError

_START_LIMIT_S = 120.0
_POLL_S = 0.2


def configure(root: Path) -> None:
    """Sets Prefect's home inside the project and turns its chatter off; before Prefect is imported."""
    os.environ.setdefault("PREFECT_HOME", str((root / ".prefect").resolve()))
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    # runs keep their logs in the UI; the terminal belongs to the stages
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("DO_NOT_TRACK", "1")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _healthy(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _wait(process: subprocess.Popen, api: str, log: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while not _healthy(api):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SegTalkerError(f"the Prefect server did not start; see {log}")
        time.sleep(_POLL_S)


@contextmanager
def prefect_server(root: Path) -> Iterator[str]:
    """Yields the address of a Prefect API: the one `PREFECT_API_URL` names, else a server started for this run.

    A server of our own keeps its database in `.prefect/` of the project: the UI of a later server shows old runs.

    Raises:
        SegTalkerError: the server does not start.
    """
    if address := os.environ.get("PREFECT_API_URL"):
        yield address
        return
    port = _free_port()
    api = f"http://127.0.0.1:{port}/api"
    log = Path(os.environ["PREFECT_HOME"]) / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),
            start_new_session=True,
        )
    try:
        os.environ["PREFECT_API_URL"] = api
        _wait(process, api, log)
        yield api
    finally:
        del os.environ["PREFECT_API_URL"]
        process.terminate()
        process.wait()
