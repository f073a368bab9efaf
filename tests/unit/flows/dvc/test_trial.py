"""Values of a trial count, or it does not begin."""

import subprocess
from pathlib import Path

import pytest

from flows.dvc.trial import TRIAL_VARIABLE, check_trial
from segtalker.utils.errors import BadInputError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed project whose active experiment overrides one value; a trial of it."""
    (tmp_path / "params.yaml").write_text("train_tsg: {steps: 100, warmup_steps: 5}\n")
    (tmp_path / "experiment.yaml").write_text("active: {experiment: tiny}\ntrain_tsg: {steps: 8}\n")
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setenv(TRIAL_VARIABLE, "bold-move")
    return tmp_path


def test_a_value_that_the_experiment_overrides_is_refused(project: Path) -> None:
    (project / "params.yaml").write_text("train_tsg: {steps: 200, warmup_steps: 5}\n")
    with pytest.raises(
        BadInputError, match=r"train_tsg\.steps=200 has no effect.* -S experiment\.yaml:train_tsg\.steps=200"
    ):
        check_trial(project)


def test_other_values_and_none_are_taken(project: Path) -> None:
    check_trial(project)
    (project / "params.yaml").write_text("train_tsg: {steps: 100, warmup_steps: 9}\n")
    check_trial(project)


def test_outside_of_a_trial_nothing_is_asked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "params.yaml").write_text("train_tsg: {steps: 200}\n")
    monkeypatch.delenv(TRIAL_VARIABLE)
    check_trial(project)
