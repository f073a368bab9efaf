"""The stage that gets the recordings of one source or several."""

import re
from pathlib import Path

import numpy as np
import pytest

from flows.stages.common import StageRun
from flows.stages.download import download
from segtalker.clips.record import ClipRecord
from segtalker.clips.store import read_table
from segtalker.clips.tables import read_records
from segtalker.config.data import Synthetic
from segtalker.config.params import load_params
from segtalker.config.workspace import Workspace
from segtalker.media.video import write_video
from segtalker.utils.errors import BadInputError

PROJECT = Path(__file__).parents[4]
FOLDER = Path("data/download/synthetic")


def settings(**changes: int | float) -> Synthetic:
    """A small dataset."""
    sizes = {"train_subjects": 3, "val_subjects": 1, "test_subjects": 2, "clips_per_subject": 2}
    shape = {"seconds": 0.6, "test_clips_per_subject": 1, "test_seconds": 0.8, "height": 64, "width": 64}
    return Synthetic.model_validate({**sizes, **shape, **changes})


def stage_run(sources: tuple[str, ...], root: Path | str = "", **changes: int) -> StageRun:
    """A run of the stage in the working folder."""
    params = load_params(PROJECT)
    folder = params.download.folder.model_copy(update={"root": str(root)})
    small = {"sources": sources, "synthetic": settings(**changes), "folder": folder}
    machine = params.machine.model_copy(update={"workers": 1})
    download_params = params.download.model_copy(update=small)
    return StageRun(
        stage="download",
        params=params.model_copy(update={"download": download_params, "machine": machine}),
        workspace=Workspace(Path(), "synthetic", "demo"),
        signature="0" * 64,
        tracker=None,
    )


def test_the_stage_writes_its_tables_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = stage_run(("synthetic",), test_subjects=1)
    download(run)
    folder = Path("data/download/synthetic")
    table = read_table(folder / "clips.csv")
    assert table["split"].tolist() == ["train"] * 6 + ["val"] * 2 + ["test"]
    assert set(table["dataset"]) == {"synthetic"}
    assert table["clip_id"][0] == "s000_00"
    assert all(Path(source).is_file() for source in table["source"])
    assert all((Path(place) / "landmarks.npy").is_file() for place in table["annotations"])
    assert table["frames"].tolist() == [15] * 8 + [20]
    before = (folder / "clips/s000_00/video.mp4").stat().st_mtime_ns
    download(run)
    assert (folder / "clips/s000_00/video.mp4").stat().st_mtime_ns == before


def test_names_of_several_sources_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate(("s000_00", "talk")):
        frames = [np.full((32, 32, 3), 50 * index, np.uint8)] * 25
        write_video(tmp_path / f"videos/{name}.mp4", frames, 25, np.zeros(16000, np.float32), 16000, crf=10)
    (tmp_path / "videos/torn.mp4").write_text("no video")
    download(stage_run(("folder", "synthetic"), "videos", train_subjects=1, val_subjects=0, test_subjects=0))
    records = {record.clip_id: record for record in read_records(Path(FOLDER / "clips.csv"), ClipRecord)}
    assert list(records) == ["folder-s000_00", "folder-talk", "synthetic-s000_00", "synthetic-s000_01"]
    assert [record.dataset for record in records.values()] == ["folder"] * 2 + ["synthetic"] * 2
    assert [record.subject for record in records.values()] == ["folder-s000_00", "folder-talk", *["synthetic-s000"] * 2]
    assert records["synthetic-s000_00"].annotations == FOLDER / "clips/s000_00"
    assert read_table(FOLDER / "failures.csv")["clip_id"].tolist() == ["folder-torn"]
    page = Path("reports/datasets/synthetic.md").read_text(encoding="utf-8")
    assert re.findall("^#.*$", page, re.MULTILINE) == ["# synthetic", "## folder", "### Cannot be read", "## synthetic"]
    assert page.count("Recordings: 2,") == 2


def test_a_source_that_brings_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match="nowhere: no such folder"):
        download(stage_run(("synthetic", "folder"), "nowhere"))
    assert not (FOLDER / "clips").exists()  # said before minutes of rendering
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/torn.mp4").write_text("no video")
    with pytest.raises(BadInputError, match=r"none of 1 recordings of folder can be used; the first: torn\.mp4"):
        download(stage_run(("synthetic", "folder"), "videos", train_subjects=1, val_subjects=0, test_subjects=0))
