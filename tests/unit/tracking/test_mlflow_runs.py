"""What makes a run another one, and whose runs are closed."""

import sqlite3
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from tracking_runs import OWNER, make_parent

from segtalker.tracking.mlflow_runs import (
    EXPERIMENT,
    ParentRun,
    StageTracker,
    is_store_error,
    start_evaluation,
    start_stage,
)
from segtalker.tracking.run_store import RunStore, StoredRun
from segtalker.tracking.store_address import tracking_uri
from segtalker.utils.errors import SegTalkerError

BOB = replace(OWNER, user="bob")
LAPTOP = replace(OWNER, host="laptop", workspace="b" * 32)


def start(parent: ParentRun, stage: str = "train_tsg") -> StageTracker:
    return start_stage(root=Path(), stage=stage, signature="f" * 64, code="9" * 64, parent=parent)


def stored(root: Path) -> dict[str, StoredRun]:
    return {run.run_id: run for run in RunStore.open(root).runs}


def test_the_same_params_code_data_and_owner_are_one_run(project: Path) -> None:
    first = start(make_parent())
    first.finish(succeeded=True)
    second = start(make_parent())
    assert second.parent_id == first.parent_id
    parent = stored(project)[str(first.parent_id)]
    assert (parent.signature, parent.code, parent.data) == ("e" * 64, "c" * 64, "d" * 64)
    assert (parent.user, parent.host) == ("ann", "desk-1")


def test_runs_name_the_data_they_were_made_from(project: Path) -> None:
    parent = replace(make_parent(), tags={"segtalker.dataset": "synthetic"})
    run, again = start(parent), start(parent)
    client = MlflowClient(run.uri)
    for run_id in (run.run_id, again.run_id, str(run.parent_id)):
        (dataset,) = client.get_run(run_id).inputs.dataset_inputs
        assert (dataset.dataset.name, dataset.dataset.digest) == ("synthetic", "d" * 36)
        assert dataset.dataset.source == '{"uri": "data/synthetic"}'


@pytest.mark.parametrize(
    "other",
    [
        make_parent(params="1"),
        make_parent(code="1"),
        make_parent(data="1"),
        make_parent(BOB),
        make_parent(replace(OWNER, host="it's")),
        make_parent(replace(OWNER, workspace="b" * 32)),
    ],
)
def test_whatever_differs_makes_another_run_and_leaves_the_first(project: Path, other: ParentRun) -> None:
    first = start(make_parent())
    first.log_metrics({"segtalker/psnr": 30.0}, parent=True)
    first.log_protocol("a" * 64)
    first.finish(succeeded=True)
    before = stored(project)[str(first.parent_id)]
    second = start(other)
    second.log_metrics({"segtalker/psnr": 20.0}, parent=True)
    second.log_protocol("b" * 64)
    second.finish(succeeded=True)
    assert second.parent_id != first.parent_id
    assert stored(project)[str(first.parent_id)] == before
    assert start(other).parent_id == second.parent_id


def test_only_ones_own_runs_of_this_folder_are_closed(project: Path) -> None:
    trackers = {owner: start(make_parent(owner)) for owner in (OWNER, BOB, LAPTOP)}
    another_stage = start(make_parent(), "tables")
    again = start(make_parent())
    runs = stored(project)
    assert {owner: runs[tracker.run_id].status for owner, tracker in trackers.items()} == {
        OWNER: "KILLED", BOB: "RUNNING", LAPTOP: "RUNNING",
    }  # fmt: skip
    assert runs[another_stage.run_id].status == runs[again.run_id].status == "RUNNING"


def test_runs_of_before_are_listed_and_left_alone(project: Path) -> None:
    client = MlflowClient(tracking_uri(project))
    experiment = client.create_experiment(EXPERIMENT)
    tags = {"segtalker.kind": "experiment", "segtalker.signature": "e" * 64, "segtalker.experiment": "demo"}
    parent = client.create_run(experiment, tags=tags, run_name="demo").info.run_id
    tags = {"segtalker.kind": "stage", "segtalker.stage": "train_tsg", "mlflow.parentRunId": parent}
    child = client.create_run(experiment, tags=tags).info.run_id
    tracker = start(make_parent())
    tracker.finish(succeeded=True)
    assert tracker.parent_id != parent
    runs = stored(project)
    assert runs[child].status == "RUNNING"
    assert (runs[parent].name, runs[parent].experiment, runs[parent].code) == ("demo", "demo", "")
    assert client.get_experiment(experiment).tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_stage_that_fetches_the_data_joins_when_it_is_known(project: Path) -> None:
    fetching = start(make_parent(data=""), "download")
    assert fetching.parent_id is None
    fetching.join_parent("d" * 64)
    fetching.finish(succeeded=True)
    later = start(make_parent())
    assert later.parent_id == fetching.parent_id
    again = start(make_parent(data=""), "download")
    again.join_parent("0" * 64)  # the folder holds other videos now
    assert again.parent_id != fetching.parent_id
    runs = stored(project)
    assert runs[again.run_id].parent_id == again.parent_id
    assert runs[fetching.run_id].parent_id == later.parent_id


