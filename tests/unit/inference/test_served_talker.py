"""The trained model, logged to MLflow, answers over HTTP as `mlflow models serve` does."""

import base64
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import requests
import uvicorn
from drawn_people import ColourParser
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, scoring_server
from tiny_project import write_project

from flows.commands.export import export_mlflow
from segtalker.media.video import open_video
from segtalker.provenance.inspection import inspect_file
from segtalker.tracking.mlflow_runs import KIND_TAG, open_store


@pytest.fixture(scope="module")
def monkeymodule() -> Iterator[pytest.MonkeyPatch]:
    """Undone when the tests here are."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, monkeymodule: pytest.MonkeyPatch) -> Path:
    """A project with tiny networks; its parser is right about drawings."""
    root = write_project(tmp_path_factory.mktemp("project"))
    monkeymodule.setenv("SEGTALKER_ROOT", str(root))
    monkeymodule.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeymodule.setattr("segtalker.inference.talker.load_parser", lambda *_: ColourParser().requires_grad_(False))
    return root


@pytest.fixture(scope="module")
def model(project: Path) -> PyFuncModel:
    """The model as MLflow loads it, from the project's store alone: the networks it was made of are gone."""
    export_mlflow("demo")
    (project / "models").rename(project / "gone")
    (logged,) = mlflow.MlflowClient().search_logged_models([open_store(project).experiment_id])
    return mlflow.pyfunc.load_model(logged.model_uri)


@pytest.fixture(scope="module")
def address(model: PyFuncModel) -> Iterator[str]:
    """Where the server that `mlflow models serve` starts answers, on the loopback."""
    server = uvicorn.Server(uvicorn.Config(scoring_server.init(model), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/invocations"
    server.should_exit = True
    thread.join(10)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _request(address: str, portrait: str, audio: str, **params: object) -> requests.Response:
    row = {"columns": ["portrait", "audio"], "data": [[portrait, audio]]}
    return requests.post(address, json={"dataframe_split": row, "params": params}, timeout=60)


def test_a_video_comes_over_http(address: str, project: Path, tmp_path: Path) -> None:
    answer = _request(address, *(_base64(project / name) for name in ("portrait.png", "speech.wav")), crop_only=True)
    assert answer.status_code == 200, answer.text
    (tmp_path / "talk.mp4").write_bytes(base64.b64decode(answer.json()["predictions"][0]["video"]))
    video = open_video(tmp_path / "talk.mp4", "pyav")
    assert (video.width, video.height, len(list(video)), video.has_sound) == (64, 64, 12, True)
    assert inspect_file(tmp_path / "talk.mp4").is_generated


def test_what_is_wrong_is_said(model: PyFuncModel, address: str, project: Path) -> None:
    face, speech = (_base64(project / name) for name in ("portrait.png", "speech.wav"))
    answer = _request(address, face, "no base64")
    assert answer.status_code == 400
    assert "audio: not base64; send the bytes of a file as base64 text" in answer.json()["message"]
    for portrait, audio, params, message in (
        (speech, speech, {}, "portrait: "),
        (face, face, {}, "audio: no sound track"),
        (face, speech, {"repaint": "hat"}, "repaint 'hat': choose one of lips, mouth, face"),
    ):
        with pytest.raises(MlflowException, match=message):
            model.predict(pd.DataFrame({"portrait": [portrait], "audio": [audio]}), params)


def test_the_run_says_whose_networks_they_are(model: PyFuncModel, project: Path) -> None:
    (run,) = open_store(project).search({KIND_TAG: "model"})
    assert run.data.tags["segtalker.signature"] == "0" * 64
    assert run.data.tags["mlflow.runName"] == "demo model"
    assert model.metadata.signature.params.to_dict()[0]["name"] == "repaint"
