"""What is equal is made once: in another clone, after a change of words, in another experiment."""

import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
from project_copy import Project
from ruamel.yaml import YAML

from segtalker.config.stages import STAGES

RESULTS = "reports/tables/results.csv"
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
    assert clone.read(RESULTS) == project.read(RESULTS)
    _assert_reproduced(clone, project)


def _assert_reproduced(clone: Project, project: Project) -> None:
    """The run in the project's store, named by its experiment, is the one that the clone now has."""
    answer = clone.run("reproduce", "--from", "tiny", "--tracking", str(project.root / "mlflow.db"))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert NOTHING_RAN in answer.stdout
    assert "is reproduced" in answer.stdout
    assert "all equal" in answer.stdout


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


BARE = {
    "train_tsg": {"net": {"frames": 1}, "stride": 1, "loss_weights": {"sync": 0.0}},
    "train_sgi": {"encoder": {"mask_guided": False}, "reconstruction_steps": 8, "adversarial_steps": 0},
    "train_wav2lip": {"trained": False},
    "generate": {"methods": ["segtalker", "static", "shuffled_audio", "sgi_oracle_mask"]},
}


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = {
        name: _laid_over(below.get(name, {}), value) if isinstance(value, dict) else value
        for name, value in above.items()
    }
    return below | merged


def test_an_experiment_without_all_that_can_be_left_out_shares_what_another_one_made(project: Project) -> None:
    yaml = YAML(typ="safe")
    tiny = yaml.load((project.root / "experiments" / "tiny.yaml").read_text(encoding="utf-8"))
    with (project.root / "experiments" / "tiny-bare.yaml").open("w", encoding="utf-8") as out:
        YAML().dump(_laid_over(tiny, BARE), out)
    answer = project.run("reproduce", "--experiment", "tiny-bare")
    assert answer.returncode == 0, answer.stderr
    ran = {line.split(":")[0].split()[-1] for line in answer.stdout.splitlines() if ": ran" in line}
    assert ran == {"train_tsg", "train_sgi", "train_wav2lip", "generate", "evaluate", "tables"}
    networks = [f"models/{name}/train_sync/mask_expert.ckpt" for name in ("tiny", "tiny-bare")]
    assert project.read(networks[0]) == project.read(networks[1])
    _assert_left_out(project)


def _assert_left_out(project: Project) -> None:
    table = pd.read_csv(project.root / RESULTS)
    truth = {"ground_truth", "truth_halves", "truth_moments"}
    assert set(table["method"]) == truth | {"segtalker", "static", "shuffled_audio", "sgi_oracle_mask"}
    assert table.set_index("method").loc["segtalker", ["psnr", "mouth_iou", "lpips_seeded"]].notna().all()
    models = "models/tiny-bare"
    assert "was not trained" in project.read(f"{models}/train_wav2lip/none.txt").decode()
    history = project.read(f"{models}/train_sgi/history.csv").decode()
    assert "train/adversarial" not in history
    assert "train/pixel" in history
    assert "train/sync" not in project.read(f"{models}/train_tsg/history.csv").decode()