def test_a_run_whose_data_could_not_be_fetched_is_taken_up(project: Path) -> None:
    failing = start(make_parent(data=""), "download")
    failing.join_parent("")
    failing.finish(succeeded=False)
    assert stored(project)[str(failing.parent_id)].status == "FAILED"
    again = start(make_parent(data=""), "download")
    again.join_parent("d" * 64)
    again.finish(succeeded=True)
    assert again.parent_id == failing.parent_id == start(make_parent()).parent_id
    assert stored(project)[str(failing.parent_id)].data == "d" * 64


def test_stages_that_start_together_make_one_parent(project: Path) -> None:
    start(make_parent(code="0"))  # the database is made
    barrier, trackers = threading.Barrier(4), list[StageTracker]()

    def work(stage: str) -> None:
        barrier.wait()
        trackers.append(start(make_parent(), stage))

    stages = ("train_tsg", "tables", "download", "base")
    threads = [threading.Thread(target=work, args=(stage,)) for stage in stages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trackers) == len(stages)
    assert len({tracker.parent_id for tracker in trackers}) == 1


def test_the_parent_says_how_its_stages_stand(project: Path) -> None:
    failing, running = start(make_parent()), start(make_parent(), "tables")
    parent = str(failing.parent_id)
    failing.finish(succeeded=False)
    assert stored(project)[parent].status == "RUNNING"
    running.finish(succeeded=True)
    assert stored(project)[parent].status == "FAILED"
    start(make_parent()).finish(succeeded=True)
    assert stored(project)[parent].status == "FINISHED"


def test_a_new_experiment_opens_in_the_view_of_trainings_and_lists_packages(project: Path) -> None:
    tracker = start(make_parent())
    client = MlflowClient(tracking_uri(project))
    assert client.get_experiment_by_name(EXPERIMENT).tags["mlflow.experimentKind"] == "custom_model_development"
    assert RunStore.open(project).fetch(str(tracker.parent_id), "packages.txt") == b"torch==2.15.0\n"


def test_a_parent_keeps_files_of_its_own(project: Path) -> None:
    (project / "index.html").write_text("page")
    tracker = start(make_parent())
    tracker.log_artifact(project / "index.html", "reports", parent=True)
    store = RunStore.open(project)
    assert store.fetch(str(tracker.parent_id), "reports/index.html") == b"page"
    assert store.files(tracker.run_id, "reports") == []


class Refuser(BaseHTTPRequestHandler):
    """A server that is well and then fails, and notes who asks."""

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, b"OK")
        else:
            self.server.credentials.add(self.headers.get("Authorization", ""))
            self._answer(400, b'{"error_code": "INTERNAL_ERROR", "message": "for ann:s3cret@ this is broken"}')

    do_POST = do_GET

    def _answer(self, status: int, content: bytes) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def test_a_password_reaches_the_server_and_nobody_else(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuser)
    server.credentials = set()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:s3cret@127.0.0.1:{server.server_port}")
    try:
        with pytest.raises(SegTalkerError, match="does not answer") as caught:
            start(make_parent())
        error: BaseException | None = caught.value
        assert "s3cret" not in str(error)
        assert error.__cause__ is None
        assert error.__suppress_context__
        assert server.credentials == {"Basic YW5uOnMzY3JldA=="}
        with pytest.raises(SegTalkerError) as caught:
            start_evaluation(root=local, name="n", protocol="p", signature="", owner=OWNER, params={}, tags={})
        assert "s3cret" not in str(caught.value)
    finally:
        server.shutdown()


def test_other_errors_are_defects() -> None:
    assert is_store_error(MlflowException("x"))
    assert is_store_error(sqlite3.OperationalError("x"))
    assert not is_store_error(KeyError("x"))
    assert not is_store_error(FileNotFoundError("x"))
