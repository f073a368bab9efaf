"""Where files of runs lie: in the project, also after it was copied."""

import shutil
import subprocess
import sys
from pathlib import Path

from mlflow import MlflowClient

from segtalker.tracking.mlflow_runs import EXPERIMENT
from segtalker.tracking.run_store import RunStore


def log_file(root: Path, text: str) -> str:
    """A run with a file in the store of a project, by a process in it; the run's id."""
    code = (
        "import sys; from pathlib import Path; from tracking_runs import make_parent;"
        "from segtalker.tracking.mlflow_runs import start_stage;"
        "Path('scores.txt').write_text(sys.argv[1]);"
        "run = start_stage(root=Path(), stage='tables', signature='f', code='c', parent=make_parent());"
        "run.log_artifact(Path('scores.txt'), 'evaluate'); run.finish(True); print(run.run_id)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, text], cwd=root, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parents[3]}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return answer.stdout.split()[-1]


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_copied_project_keeps_to_itself(local: Path, empty_database: Path) -> None:
    original, copy = local / "original", local / "deeper" / "copy"
    original.mkdir()
    shutil.copyfile(empty_database, original / "mlflow.db")
    first = log_file(original, "of the original")
    before = files(original)
    shutil.copytree(original, copy)
    second = log_file(copy, "of the copy")
    assert files(original) == before
    shutil.rmtree(original)
    store = RunStore.open(copy)
    assert store.fetch(first, "evaluate/scores.txt") == b"of the original"
    assert store.fetch(second, "evaluate/scores.txt") == b"of the copy"


def test_a_project_of_before_that_was_copied_keeps_to_itself(local: Path, empty_database: Path) -> None:
    original, copy = local / "original", local / "copy"
    (original / "mlruns").mkdir(parents=True)
    shutil.copyfile(empty_database, original / "mlflow.db")
    client = MlflowClient(f"sqlite:///{original}/mlflow.db")
    experiment = client.create_experiment(EXPERIMENT, str(original / "mlruns" / "1"))  # as versions before did
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "old", "evaluate/scores.txt")
    shutil.copytree(original, copy)
    before = files(original)
    second = log_file(copy, "of the copy")
    assert files(original) == before
    shutil.rmtree(original)
    assert RunStore.open(copy).fetch(run, "evaluate/scores.txt") == b"old"
    assert RunStore.open(copy).fetch(second, "evaluate/scores.txt") == b"of the copy"


def test_a_path_of_any_letters_holds_all_its_runs(local: Path) -> None:
    name = "a?b %25c#d&e=f@g"
    root = local / "home" / name / "project"
    root.mkdir(parents=True)
    run = log_file(root, "here")
    assert RunStore.open(root).fetch(run, "evaluate/scores.txt") == b"here"
    assert {path.name for path in local.iterdir()} == {"home"}
    assert {path.name for path in (local / "home").iterdir()} == {name}
    assert {path.name for path in (local / "home" / name).iterdir()} == {"project"}
    assert {"mlflow.db", "mlruns"} <= {path.name for path in root.iterdir()}
