"""`benchmarks/gpu.sh` needs no DVC, Prefect or MLflow; here it measures everything on the CPU, at a tiny size."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from benchmarks.faces import rendered_person

ROOT = Path(__file__).parents[2]
_ABSENT = ("dvc", "prefect", "mlflow", "decord", "pyiqa", "face_alignment", "av", "requests")


def _write_pairs(folder: Path, people: int) -> None:
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for subject in range(people):
        (image,), (labels,) = rendered_person(subject, 256, frames=1)
        cv2.imwrite(str(folder / "images" / f"{subject}.png"), image[..., ::-1])
        cv2.imwrite(str(folder / "labels" / f"{subject}.png"), labels)


def test_the_script_measures_every_training_on_a_bare_machine(tmp_path: Path) -> None:
    _write_pairs(tmp_path / "pairs", people=4)
    for name in _ABSENT:
        (tmp_path / "absent" / name).mkdir(parents=True)
        (tmp_path / "absent" / name / "__init__.py").write_text("raise ImportError('not on this machine')\n")
    options = [
        "--experiment", "tiny", "--device", "cpu", "--sizes", "16", "--channels", "4", "--steps", "2",
        "--pairs", str(tmp_path / "pairs"), "--train-seconds", "4", "--set", "training.pairs.order=regions",
        "--set", "train_sgi.batch_size=1",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != "SEGTALKER_REAL_DATA"}
    environment |= {"PYTHON": sys.executable, "OUT": str(tmp_path / "out"), "PYTHONPATH": str(tmp_path / "absent")}
    done = subprocess.run(
        [str(ROOT / "benchmarks" / "gpu.sh"), *options], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert table in done.stdout
    rows = dict(line.strip("| ").split(" | ", 1) for line in table.splitlines())
    measured = [value for name, value in rows.items() if name.startswith("train_")]
    assert len(measured) == 14
    assert all(float(value.split()[0]) > 0 and "finite" not in value for value in measured)
    assert "skipped" in rows["tests on a GPU"] or "passed" in rows["tests on a GPU"]
    renderer = next(value for name, value in rows.items() if name.startswith("renderer, 256 px"))
    assert float(renderer.removeprefix("psnr ").split()[0]) > 10
    sheet = cv2.imread(str(tmp_path / "out" / "faces.png"))
    assert sheet is not None
    assert sheet.shape[0] == 2 * 256
    assert np.isfinite(float(next(value for name, value in rows.items() if "x plain" in name).split()[1].rstrip(",")))
