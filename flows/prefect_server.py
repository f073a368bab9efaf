"""One Prefect server for a whole run, started beside its first stages."""

import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

from flows.commands.console import say
from flows.dvc.stage_process import die_with_parent
from segtalker.utils.errors import SegTalkerError

_START_LIMIT_S = 120.0
_PATIENCE_S = 15.0
_POLL_S = 0.1
_DATABASE = "prefect.db"
_REASON_LENGTH = 300
_HOST = "127.0.0.1"
_LOOPBACK = ("localhost", _HOST, "::1")
# nothing is fetched here; a client would even stumble over the kind of a proxy it does not use
_WITHOUT_PROXY = {"NO_PROXY": "*", "no_proxy": "*"}
# a run schedules nothing: of the services only those that record what happened are needed
_SERVICES = ("SCHEDULER", "LATE_RUNS", "FOREMAN", "CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS", "TRIGGERS")


def configure(root: Path) -> None:
    """Sets Prefect's home inside the project and turns its chatter off; before Prefect is imported."""
    home = (root / ".prefect").resolve()
    os.environ.setdefault("PREFECT_HOME", str(home))
    # a database's address is decoded, so a path with ? or % would name a file elsewhere
    address = f"sqlite+aiosqlite:///{quote(os.environ['PREFECT_HOME'])}/{_DATABASE}"
    os.environ.setdefault("PREFECT_API_DATABASE_CONNECTION_URL", address)
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    # runs keep their logs in the UI; the terminal belongs to the stages
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys((*hosts, *_LOOPBACK)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return probe.getsockname()[1]


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=2)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reason(log: Path) -> str:
    """The line of a server's log that says most: the last error in it, else the last line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (errors or lines or ["it said nothing"])[-1][:_REASON_LENGTH]


@dataclass(frozen=True)
class Server:
    """A Prefect API.

    Args:
        port: of a server started for this run, else 0.
        process: its process, or None.
        log: what it says.
    """

    port: int
    process: subprocess.Popen | None
    log: Path

    def wait(self) -> None:
        """Waits until it answers.

        Raises:
            SegTalkerError: it does not start.
        """
        began, told_user = time.monotonic(), False
        while self.process and not _healthy(self.port):
            waited_s = time.monotonic() - began
            if self.process.poll() is not None or waited_s > _START_LIMIT_S:
                raise SegTalkerError(f"the Prefect server did not start ({_reason(self.log)}); see {self.log}")
            if waited_s > _PATIENCE_S and not told_user:
                say(f"the Prefect server does not answer yet ({_reason(self.log)}); see {self.log}")
                told_user = True
            time.sleep(_POLL_S)


@contextmanager
def prefect_server(root: Path) -> Iterator[Server]:
    """The Prefect API that `PREFECT_API_URL` names, else a server started for this run; it may not answer yet.

    A server of our own keeps its database in `.prefect/` of the project: the UI of a later server shows old runs.
    """
    log = Path(os.environ["PREFECT_HOME"]) / "server.log"
    if address := os.environ.get("PREFECT_API_URL"):
        # a server of this machine is that of a sweep, for one of its trials
        with _variables(_WITHOUT_PROXY if urlsplit(address).hostname in _LOOPBACK else {}):
            yield Server(0, None, log)
        return
    port = _free_port()
    log.parent.mkdir(parents=True, exist_ok=True)
    set_damaged_aside(log.with_name(_DATABASE))
    with _variables({"PREFECT_API_URL": f"http://{_HOST}:{port}/api", **_WITHOUT_PROXY}):
        process = _start(port, log)
        try:
            yield Server(port, process, log)
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _variables(own: Mapping[str, str]) -> Iterator[None]:
    """Variables of this process within a block; afterwards they are as before."""
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def set_damaged_aside(database: Path) -> None:
    """Renames a database that is not whole, which would stop every later run; all it holds is the history of runs."""
    if not database.is_file():
        return
    try:
        with closing(sqlite3.connect(database)) as connection:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        answer = str(error)
    if answer != "ok":
        aside = database.with_name(f"{database.name}.damaged")
        database.replace(aside)
        say(f"{database}: damaged ({answer}); kept as {aside.name}, the Prefect pages begin anew")


def _start(port: int, log: Path) -> subprocess.Popen:
    services = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in _SERVICES}
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", _HOST, "--port", str(port)],
            env=os.environ | services,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGKILL),
            start_new_session=True,
        )
