"""Where a run keeps its files: one place that knows the folder layout."""

import os
from dataclasses import dataclass
from pathlib import Path


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

    def model(self, stage: str) -> Path:
        """Trained networks of `stage`: `train_parser`, `train_sync`, `train_tsg`, `train_sgi`,
        `train_wav2lip`."""
        return self.root / "models" / self.experiment / stage

    def results(self, stage: str) -> Path:
        """Outputs of `stage`: `generate`, `evaluate`."""
        return self.root / "results" / self.experiment / stage

    @property
    def reports(self) -> Path:
        """Tables, figures and the report page of the active experiment."""
        return self.root / "reports"
