"""How a stage ends."""

import errno
import os

import pytest
from mlflow.exceptions import MlflowException

from flows.stages import common
from flows.stages.common import StageRun, stage_main


def full(_run: StageRun) -> None:
    """A stage whose disk is full, as a library says it."""
    try:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/download/clips.csv")
    except OSError as error:
        raise ValueError("cannot write") from error


def broken(_run: StageRun) -> None:
    """A stage with a defect."""
    raise FileNotFoundError(errno.ENOENT, "No such file or directory", "x")


def test_a_disk_that_takes_no_more_is_one_line_and_a_defect_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(common, "quiet", lambda: None)
    monkeypatch.setattr(common, "run_stage", lambda body: body(None))
    with pytest.raises(SystemExit) as ended:
        stage_main(full)
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: data/download/clips.csv: cannot be written to (No space left on device); free space there, then run"
        " again\n"
    )
    with pytest.raises(FileNotFoundError):
        stage_main(broken)


def test_a_store_that_goes_away_within_a_training_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lost(_run: StageRun) -> None:
        """A stage whose logger cannot write."""
        raise MlflowException("API request to postgresql://ann:s3cret@host/x failed")

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://ann:s3cret@host/x")
    monkeypatch.setattr(common, "quiet", lambda: None)
    monkeypatch.setattr(common, "run_stage", lambda body: body(None))
    with pytest.raises(SystemExit) as ended:
        stage_main(lost)
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: MLflow at postgresql://host/x does not answer (API request to postgresql://***@host/x failed);"
        " check MLFLOW_TRACKING_URI\n"
    )


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({}, True),
        ({"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, True),
        ({"SLURM_PROCID": "1", "SLURM_LOCALID": "0"}, False),
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),
        ({"NODE_RANK": "0", "LOCAL_RANK": "1"}, False),
        ({"JSM_NAMESPACE_RANK": "3"}, False),
    ],
)
def test_only_the_first_of_several_processes_opens_the_store(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], first: bool
) -> None:
    for name in common._RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert common.is_first_rank() == first
