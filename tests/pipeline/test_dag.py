"""The whole experiment at tiny size: every stage real, then cached, interrupted, and repeated to the byte."""

import io
import sqlite3
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from project_copy import Project, copy_project
from ruamel.yaml import YAML

from segtalker.config.stages import STAGES

RESULTS = "reports/tables/results.csv"
METRICS = {
    "psnr", "ssim", "lpips_seeded", "fid_seeded", "cpbd", "lse_d_expert", "lse_c_expert", "lmd_mouth", "mouth_iou",
    "region_iou",
}  # fmt: skip
METHODS = {
    "ground_truth",
    "segtalker",
    "segtalker_pasted",
    "wav2lip",
    "static",
    "shuffled_audio",
    "silent_audio",
    "sgi_oracle_mask",
}
Finished = tuple[Project, subprocess.CompletedProcess[str]]


def test_every_stage_runs_quietly(finished: Finished) -> None:
    _, answer = finished
    assert answer.returncode == 0, answer.stderr
    for stage in STAGES:
        assert f"{stage}: ran" in answer.stdout
    said = answer.stdout + answer.stderr
    assert "Traceback" not in said
    assert "Warning" not in said


def test_results_hold_every_method_and_metric(finished: Finished) -> None:
    table = pd.read_csv(io.BytesIO(finished[0].read(RESULTS)))
    assert set(table["method"]) == METHODS | {"truth_halves", "truth_moments"}
    assert {"dataset", "clips", "failed", "signature"} | METRICS <= set(table.columns)
    assert set(table["dataset"]) == {"tiny"}
    assert (table["clips"] == 2).all()
    static = table.set_index("method").loc["static"]
    assert static[["psnr", "mouth_iou", "lpips_seeded"]].notna().all()


def test_generated_videos_have_picture_and_sound(finished: Finished) -> None:
    import av

    videos = sorted((finished[0].root / "results/tiny/generate").rglob("video.mp4"))
    assert len(videos) == 2 * (len(METHODS) - 1)
    for video in videos:
        with av.open(str(video)) as container:
            assert {stream.type for stream in container.streams} == {"video", "audio"}


def test_the_report_is_one_file(finished: Finished) -> None:
    page = finished[0].read("reports/index.html").decode()
    assert "<video" in page
    assert 'src="http' not in page


def test_mlflow_holds_one_parent_and_a_child_a_stage(finished: Finished) -> None:
    project, _ = finished
    store = sqlite3.connect(project.root / "mlflow.db")
    tags = pd.read_sql("select run_uuid, key, value from tags", store).pivot_table(
        index="run_uuid", columns="key", values="value", aggfunc="first"
    )
    kinds = tags["segtalker.kind"].value_counts()
    assert kinds["experiment"] == 1
    children = tags[tags["segtalker.kind"] == "stage"]
    assert set(children["segtalker.stage"]) == set(STAGES)
    assert children["mlflow.parentRunId"].nunique() == 1
    parent = tags[tags["segtalker.kind"] == "experiment"].iloc[0]
    for name in ("code", "data", "host", "workspace", "processor", "cores", "lock_sha256", "version.torch"):
        assert parent[f"segtalker.{name}"]
    assert parent["mlflow.user"]
    kept = project.root / "mlruns" / "segtalker" / children["mlflow.parentRunId"].iloc[0] / "artifacts"
    assert (kept / "index.html").read_bytes() == project.read("reports/index.html")
    networks = {path.relative_to(project.root / "models/tiny") for path in project.root.glob("models/tiny/*/*.ckpt")}
    assert networks == {path.relative_to(kept / "networks") for path in (kept / "networks").rglob("*.ckpt")}
    assert {"dvc.lock", "experiment.yaml", "tables", "packages.txt"} <= {path.name for path in kept.iterdir()}


def test_mlflow_alone_gives_the_same_tables(project: Project, tmp_path: Path) -> None:
    answer = project.run("tables", "--out", str(tmp_path / "again"))
    assert answer.returncode == 0, answer.stderr
    written = {path.name: path.read_bytes() for path in (project.root / "reports/tables").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == written
    listed = project.run("runs")
    assert [line.split()[1] for line in listed.stdout.splitlines()[1:]] == ["tiny"]


def test_a_second_run_does_nothing(project: Project) -> None:
    before, log = project.read(RESULTS), project.root / ".prefect" / "server.log"
    log.unlink()
    answer = Project(project.root).run("reproduce", "--experiment", "tiny")
    assert answer.returncode == 0, answer.stderr
    assert f"0 stages ran, {len(STAGES)} cached" in answer.stdout
    assert project.read(RESULTS) == before
    assert not log.exists()  # Prefect has nothing to record, and was not started


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "train_tsg.nope=1"), "train_tsg.nope: Extra inputs are not permitted"),
        (("--set", "train_tsg.steps"), "expected key=value"),
        (("--experiment", "none"), "no file experiments/none.yaml"),
        (("--until", "lunch"), "no such stage"),
    ],
)
def test_wrong_arguments_are_one_line(project: Project, arguments: tuple[str, ...], message: str) -> None:
    before = project.read("experiment.yaml")
    answer = project.run("reproduce", *arguments)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert project.read("experiment.yaml") == before


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    finished: Finished, prefect_server: str, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project", prefect_server)
    arguments = ("reproduce", "--experiment", "tiny")
    rendered = project.root / "data/download/tiny/clips"
    project.kill_when(lambda: rendered.is_dir() and len(list(rendered.glob("s*"))) >= 2, *arguments)
    checkpoint = project.root / "models/tiny/train_sgi/last.ckpt"
    project.kill_when(checkpoint.is_file, *arguments)
    answer = project.run(*arguments)
    assert answer.returncode == 0, answer.stderr
    assert project.read(RESULTS) == finished[0].read(RESULTS)
    assert _hashes(project) == _hashes(finished[0])  # another clone: networks, protocol and all that stages wrote


def _hashes(project: Project) -> dict[str, str]:
    """DVC's hash of each output; without the page, which names the clone's own git revision."""
    stages = YAML(typ="safe").load(project.read("dvc.lock"))["stages"]
    outputs = {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}
    return {path: md5 for path, md5 in outputs.items() if path != "reports/index.html"}
