"""An address is told without its password; a store that does not answer is said in seconds, on one line."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from segtalker.tracking import store_address
from segtalker.tracking.store_address import (
    absolute_uri,
    check_store,
    conceal,
    public_uri,
    take_credentials,
    tracking_uri,
)
from segtalker.utils.errors import BadInputError, SegTalkerError


class Server(BaseHTTPRequestHandler):
    """Answers everything with one status."""

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_the_runs_of_a_queued_trial_are_the_project_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    queued = tmp_path / ".dvc" / "tmp" / "exps" / "tmpabc"  # where `dvc exp run --queue` runs, and what it deletes
    queued.mkdir(parents=True)
    assert tracking_uri(queued) == tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    assert tracking_uri(tmp_path / ".dvc") == f"sqlite:///{tmp_path}/.dvc/mlflow.db"


def test_an_address_for_other_folders_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///my.db")
    assert absolute_uri(tmp_path) == f"sqlite:///{tmp_path}/my.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert absolute_uri(tmp_path) == "http://127.0.0.1:9"


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.status = 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def said(root: Path) -> str:
    """What `check_store` says within its patience and a second."""
    started = time.monotonic()
    with pytest.raises(SegTalkerError) as caught:
        check_store(root)
    assert time.monotonic() - started < store_address._PATIENCE_S + 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_patience_is_five_seconds() -> None:
    assert store_address._PATIENCE_S <= 5


def test_a_server_that_answers_passes(local: Path, server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}/")
    for status in (200, 401, 404):
        server.status = status
        check_store(local)
    server.status = 503
    assert said(local).startswith(f"MLflow at http://127.0.0.1:{server.server_port}/ does not answer (HTTP 503)")


def test_a_server_that_cannot_be_trusted_is_said(local: Path, server, monkeypatch: pytest.MonkeyPatch) -> None:
    # MLflow would try for minutes
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"https://127.0.0.1:{server.server_port}")
    assert "SSL" in said(local)


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({}, {"verify": True, "cert": None}),
        ({"INSECURE_TLS": "true"}, {"verify": False, "cert": None}),
        ({"SERVER_CERT_PATH": "ca.pem", "CLIENT_CERT_PATH": "me.pem"}, {"verify": "ca.pem", "cert": "me.pem"}),
    ],
)
def test_whom_to_trust_is_decided_as_mlflow_does(
    local: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], options: dict
) -> None:
    asked = {}
    monkeypatch.setattr(requests, "get", lambda _, **given: asked.update(given) or SimpleNamespace(status_code=200))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    check_store(local)
    assert {name: asked[name] for name in options} == options


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_nobody_listens(local: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://ann:s3cret@127.0.0.1:9")
    assert said(local) == (
        f"MLflow at {scheme}://127.0.0.1:9 does not answer (Connection refused); check MLFLOW_TRACKING_URI"
    )


def test_a_server_that_takes_the_call_and_says_nothing(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_address, "_PATIENCE_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "does not answer" in said(local)


def test_a_name_that_is_looked_up_for_ever(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_address, "_PATIENCE_S", 1.0)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(8) or [])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    assert "nothing came within" in said(local)


def test_a_file_that_is_no_database(local: Path) -> None:
    (local / "mlflow.db").write_text("no database\n" * 200)
    assert "file is not a database" in said(local)


def test_a_database_that_is_not_there_yet_passes_and_is_not_made(local: Path) -> None:
    check_store(local)
    assert not list(local.iterdir())


@pytest.mark.parametrize("password", ["s3cret", "p%40ss%2Fword"])
def test_credentials_leave_the_address(local: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"https://ann:{password}@host:1234/path")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "")
    assert tracking_uri(local) == os.environ["MLFLOW_TRACKING_URI"] == "https://host:1234/path"
    plain = {"s3cret": "s3cret", "p%40ss%2Fword": "p@ss/word"}[password]
    assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == ("ann", plain)
    assert conceal(f"GET https://ann:{password}@host and {plain}") == "GET https://ann:***@host and ***"


def test_a_password_that_is_none_is_not_repeated(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:s3/cret@host")
    with pytest.raises(BadInputError, match="write / as %2F") as caught:
        take_credentials()
    assert "cret" not in str(caught.value)


def test_the_address_of_a_database_server_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "postgresql://ann:s3cret@host:5432/mlflow"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert public_uri(uri) == "postgresql://host:5432/mlflow"
    assert "s3cret" not in conceal(f"could not connect to {uri}")
    assert public_uri("sqlite:////home/a@b/mlflow.db") == "sqlite:////home/a@b/mlflow.db"
