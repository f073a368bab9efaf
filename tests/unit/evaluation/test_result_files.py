"""What is kept with the run of an experiment."""

import csv
import io
from pathlib import Path

import pytest

from segtalker.evaluation import result_files
from segtalker.evaluation.result_files import keep_experiment
from segtalker.utils.hashing import file_sha256


class Shelf:
    """Remembers what it is given, for the experiment's run."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def log_artifact(self, path: Path, folder: str = "", parent: bool = False) -> None:
        assert parent
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        self.files |= {str(Path(folder) / file.relative_to(path.parent)): file.read_bytes() for file in files}


def test_page_tables_lock_and_networks_of_moderate_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_files, "_MAX_NETWORK_BYTES", 10)
    models = tmp_path / "models" / "demo"
    for name, size in {"train_tsg/tsg.ckpt": 10, "train_sgi/generator.ckpt": 11, "train_tsg/last.ckpt": 1}.items():
        (models / name).parent.mkdir(parents=True, exist_ok=True)
        (models / name).write_bytes(b"x" * size)
    (tmp_path / "reports" / "tables").mkdir(parents=True)
    (tmp_path / "reports" / "tables" / "results.csv").write_text("method")
    (tmp_path / "reports" / "index.html").write_text("page")
    for name in ("dvc.lock", "experiment.yaml"):
        (tmp_path / name).write_text(name)
    shelf = Shelf()
    keep_experiment(shelf, tmp_path, models, tmp_path / "reports")
    listed = list(csv.DictReader(io.StringIO(shelf.files.pop("networks/networks.csv").decode())))
    assert {name: content for name, content in shelf.files.items()} == {
        "index.html": b"page",
        "tables/results.csv": b"method",
        "dvc.lock": b"dvc.lock",
        "experiment.yaml": b"experiment.yaml",
        "networks/train_tsg/tsg.ckpt": b"x" * 10,
    }
    assert [(row["file"], row["bytes"], row["copied"]) for row in listed] == [
        ("train_sgi/generator.ckpt", "11", "no"),
        ("train_tsg/tsg.ckpt", "10", "yes"),
    ]
    assert listed[1]["sha256"] == file_sha256(models / "train_tsg" / "tsg.ckpt")
