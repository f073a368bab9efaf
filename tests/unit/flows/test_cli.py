"""What the command says where it is used wrongly: one line, exit code 2."""

import errno
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import cli
from segtalker.config.params import Params, read_yaml
from segtalker.datasets.pairs import pairs_sha256
from segtalker.tracking.provenance import read_settings
from segtalker.utils.errors import BadInputError

CHECKOUT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bogus"], "No such option"),
        (["talk"], "talk needs --portrait (or --batch)"),
        (["talk", "--portrait", "face.png"], "talk needs --audio (or --text) and --out"),
        (["nonsense"], "No such command"),
        (["reproduce", "--until", "nowhere"], "there are: download, cut, crop"),
        (["reproduce", "--experiment", "none-such"], "experiments/none-such.yaml"),
        (["reproduce", "--set", "base.seed"], "key=value"),
    ],
)
def test_wrong_use_is_said_on_one_line(arguments: list[str], message: str, segtalker: Callable) -> None:
    code, _, said = segtalker(*arguments)
    assert code == 2
    assert message in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", [["reproduce"], ["report"]])
def test_a_store_that_does_not_answer_is_said_before_anything_runs(
    command: list[str], segtalker: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(CHECKOUT / name, tmp_path / name)
    (tmp_path / "experiment.yaml").write_text("active: {experiment: demo, dataset: synthetic}\n")
    (tmp_path / "results" / "demo" / "evaluate").mkdir(parents=True)
    monkeypatch.setenv("SEGTALKER_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    before = sorted(tmp_path.rglob("*"))
    reason = "MLflow at http://127.0.0.1:9 does not answer (Connection refused); check MLFLOW_TRACKING_URI"
    assert segtalker(*command) == (2, "", f"error: {reason}\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_without_a_word_it_helps(segtalker: Callable) -> None:
    code, said, _ = segtalker()
    assert code == 2
    assert "reproduce" in said


def test_the_active_experiment_names_the_photographs_it_learns_from(
    segtalker: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
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

    monkeypatch.setattr("flows.commands.reproduce.check_store", lambda _: None)
    monkeypatch.setattr("flows.experiment_run.experiment_run", no_run)
    monkeypatch.setenv("SEGTALKER_ROOT", str(tmp_path))
    settings = ["train_sgi.data=both", f"training.pairs.root={tmp_path / 'pairs'}"]
    _, _, said = segtalker("reproduce", "--set", settings[0], "--set", settings[1])
    assert said.endswith("error: far enough\n")
    sha256 = pairs_sha256(tmp_path / "pairs", tmp_path)
    assert read_yaml(tmp_path / "experiment.yaml")["train_sgi"] == {"data": "both", "pairs_sha256": sha256}
    assert [params.train_sgi.pairs_sha256 for params in run_params] == [sha256]
    assert read_settings(tmp_path, "demo") == ('train_sgi.data="both"', f'training.pairs.root="{tmp_path / "pairs"}"')


def test_a_full_disk_is_said_on_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def talk(**_: object) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "file:/videos/.talk-1a2b.mp4")
        except OSError as error:
            raise RuntimeError("the encoder stopped") from error

    monkeypatch.setattr(cli, "app", talk)
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(SystemExit) as left:
        cli.main()
    for name, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(name, handler)
    assert left.value.code == 2
    expected = "error: /videos: cannot be written to (No space left on device); free space there, then run again"
    assert capsys.readouterr().err.strip() == expected
