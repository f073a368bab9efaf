"""What is written to MLflow is read back from there, locally or from a server; a store that lies is not believed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracking_runs import OWNER, PARAMS, make_parent

from segtalker.tracking.mlflow_runs import StageTracker, start_evaluation, start_stage
from segtalker.tracking.run_store import RunStore, is_safe_path
from segtalker.utils.errors import BadInputError, SegTalkerError


def log_runs(folder: Path) -> tuple[StageTracker, StageTracker]:
    """A stage's run and an evaluation's, each with a file."""
    (folder / "scores.txt").write_text("psnr 30\n")
    stage = start_stage(root=Path(), stage="tables", signature="f" * 64, code="9" * 64, parent=make_parent())
    stage.log_metrics({"segtalker/psnr": 30.0}, parent=True)
    stage.log_protocol("a" * 64)
    stage.log_artifact(folder / "scores.txt", "evaluate")
    stage.finish(succeeded=True)
    evaluation = start_evaluation(
        root=Path(), name="theirs", protocol="b" * 64, signature="c" * 64, owner=OWNER, params=PARAMS,
        tags={"segtalker.dataset": "wild"},
    )  # fmt: skip
    evaluation.log_metrics({"theirs/psnr": 20.0}, parent=True)
    evaluation.log_artifact(folder / "scores.txt", "evaluate")
    evaluation.finish(succeeded=False)
    return stage, evaluation


def check_runs(store: RunStore, stage: StageTracker, evaluation: StageTracker) -> None:
    """Whether a store holds what `log_runs` wrote."""
    runs = {run.run_id: run for run in store.runs}
    parent, child, other = runs[str(stage.parent_id)], runs[stage.run_id], runs[evaluation.run_id]
    assert (parent.kind, parent.name, parent.status, parent.experiment) == ("experiment", "demo", "FINISHED", "demo")
    assert (child.kind, child.stage, child.parent_id, child.signature) == ("stage", "tables", parent.run_id, "f" * 64)
    assert parent.protocol == child.protocol == "a" * 64
    assert parent.metrics == child.metrics == {"segtalker/psnr": 30.0}
    assert parent.params == {
        "base.seed": "7",
        "base.mel.bins": "80",
        "train_tsg.steps": "4",
        "tables.headline": "['psnr']",
    }
    assert (other.kind, other.status, other.protocol, other.signature) == ("evaluation", "FAILED", "b" * 64, "c" * 64)
    assert (other.parent_id, other.dataset, other.metrics) == ("", "wild", {"theirs/psnr": 20.0})
    for run_id in (stage.run_id, evaluation.run_id):
        assert store.files(run_id, "evaluate") == ["evaluate/scores.txt"]
        assert store.fetch(run_id, "evaluate/scores.txt") == b"psnr 30\n"
    assert store.files(stage.run_id, "nothing") == []


def test_a_database_is_read_back(project: Path) -> None:
    stage, evaluation = log_runs(project)
    store = RunStore.open(project)
    check_runs(store, stage, evaluation)
    for path in ("evaluate/none.txt", "evaluate/../evaluate/scores.txt", "/etc/passwd", "evaluate", ""):
        with pytest.raises(BadInputError, match="no file"):
            store.fetch(stage.run_id, path)


def test_a_link_to_no_file_is_not_read(project: Path) -> None:
    stage, _ = log_runs(project)
    folder = next((project / "mlruns").rglob(stage.run_id)) / "artifacts" / "evaluate"
    (folder / "scores.txt").unlink()
    for target in ("gone", "."):
        (folder / "scores.txt").symlink_to(project / target)
        with pytest.raises(SegTalkerError):
            RunStore.open(project).fetch(stage.run_id, "evaluate/scores.txt")
        (folder / "scores.txt").unlink()


@pytest.mark.parametrize("is_named", [True, False])
def test_reading_makes_no_database(local: Path, monkeypatch: pytest.MonkeyPatch, is_named: bool) -> None:
    if is_named:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{local}/mlflow.db")
    with pytest.raises(BadInputError, match=r"mlflow\.db: no such file, so no runs; run segtalker reproduce"):
        RunStore.open(local)
    assert not list(local.iterdir())


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "sqlite:///{root}/bad.db", "nonsense://here"])
def test_a_store_that_does_not_answer_is_one_line(local: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    (local / "bad.db").write_text("no database\n" * 200)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(root=local))
    started = time.monotonic()
    with pytest.raises(SegTalkerError, match=r"does not answer.*check MLFLOW_TRACKING_URI") as caught:
        _ = RunStore.open(local).runs
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 20


@given(st.lists(st.sampled_from(["a", "b.csv", "..", ".", "", "C:", "\\x", "\x00", "~"]), min_size=1, max_size=4))
def test_a_safe_path_stays_below_its_folder(parts: list[str]) -> None:
    path = "/".join(parts)
    if is_safe_path(path):
        assert Path(os.path.normpath(Path("/base") / path)).is_relative_to("/base")
        assert os.path.normpath(path) == path
    assert is_safe_path(path) == (not {"..", ".", "", "\x00", "\\x"} & set(parts))


class Liar(BaseHTTPRequestHandler):
    """A server that lists files outside of the folder it is asked for."""

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        artifacts = "/api/2.0/mlflow-artifacts/artifacts"
        if self.path.startswith("/api/2.0/mlflow/runs/get"):
            info = {"run_id": "r" * 32, "experiment_id": "1", "status": "FINISHED", "start_time": 0,
                    "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}  # fmt: skip
            self._answer({"run": {"info": info, "data": {}}})
        elif self.path.startswith(artifacts + "?"):
            self._answer({"files": [{"path": path, "is_dir": False, "file_size": 5} for path in self.server.paths]})
        else:
            self._answer({})

    def _answer(self, content: dict) -> None:
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.mark.parametrize("path", ["../../../../tmp/evil.csv", "/etc/passwd", "%2e%2e/%2e%2e/evil.csv", "deep/er.csv"])
def test_a_server_that_lists_paths_elsewhere_gets_nothing_written(tmp_path: Path, path: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    server.paths = [path]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        store = RunStore(f"http://127.0.0.1:{server.server_port}", tmp_path)
        try:
            found = store.files("r" * 32, "evaluate")
        except SegTalkerError:  # MLflow refuses some itself
            found = []
        assert found == []
        with pytest.raises(SegTalkerError):
            store.fetch("r" * 32, f"evaluate/{path}")
        assert not list(tmp_path.rglob("evil.csv"))
    finally:
        server.shutdown()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real server with a store of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = ["--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", f"sqlite:///{tmp_path}/s.db",
               "--artifacts-destination", str(tmp_path / "kept"), "--workers", "1"]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *options], stdout=log, stderr=log, start_new_session=True
        )
        try:
            deadline = time.monotonic() + 90
            while not _answers(address):
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.3)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.slow
def test_a_server_is_written_to_and_read_back(
    server: str, local: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    stage, evaluation = log_runs(local)
    check_runs(RunStore.open(local), stage, evaluation)
    assert not re.search("View run|Downloading", "".join(capfd.readouterr()))
    assert not (local / "mlflow.db").exists()
