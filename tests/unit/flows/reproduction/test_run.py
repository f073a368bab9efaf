"""`segtalker reproduce --from`: what is refused, what runs, and what is said of the numbers."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from kept_runs import CODE, FakeRun

from segtalker.config.params import load_params, override_params, read_yaml
from segtalker.config.stages import STAGES
from segtalker.tracking.provenance import experiment_signature
from segtalker.tracking.run_origin import package_versions


def test_equal_numbers_are_a_match(reproduce: Callable, ids: dict[str, str], project: Path) -> None:
    code, said, errors = reproduce(ids["demo"][:8])
    assert (code, errors) == (0, "")
    assert "is reproduced: 6 scores and 15 values they are means of, all equal" in said
    table = pd.read_csv(project / "reports" / "reproduced" / f"{ids['demo'][:8]}.csv")
    assert set(table["match"]) == {"equal"}
    assert set(table["tolerance"]) == {0.0}


def test_other_numbers_on_the_same_machine_are_none(reproduce: Callable, ids: dict[str, str], stages: FakeRun) -> None:
    stages.gain, stages.lock = 1e-9, "2" * 32
    code, said, _ = reproduce(ids["demo"])
    assert code == 3
    assert "is not reproduced: of 6 scores 4 equal, 0 within the tolerance, 2 off or missing" in said
    assert "first stage that came out otherwise: train_tsg (models/demo/train_tsg)" in said
    assert "so it should be equal: that is a defect" in said


def test_elsewhere_a_score_may_be_off_by_what_the_people_can_tell(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun
) -> None:
    stages.gain = 0.01  # of people who are 1 apart
    code, said, _ = reproduce(ids["gpu"])
    assert code == 0
    assert "4 equal, 1 within the tolerance, 0 off or missing, 1 without an interval and so not judged" in said
    assert "may differ by: GPU: NVIDIA H200 there, none here" in said
    stages.gain = 10.0
    assert reproduce(ids["gpu"])[0] == 3


def test_a_method_that_is_missing_is_no_match(reproduce: Callable, ids: dict[str, str], stages: FakeRun) -> None:
    stages.without = "static"
    code, said, _ = reproduce(ids["gpu"])
    assert code == 3
    assert "missing" in said


def test_other_packages_are_named(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages.gain = 0.01
    monkeypatch.setattr("flows.reproduction.run.package_versions", lambda: package_versions() | {"torch": "9.9"})
    code, said, _ = reproduce(ids["demo"])
    assert code == 0
    assert f"may differ by: packages: torch {package_versions()['torch']} there, 9.9 here" in said


def test_params_are_those_of_the_run_but_for_the_machine(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun, project: Path
) -> None:
    assert reproduce(ids["seed"])[0] == 0
    assert [params.base.seed for params in stages.seen] == [8]
    assert load_params(project).base.seed == 8
    assert stages.seen[0].machine.workers != 64


def test_defaults_that_were_others_are_laid_over(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun, project: Path
) -> None:
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("seed: 7\n", "seed: 11\n", 1))
    assert load_params(project).base.seed == 11
    assert reproduce(ids["demo"])[0] == 0
    assert stages.seen[0].base.seed == 7
    assert read_yaml(project / "experiment.yaml")["base"] == {"seed": 7}


def test_a_signature_names_a_run(reproduce: Callable, ids: dict[str, str], project: Path) -> None:
    tables = {"active": read_yaml(project / "experiment.yaml")["active"], "tables": {"bootstrap_draws": 100}}
    params = override_params(read_yaml(project / "params.yaml"), tables, "test")
    code, said, _ = reproduce(experiment_signature(params)[:12])
    assert code == 0
    assert f"run {ids['demo'][:8]} demo" in said


def refused(answer: tuple[int, str, str], stages: FakeRun, project: Path) -> str:
    """The one line of an error before which nothing ran."""
    code, _, errors = answer
    assert code == 2
    assert errors.count("\n") == 1, errors
    assert stages.seen == []
    assert (project / "experiment.yaml").read_text() == "active: {experiment: demo, dataset: synthetic}\n"
    return errors


def test_a_signature_that_two_have_is_refused(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun, project: Path
) -> None:
    said = refused(reproduce("7ab1e5"), stages, project)  # of the stage tables, here of all of them
    assert all(ids[name][:8] in said for name in ("first", "second"))
    assert "bob@lap" in said


def test_other_code_is_refused_and_what_to_check_out_is_said(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = CODE | {"generate": "0" * 64, "tables": "0" * 64}
    monkeypatch.setattr("flows.reproduction.run.current_code", lambda _: here)
    said = refused(reproduce(ids["demo"]), stages, project)
    assert "its code of generate, tables is another one than here" in said
    assert "git fetch, git worktree add ../segtalker-ffffffff ffffffff" in said
    code, said, _ = reproduce(ids["demo"], "--with-this-code")
    assert code == 0
    assert "though not the same: code: another one in generate, tables" in said


def test_params_of_another_version_are_named(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def more_params(path: Path) -> dict:
        content = read_yaml(path)
        if path.name == "params.yaml":
            content["base"]["tempo"] = 25
        return content

    monkeypatch.setattr("flows.reproduction.restored_params.read_yaml", more_params)
    said = refused(reproduce(ids["demo"]), stages, project)
    assert "only one of it and params.yaml here has base.tempo" in said
    assert "has train_tsg.gone, base.tempo, train_tsg.steps" in refused(reproduce(ids["older"]), stages, project)


def test_other_code_runs_without_the_params_it_has_not(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun, project: Path
) -> None:
    code, said, _ = reproduce(ids["older"], "--with-this-code")
    assert code == 0
    assert "train_tsg.gone: this code has no such param" in said
    assert "train_tsg.steps: the run has no such param, 1200 is taken" in said
    assert len(stages.seen) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--set", "base.seed=3"], "params are others than its own: base.seed"),
        (["--set", "base.seed"], "expected key=value"),
        (["--until", "split"], "--from makes a whole run again"),
        (["--experiment", "tiny"], "--from makes a whole run again"),
    ],
)
def test_what_would_be_another_run_is_refused(
    arguments: list[str], reason: str, reproduce: Callable, ids: dict[str, str], stages: FakeRun, project: Path
) -> None:
    assert reason in refused(reproduce(ids["demo"], *arguments), stages, project)


def test_nothing_is_trained_on_other_recordings(
    reproduce: Callable, ids: dict[str, str], stages: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.reproduction.run.refuse_missing_files", lambda *_: None)
    code, _, said = reproduce(ids["folder"])
    assert code == 2
    assert "its recordings were others (hash dddddddd, here " in said
    assert stages.stages == [("download",)]
    monkeypatch.setattr("flows.reproduction.run.data_here", lambda *_: "d" * 64)
    assert reproduce(ids["folder"])[0] == 0
    assert stages.stages[1:] == [("download",), STAGES]


def test_what_is_no_run_is_refused(reproduce: Callable, ids: dict[str, str], stages: FakeRun, project: Path) -> None:
    assert "no such run" in refused(reproduce("0000000000"), stages, project)
    refused(reproduce(ids["evaluation"]), stages, project)
    said = refused(reproduce(ids["demo"], "--tracking", "nowhere.db"), stages, project)
    assert "--tracking nowhere.db: no such file" in said


def test_options_of_a_run_need_one(segtalker: Callable, project: Path) -> None:
    code, _, said = segtalker("reproduce", "--with-this-code")
    assert code == 2
    assert "go with --from" in said
