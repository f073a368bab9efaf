"""Where a run keeps its files: one place that knows the folder layout."""

import os
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from segtalker.utils.errors import BadInputError

_STAGE_FOLDERS = ("data", "models", "results")


def project_root() -> Path:
    """The folder that holds `dvc.yaml`: `SEGTALKER_ROOT`, the working folder or the source checkout."""
    if root := os.environ.get("SEGTALKER_ROOT"):
        return Path(root)
    checkout = Path(__file__).resolve().parents[2]
    return next((path for path in (Path.cwd(), checkout) if (path / "dvc.yaml").is_file()), checkout)


@dataclass(frozen=True)
class Workspace:
    """Folders of one dataset and one experiment.

    Args:
        root: the project folder; stages run inside it, so they pass `Path()`.
        dataset: names `data/<stage>/<dataset>`, shared by every experiment on the same clips.
        experiment: names `models/<experiment>/<stage>` and `results/<experiment>/<stage>`.
    """

    root: Path
    dataset: str
    experiment: str

    def data(self, stage: str) -> Path:
        """Clips after `stage`: `download`, `crop`, `parse`, `split`."""
        return self.root / "data" / stage / self.dataset

    @property
    def models(self) -> Path:
        """Trained networks of the experiment, a folder a stage."""
        return self.root / "models" / self.experiment

    def model(self, stage: str) -> Path:
        """Trained networks of `stage`: `train_parser`, `train_sync`, `train_tsg`, `train_sgi`,
        `train_wav2lip`."""
        return self.models / stage

    def results(self, stage: str) -> Path:
        """Outputs of `stage`: `generate`, `evaluate`."""
        return self.root / "results" / self.experiment / stage

    @property
    def reports(self) -> Path:
        """Tables, figures and the report page of the active experiment."""
        return self.root / "reports"


def stage_outputs(root: Path) -> list[Path]:
    """Where stages write, and DVC deletes and restores as it sees fit: the folders of stages and outputs of `dvc.yaml`.

    Args:
        root: the project folder.
    """
    file = root / "dvc.yaml"
    stages = YAML(typ="safe", pure=True).load(file)["stages"].values() if file.is_file() else ()
    outputs = [
        next(iter(output)) if isinstance(output, dict) else output
        for stage in stages
        for output in stage.get("outs", ())
    ]
    # `data/cut/${active.dataset}` depends on the experiment: all of `data/cut` is the stage's
    folders = [output if "${" not in output else output.partition("${")[0].rpartition("/")[0] for output in outputs]
    return [(root / name).resolve() for name in (*_STAGE_FOLDERS, *folders)]


def refuse_stage_output(path: Path, root: Path, option: str) -> None:
    """Refuses a place to write to that DVC would delete or overwrite without a word.

    Args:
        path: the file or folder to be written.
        root: the project folder.
        option: which names it, such as `--out`.

    Raises:
        BadInputError: it lies inside an output of a stage, or is a folder that holds one.
    """
    target = path.resolve()
    for output in stage_outputs(root):
        name = os.path.relpath(output, root.resolve())
        if target.is_relative_to(output):
            raise BadInputError(
                f"{option} {path}: {name} belongs to a stage, and the next run deletes what it did not write there;"
                f" name another place, such as out/{path.name}"
            )
        if output.is_relative_to(target):
            raise BadInputError(f"{option} {path}: holds {name}, which belongs to a stage; name a folder of its own")
