"""The stage that makes the embedded dataset."""

from pathlib import Path

import pytest

from flows.stages.common import StageRun
from flows.stages.download import download
from segtalker.clips.store import read_table
from segtalker.config.data import Synthetic
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace

PROJECT = Path(__file__).parents[4]


def settings(**changes: int | float) -> Synthetic:
    """A small dataset."""
    sizes = {"train_subjects": 3, "val_subjects": 1, "test_subjects": 2, "clips_per_subject": 2}
    shape = {"seconds": 0.6, "test_clips_per_subject": 1, "test_seconds": 0.8, "height": 64, "width": 64}
    return Synthetic.model_validate({**sizes, **shape, **changes})


def test_the_stage_writes_its_tables_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = load_params(PROJECT)
    small = params.download.model_copy(update={"source": "synthetic", "synthetic": settings(test_subjects=1)})
    machine = params.machine.model_copy(update={"workers": 1})
    monkeypatch.chdir(tmp_path)
    run = StageRun(
        stage="download",
        params=params.model_copy(update={"download": small, "machine": machine}),
        workspace=Workspace(Path(), "synthetic", "demo"),
        signature="0" * 64,
        tracker=None,
    )
    download(run)
    folder = Path("data/download/synthetic")
    table = read_table(folder / "clips.csv")
    assert table["split"].tolist() == ["train"] * 6 + ["val"] * 2 + ["test"]
    assert all(Path(source).is_file() for source in table["source"])
    assert all((Path(place) / "landmarks.npy").is_file() for place in table["annotations"])
    assert table["frames"].tolist() == [15] * 8 + [20]
    before = (folder / "clips/s000_00/video.mp4").stat().st_mtime_ns
    download(run)
    assert (folder / "clips/s000_00/video.mp4").stat().st_mtime_ns == before
