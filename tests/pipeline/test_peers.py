"""Videos of another system, measured by the command: the same numbers as within, and every mismatch said."""

import io
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from project_copy import Project

ROOT = os.environ.get("SEGTALKER_REAL_DATA", "")
SCORES = "reports/evaluations/peer/evaluate/metrics.csv"


def _hand_in(project: Project, folder: Path) -> Path:
    """Copies the system's own videos of both test clips into a folder, as another system would hand them in."""
    for video in (project.root / "results/tiny/generate/segtalker").glob("*/video.mp4"):
        shutil.copy(video, folder / f"{video.parent.name}.mp4")
    return folder


@pytest.fixture
def peers(project: Project, tmp_path: Path) -> Path:
    """See `_hand_in`."""
    return _hand_in(project, tmp_path)


def _means(project: Project, name: str) -> pd.DataFrame:
    table = pd.read_csv(io.BytesIO(project.read(name)))
    return table.groupby(["method", "metric"])["value"].mean().unstack("metric")


@pytest.fixture(scope="module")
def measured(project: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said when these videos are measured as the system `peer`; its results are only read."""
    folder = tmp_path_factory.mktemp("peers")
    arguments = ("--name", "peer", "--set", "machine.workers=2")
    answer = project.run("evaluate", "--predictions", str(_hand_in(project, folder)), *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_own_videos_get_their_own_numbers(project: Project, measured: str) -> None:
    assert "2 of 2 clips measured" in measured
    within, outside = _means(project, "results/tiny/evaluate/metrics.csv"), _means(project, SCORES)
    pd.testing.assert_series_equal(within.loc["ground_truth"], outside.loc["ground_truth"])
    # but for the loss of the video file; the parser here has learned nothing, and jumps at less
    for metric, tolerance in {"psnr": 0.5, "ssim": 0.02, "lse_d_expert": 0.05, "lpips_seeded": 0.02}.items():
        assert outside.loc["peer", metric] == pytest.approx(within.loc["segtalker", metric], abs=tolerance)


@pytest.mark.usefixtures("measured")
def test_its_row_stands_beside_those_of_the_experiment(project: Project, tmp_path: Path) -> None:
    answer = project.run("tables", "tiny", "peer", "--out", str(tmp_path / "tables"))
    assert answer.returncode == 0, answer.stderr
    table = pd.read_csv(tmp_path / "tables" / "results.csv")
    assert {"segtalker", "peer"} <= set(table["method"])
    truth = table[table["method"] == "ground_truth"]
    assert len(truth) == 2
    assert truth["ssim"].nunique() == 1


@pytest.mark.usefixtures("measured")
def test_one_process_and_two_get_the_same_numbers(project: Project, peers: Path) -> None:
    arguments = ("--name", "one", "--set", "machine.workers=1")
    answer = project.run("evaluate", "--predictions", str(peers), *arguments)
    assert answer.returncode == 0, answer.stderr
    two, one = (
        pd.read_csv(io.BytesIO(project.read(f"reports/evaluations/{name}/evaluate/metrics.csv")))
        for name in ("peer", "one")
    )
    pd.testing.assert_frame_equal(one.replace({"method": {"one": "peer"}}), two, check_exact=True)


def test_what_is_missing_damaged_or_extra_is_said(project: Project, peers: Path) -> None:
    first, second = sorted(peers.glob("*.mp4"))
    second.write_bytes(second.read_bytes()[:200])
    (peers / "holiday.mp4").write_bytes(b"")
    answer = project.run("evaluate", "--predictions", str(peers), "--name", "damaged")
    assert answer.returncode == 0, answer.stderr
    assert "1 of 2 clips measured" in answer.stdout
    out = "reports/evaluations/damaged"
    failures = pd.read_csv(io.BytesIO(project.read(f"{out}/evaluate/failures.csv")))
    assert failures["clip_id"].tolist() == [second.stem]
    assert "holiday.mp4" in project.read(f"{out}/notes.csv").decode()
    clips = pd.read_csv(io.BytesIO(project.read(f"{out}/evaluate/metrics.csv")))["clip_id"].dropna()
    assert set(clips) == {first.stem}


@pytest.mark.real
@pytest.mark.skipif(not ROOT, reason="SEGTALKER_REAL_DATA is not set")
def test_a_folder_of_real_videos_is_a_reference(project: Project, tmp_path: Path) -> None:
    for folder in ("real", "made"):
        (tmp_path / folder / "ann").mkdir(parents=True)
        video = Path(ROOT) / "videos" / "hdtf" / "WDA_AlexandriaOcasioCortez_000.mp4"
        shutil.copy(video, tmp_path / folder / "ann" / "her talk (1).mp4")
    settings = ("crop.detector=mediapipe", f"crop.weights={ROOT}/weights/face_landmarker.task")
    options = [part for setting in settings for part in ("--set", setting)]
    folders = ("--predictions", str(tmp_path / "made"), "--reference", str(tmp_path / "real"))
    answer = project.run("evaluate", *folders, "--name", "folks", *options)
    assert answer.returncode == 0, answer.stderr
    table = pd.read_csv(io.BytesIO(project.read("reports/evaluations/folks/results.csv"))).set_index("method")
    assert set(table["dataset"]) == {"real"}
    assert table.loc["folks", "clips"] == 1
    assert table.loc["folks", "ssim"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--name", "peer"), "needs --predictions and --name"),
        (("--predictions", "{peers}", "--name", "segtalker"), "a method of this project has this name"),
        (("--predictions", "{peers}", "--name", "../up"), "letters, digits"),
        (("--predictions", "{peers}/none", "--name", "peer"), "no such folder"),
        (("--predictions", "{peers}", "--name", "peer", "--reference", "{peers}"), "crop.detector annotations"),
        (("--predictions", "{peers}", "--name", "peer", "--out", "{peers}"), "would be replaced"),
        (("--predictions", "{peers}", "--name", "peer", "--out", "params.yaml"), "a file"),
        (("--write-inputs", "params.yaml"), "no folder can be made"),
        (
            ("--predictions", "{peers}", "--name", "peer", "--set", "evaluate.syncnet_weights={peers}/none.model"),
            "none.model: missing; fetch https://",
        ),
        (("--predictions", "{peers}", "--name", "peer", "--out", "/proc/nobody/x"), "cannot be made"),
    ],
)
def test_wrong_requests_are_one_line(project: Project, peers: Path, arguments: tuple[str, ...], message: str) -> None:
    answer = project.run("evaluate", *(argument.format(peers=peers) for argument in arguments))
    assert answer.returncode == 2
    assert message in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_inputs_are_what_a_system_is_to_be_given(project: Project, tmp_path: Path) -> None:
    answer = project.run("evaluate", "--write-inputs", str(tmp_path / "inputs"))
    assert answer.returncode == 0, answer.stderr
    assert len(list((tmp_path / "inputs").glob("*.mp4"))) == 2
