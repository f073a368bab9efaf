"""What the command says where it is used wrongly: one line, exit code 2."""

import shutil
import sys
from pathlib import Path

import pytest

from flows.cli import main
from segtalker.config.params import Params, read_yaml
from segtalker.datasets.pairs import pairs_sha256
from segtalker.tracking.provenance import read_settings
from segtalker.utils.errors import BadInputError

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def own_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's handlers stay out of the test run."""
    monkeypatch.setattr("flows.cli.signal.signal", lambda *_: None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bogus"], "No such option"),
        (["talk"], "Missing option '--portrait'"),
        (["talk", "--portrait", "face.png"], "--audio and --out"),
        (["nonsense"], "No such command"),
        (["reproduce", "--until", "nowhere"], "there are: download, cut, crop"),
        (["reproduce", "--experiment", "none-such"], "experiments/none-such.yaml"),
        (["reproduce", "--set", "base.seed"], "key=value"),
    ],
)
def test_wrong_use_is_said_on_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["segtalker", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert message in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", [["reproduce"], ["report"]])
def test_a_store_that_does_not_answer_is_said_before_anything_runs(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(CHECKOUT / name, tmp_path / name)
    (tmp_path / "experiment.yaml").write_text("active: {experiment: demo, dataset: synthetic}\n")
    (tmp_path / "results" / "demo" / "evaluate").mkdir(parents=True)
    monkeypatch.setenv("SEGTALKER_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(sys, "argv", ["segtalker", *command])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "error: MLflow at http://127.0.0.1:9 does not answer (Connection refused); check MLFLOW_TRACKING_URI\n"
    )
    assert sorted(tmp_path.rglob("*")) == before


def test_without_a_word_it_helps(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["segtalker"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "reproduce" in capsys.readouterr().out


def test_the_active_experiment_names_the_photographs_it_learns_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("images/a.jpg", "labels/a.png"):
        (tmp_path / "pairs" / name).parent.mkdir(parents=True)
        (tmp_path / "pairs" / name).write_text(name)
    for name in ("params.yaml", "experiments"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    run_params = []

    def no_run(_root: Path, params: Params, _stages: object) -> None:
        run_params.append(params)
        raise BadInputError("far enough")

    monkeypatch.setattr("flows.cli.check_store", lambda _: None)
    monkeypatch.setattr("flows.experiment_run.experiment_run", no_run)
    monkeypatch.setenv("SEGTALKER_ROOT", str(tmp_path))
    settings = ["train_sgi.data=both", f"training.pairs.root={tmp_path / 'pairs'}"]
    monkeypatch.setattr(sys, "argv", ["segtalker", "reproduce", "--set", settings[0], "--set", settings[1]])
    with pytest.raises(SystemExit):
        main()
    sha256 = pairs_sha256(tmp_path / "pairs", tmp_path)
    assert read_yaml(tmp_path / "experiment.yaml")["train_sgi"] == {"data": "both", "pairs_sha256": sha256}
    assert [params.train_sgi.pairs_sha256 for params in run_params] == [sha256]
    assert read_settings(tmp_path, "demo") == ('train_sgi.data="both"', f'training.pairs.root="{tmp_path / "pairs"}"')
