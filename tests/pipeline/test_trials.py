"""Going back to an experiment, the report on its own, and trials of `dvc exp run`."""

import shutil
import sqlite3
from pathlib import Path

from project_copy import Project

from segtalker.config.stages import STAGES

RESULTS = "reports/tables/results.csv"
TINY = ("reproduce", "--experiment", "tiny")


def test_going_back_to_an_experiment_runs_nothing(project: Project) -> None:
    before = project.read(RESULTS)
    answer = project.run(*TINY, "--set", "evaluate.batch_size=2")
    assert answer.returncode == 0, answer.stderr
    assert f"2 stages ran, {len(STAGES) - 2} cached" in answer.stdout
    assert project.read(RESULTS) != before
    answer = project.run(*TINY)
    assert answer.returncode == 0, answer.stderr
    assert f"0 stages ran, {len(STAGES)} cached" in answer.stdout
    assert project.read(RESULTS) == before


def test_runs_of_one_experiment_have_names_of_their_own(project: Project) -> None:
    store = sqlite3.connect(project.root / "mlflow.db")
    query = "select name from runs join tags using (run_uuid) where key = 'segtalker.kind' and value = 'experiment'"
    assert {name for (name,) in store.execute(query)} == {"tiny", "tiny evaluate.batch_size=2"}


def test_the_report_is_made_again_alone(project: Project) -> None:
    before = project.read(RESULTS)
    shutil.rmtree(project.root / "reports" / "tables")
    answer = project.run("report")
    assert answer.returncode == 0, answer.stderr
    assert next(line for line in answer.stdout.splitlines() if ": ran" in line).startswith("tables")
    assert project.read(RESULTS) == before


def test_dvc_plots_the_curves_of_every_training(project: Project, tmp_path: Path) -> None:
    answer = project.dvc("plots", "show", "--out", str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert {stage for stage in STAGES if f"models/tiny/{stage}/history.csv" in page} == {
        stage for stage in STAGES if stage.startswith("train_")
    }
    assert '"facet": {"field": "name"' in page  # the template of this project


def test_a_trial_of_a_value_that_is_overridden_is_refused(project: Project) -> None:
    answer = project.dvc("exp", "run", "-S", "train_tsg.steps=8")
    assert answer.returncode != 0
    assert "train_tsg.steps=8 has no effect" in answer.stdout + answer.stderr


def test_without_results_there_is_nothing_to_report(project: Project) -> None:
    shutil.rmtree(project.root / "results")
    answer = project.run("report")
    assert answer.returncode == 2
    assert answer.stderr.strip() == "error: results/tiny/evaluate: not there; run segtalker reproduce first"
