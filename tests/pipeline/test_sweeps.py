"""A sweep at tiny size: trials run only the stages their params reach, and the best becomes an experiment."""

import sqlite3
from pathlib import Path

import pandas as pd
from project_copy import Project
from ruamel.yaml import YAML

SWEEP = ("sweep", "--experiment", "tiny", "--name", "draws", "--sampler", "grid", "--metric", "lse_d_expert",
         "--param", "tables.bootstrap_draws=100,200", "--trials", "1")  # fmt: skip


def _stages(root: Path) -> dict[str, list[str]]:
    """The stages that ran to their end below each trial, as MLflow has them nested."""
    with sqlite3.connect(root / "mlflow.db") as store:
        tags = pd.read_sql("select run_uuid, key, value from tags", store)
    wide = tags.pivot_table(index="run_uuid", columns="key", values="value", aggfunc="first")
    parent, kind = wide["mlflow.parentRunId"].to_dict(), wide["segtalker.kind"]
    trials = kind.index[kind == "trial"]
    (sweep,) = kind.index[kind == "sweep"]
    assert {parent[trial] for trial in trials} == {sweep}
    stages = wide[wide["segtalker.kind"] == "stage"]
    return {
        wide.loc[trial, "mlflow.runName"]: [
            name for run, name in stages["segtalker.stage"].items() if parent.get(parent[run]) == trial
        ]
        for trial in trials
    }


def test_trials_run_what_their_params_reach_and_nothing_else(project: Project) -> None:
    project = Project(project.root)  # with a server of the sweep's own
    before = project.read("experiment.yaml"), project.read("reports/tables/results.csv")
    answer = project.run(*SWEEP)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert _stages(project.root) == {"0000 tables.bootstrap_draws=100": ["tables"]}
    assert (project.read("experiment.yaml"), project.read("reports/tables/results.csv")) == before
    assert (project.root / "reports/sweeps/draws.html").is_file()
    assert (project.root / "sweeps/draws/trials/0000/reports/index.html").is_file()
    with sqlite3.connect(project.root / ".prefect" / "prefect.db") as store:
        states = store.execute(
            "select name, state_type from task_run where flow_run_id = (select id from flow_run where name = 'draws')"
        ).fetchall()
    assert states == [("trial 0", "COMPLETED")]
    again = project.run(*SWEEP)
    assert again.returncode == 0, again.stderr
    assert "1 of 1 trials are done" in again.stdout
    assert "trial 0:" not in again.stdout
    applied = project.run("sweep", "apply", "draws")
    assert applied.returncode == 0, applied.stderr
    best = YAML(typ="safe").load(project.read("experiments/draws-best.yaml"))
    tiny = YAML(typ="safe").load(project.read("experiments/tiny.yaml"))
    assert best == tiny | {"tables": tiny["tables"] | {"bootstrap_draws": 100}}
