"""What is equal is made once: in another clone, after a change of words, in another experiment."""

import subprocess
from pathlib import Path

from project_copy import Project
from ruamel.yaml import YAML

from segtalker.config.stages import STAGES

TINY = ("reproduce", "--experiment", "tiny")
NOTHING_RAN = f"0 stages ran, {len(STAGES)} cached"


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=folder, check=True)


def test_a_clone_that_pulled_runs_nothing(project: Project, tmp_path: Path) -> None:
    assert project.dvc("remote", "add", "--default", "store", str(tmp_path / "store")).returncode == 0
    assert project.dvc("push").returncode == 0
    _git(project.root, "add", "--all")
    _git(project.root, "commit", "--quiet", "--message", "a run")
    _git(tmp_path, "clone", "--quiet", str(project.root), "clone")
    clone = Project(tmp_path / "clone")
    pulled = clone.dvc("pull")
    assert pulled.returncode == 0, pulled.stderr
    answer = clone.run(*TINY)
    assert answer.returncode == 0, answer.stderr
    assert NOTHING_RAN in answer.stdout
    results = "reports/tables/results.csv"
    assert clone.read(results) == project.read(results)


def test_words_and_touched_files_make_nothing_stale(project: Project) -> None:
    regions = project.root / "segtalker" / "regions.py"
    before = regions.read_text(encoding="utf-8")
    regions.write_text(before + "\n# a word more\n", encoding="utf-8")
    (project.root / "flows" / "stages" / "tables.py").touch()
    try:
        answer = project.run(*TINY)
    finally:
        regions.write_text(before, encoding="utf-8")
    assert answer.returncode == 0, answer.stderr
    assert NOTHING_RAN in answer.stdout


def test_code_that_changed_runs_the_stages_made_of_it(project: Project) -> None:
    tables = project.root / "flows" / "stages" / "tables.py"
    before = tables.read_text(encoding="utf-8")
    tables.write_text(before + "\n_ANOTHER_VALUE = 1\n", encoding="utf-8")
    try:
        answer = project.run(*TINY)
    finally:
        tables.write_text(before, encoding="utf-8")
    assert answer.returncode == 0, answer.stderr
    assert f"1 stages ran, {len(STAGES) - 1} cached" in answer.stdout


def test_an_experiment_shares_what_another_one_made(project: Project) -> None:
    """A named ablation of the talking masks trains no other network again."""
    tiny = YAML(typ="safe").load((project.root / "experiments" / "tiny.yaml").read_text(encoding="utf-8"))
    tiny["train_tsg"]["loss_weights"] = {"sync": 0.0}
    with (project.root / "experiments" / "tiny-no-sync.yaml").open("w", encoding="utf-8") as out:
        YAML().dump(tiny, out)
    answer = project.run("reproduce", "--experiment", "tiny-no-sync")
    assert answer.returncode == 0, answer.stderr
    ran = {line.split(":")[0].split()[-1] for line in answer.stdout.splitlines() if ": ran" in line}
    assert ran == {"train_tsg", "generate", "evaluate", "tables"}
    networks = [f"models/{name}/train_sgi/generator.ckpt" for name in ("tiny", "tiny-no-sync")]
    assert project.read(networks[0]) == project.read(networks[1])
