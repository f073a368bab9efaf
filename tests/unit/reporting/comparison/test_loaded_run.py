"""What a run kept is read as its stage wrote it."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from flows.cli import main
from flows.stages.common import StageRun
from flows.stages.tables import tables
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace
from segtalker.evaluation.protocol import make_protocol, protocol_signature
from segtalker.tracking.mlflow_runs import ParentRun, RunIdentity, start_stage
from segtalker.tracking.run_origin import RunOwner
from segtalker.tracking.run_store import RunStore

SIGNATURE = "0123456789abcdef" * 4


def test_a_value_that_is_no_number_is_shown_as_missing(command, tmp_path) -> None:
    code, out, _ = command("tables", "not-finite", "--out", str(tmp_path / "o"))
    assert code == 0
    assert "1 values not measured" in out
    lost = pd.read_csv(tmp_path / "o" / "unavailable.csv").iloc[0]
    assert (lost["metric"], lost["method"], lost["reason"]) == ("psnr", "segtalker", "the value is nan")


def run_stage(root: Path) -> str:
    """Runs the stage as in a pipeline; the id of its experiment's run."""
    params = load_params()
    parent = ParentRun(
        name="demo",
        identity=RunIdentity("e" * 64, "c" * 64, "d" * 64, RunOwner("ann", "desk", "a" * 32)),
        params=params.model_dump(mode="json"),
        tags={"segtalker.experiment": "demo", "segtalker.dataset": "synthetic"},
        packages={},
    )
    tracker = start_stage(root=root, stage="tables", signature=SIGNATURE, code="9" * 64, parent=parent)
    tables(StageRun("tables", params, Workspace(root, "synthetic", "demo"), SIGNATURE, tracker))
    tracker.finish(succeeded=True)
    return str(tracker.parent_id)


def test_the_same_bytes_without_data_and_results(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/mlflow.db")
    monkeypatch.setenv("SEGTALKER_ROOT", str(project))
    monkeypatch.chdir(project)
    monkeypatch.setattr("flows.cli.signal.signal", lambda *_: None)
    parts = make_protocol(
        metrics={}, settings={}, weights={}, clips={"person00_000": "1"}, parser="2", expert="3", code="4"
    )
    (project / "results" / "demo" / "evaluate" / "protocol.json").write_text(json.dumps(parts))
    run_id = run_stage(Path())
    written = {path.name: path.read_bytes() for path in (project / "reports" / "tables").iterdir()}
    for name in ("data", "results", "models", "reports"):
        shutil.rmtree(project / name)
    # what is active now is not what made the run
    params = (project / "params.yaml").read_text().replace("headline: [psnr, ssim,", "headline: [ssim, psnr,")
    (project / "params.yaml").write_text(params.replace("bootstrap_draws: 10000", "bootstrap_draws: 200"))
    monkeypatch.setattr("sys.argv", ["segtalker", "tables", "--out", "again"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code, capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (project / "again").iterdir()} == written
    assert next(run for run in RunStore.open(project).runs if run.run_id == run_id).protocol == protocol_signature(
        parts
    )
