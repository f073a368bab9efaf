"""The stages from cut to split on three small clips."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from flows.stages.common import StageRun
from flows.stages.crop import crop
from flows.stages.cut import cut
from flows.stages.gate import gate
from flows.stages.parse import parse
from flows.stages.split import split
from segtalker.clips.image_pack import write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.store import load_clips, read_table
from segtalker.clips.tables import write_records
from segtalker.config.params import Params, load_params, merge, parse_params
from segtalker.config.stages import Stage
from segtalker.config.workspace import Workspace
from segtalker.media.video import write_video
from segtalker.nets.checkpoints import save_net
from segtalker.nets.parser import FaceParser
from segtalker.utils.errors import BadInputError, MissingWeightsError
from segtalker.utils.hashing import file_sha256

CONFIG = {"channels": 4, "multipliers": [1, 2], "regions": 12}
HEAD = np.stack(np.meshgrid(np.linspace(40, 80, 8), np.linspace(35, 80, 9)), axis=-1).reshape(-1, 2)[:68]
SPLITS = ["train", "val", "test"]
TO_PARSE: tuple[Stage, ...] = ("cut", "crop", "gate", "parse")


def write_clip(folder: Path, seed: int) -> None:
    """A second of noise with an annotated face."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (128, 128, 3), dtype=np.uint8)
    sound = rng.normal(0, 0.1, 16000).astype(np.float32)
    write_video(folder / "video.mp4", [image] * 25, 25, sound, 16000, crf=30)
    write_images(folder / "masks.zip", [np.full((128, 128), 6, np.uint8)] * 25, ".pgm")
    np.save(folder / "landmarks.npy", np.repeat(HEAD[None], 25, axis=0).astype(np.float32))


def write_download(root: Path) -> None:
    """What `download` leaves."""
    records = []
    for index, name in enumerate(SPLITS):
        folder = root / "data/download/synthetic/clips" / f"clip{index}"
        if not folder.exists():
            write_clip(folder, index)
        source = folder / "video.mp4"
        records.append(
            ClipRecord(
                clip_id=f"clip{index}",
                subject=f"s{index}",
                split=name,
                source=source,
                source_sha256=file_sha256(source),
                frames=25,
                seconds=1.0,
                fps=25.0,
                annotations=folder,
            )
        )
    write_records(root / "data/download/synthetic/clips.csv", records, ClipRecord)


@pytest.fixture
def params() -> Params:
    """The project's, small and in one process."""
    plain = load_params(Path(__file__).parents[4]).model_dump(mode="json")
    active = {"active": {"experiment": "demo", "dataset": "synthetic"}}
    small = {
        "machine": {"workers": 1},
        "base": {"image_size": 64, "max_failed_fraction": 0.4},
        "crop": {"min_seconds": 0.5},
    }
    return parse_params(merge(plain, active | small), "test")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with downloaded clips and a parser, as the working folder."""
    monkeypatch.chdir(tmp_path)
    write_download(Path())
    torch.manual_seed(0)
    save_net(Path("models/demo/train_parser/parser.ckpt"), FaceParser(**CONFIG), "0" * 64)
    return tmp_path


def run(stage: Stage, params: Params) -> None:
    """Runs one stage without MLflow."""
    threads = torch.get_num_threads()
    body = {"cut": cut, "crop": crop, "gate": gate, "parse": parse, "split": split}[stage]
    body(StageRun(stage, params, Workspace(Path(), "synthetic", "demo"), "0" * 64, None))
    torch.set_num_threads(threads)


def written(folder: Path) -> dict[Path, int]:
    """Files below a folder and when they were written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.zip")}


def test_clips_go_through_all_three(root: Path, params: Params) -> None:
    for stage in ("cut", "crop", "gate", "parse", "split"):
        run(stage, params)
    clips = load_clips(Path("data"), "synthetic")
    assert [clip.split for clip in clips] == SPLITS
    assert load_clips(Path("data"), "synthetic", "val")[0].subject == "s1"
    for clip in clips:
        assert clip.frames.read([0, 24]).shape == (2, 64, 64, 3)
        assert clip.masks.read().shape == (25, 64, 64)
        assert clip.truth_masks is not None
        assert clip.landmarks.shape == (25, 68, 2)
    facts = json.loads(Path("data/split/synthetic/split.json").read_text())
    assert facts["test"] == {"clips": 1, "seconds": 1.0, "subjects": ["s2"]}


def test_a_second_run_touches_nothing_and_a_changed_clip_only_itself(root: Path, params: Params) -> None:
    for stage in TO_PARSE:
        run(stage, params)
    before = written(Path("data/crop")) | written(Path("data/parse"))
    for stage in TO_PARSE:
        run(stage, params)
    assert written(Path("data/crop")) | written(Path("data/parse")) == before
    write_clip(Path("data/download/synthetic/clips/clip1"), 9)
    write_download(Path())
    for stage in TO_PARSE:
        run(stage, params)
    after = written(Path("data/crop")) | written(Path("data/parse"))
    assert {path.parent.name for path in after if after[path] != before[path]} == {"clip1"}


def test_changed_params_crop_again(root: Path, params: Params) -> None:
    run("cut", params)
    run("crop", params)
    before = written(Path("data/crop"))
    run("crop", params.model_copy(update={"crop": params.crop.model_copy(update={"margin": 0.3})}))
    assert all(when != before[path] for path, when in written(Path("data/crop")).items())


def test_a_bad_clip_is_listed_and_left_out_downstream(root: Path, params: Params) -> None:
    np.save("data/download/synthetic/clips/clip0/landmarks.npy", np.zeros((3, 68, 2), np.float32))
    for stage in TO_PARSE:
        run(stage, params)
    failures = read_table(Path("data/crop/synthetic/failures.csv"))
    assert failures["reason"].tolist() == ["landmarks of 3 frames for a video of 25"]
    assert read_table(Path("data/parse/synthetic/clips.csv"))["clip_id"].tolist() == ["clip1", "clip2"]
    assert read_table(Path("data/parse/synthetic/failures.csv")).empty


def test_splits_by_subject_where_the_source_has_none(root: Path, params: Params) -> None:
    for stage in TO_PARSE:
        run(stage, params)
    table = pd.read_csv("data/parse/synthetic/clips.csv")
    table.assign(split="").to_csv("data/parse/synthetic/clips.csv", index=False)
    with pytest.raises(BadInputError, match=r"set split\.strategy to subjects"):
        run("split", params)
    run("split", params.model_copy(update={"split": params.split.model_copy(update={"strategy": "subjects"})}))
    assert set(read_table(Path("data/split/synthetic/clips.csv"))["split"]) == set(SPLITS)


def test_missing_weights_stop_the_stage_at_once(root: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGTALKER_WEIGHTS", str(root / "none"))
    published = params.model_copy(update={"parse": params.parse.model_copy(update={"backend": "bisenet"})})
    detected = params.model_copy(update={"crop": params.crop.model_copy(update={"detector": "mediapipe"})})
    with pytest.raises(MissingWeightsError, match=r"79999_iter\.pth"):
        run("parse", published)
    with pytest.raises(MissingWeightsError, match=r"face_landmarker\.task"):
        run("crop", detected)
    assert not Path("data/crop").exists()
