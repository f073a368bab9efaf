"""Rendered people and a folder of videos become one dataset that networks learn from, weighed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from flows.stages.common import StageRun
from flows.stages.crop import crop
from flows.stages.cut import cut
from flows.stages.download import download
from flows.stages.gate import gate
from flows.stages.parse import parse
from flows.stages.split import split
from flows.stages.train_sync import train_sync
from flows.stages.train_tsg import train_tsg
from segtalker.clips.record import ClipRecord
from segtalker.clips.store import load_clips
from segtalker.clips.tables import read_records
from segtalker.config.experiment import compose
from segtalker.config.params import Params
from segtalker.config.workspace import Workspace
from segtalker.datasets.synthetic import Recording, render_recording
from segtalker.media.decoders import TimedFrame
from segtalker.media.video import open_video, write_video
from segtalker.nets.checkpoints import load_net, save_net
from segtalker.nets.parser import FaceParser
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import NUM_REGIONS
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[2]
SETTINGS = [
    "machine.workers=1",
    "download.sources=[synthetic, folder]",
    "download.synthetic.val_subjects=0",
    "download.synthetic.test_subjects=0",
    "download.folder.root=videos",
    "download.folder.splits={train: [a.mp4], val: [b.mp4], test: [c.mp4]}",
    "crop.detector=mediapipe",
    "train_sync.datasets={synthetic: 1, folder: 2}",
    "train_tsg.datasets={folder: 1}",
]


class KnowingDetector:
    """Stands for a detector: it knows the landmarks of the film that all videos of the folder show.

    Args:
        landmarks: of its frames.
    """

    batch_frames = 4

    def __init__(self, landmarks: np.ndarray) -> None:
        self._landmarks = iter(landmarks)

    def landmarks_batch(self, frames: list[TimedFrame]) -> list[np.ndarray]:
        """Of the next frames."""
        return [next(self._landmarks) for _ in frames]

    def close(self) -> None:
        """Holds nothing."""


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Of the tiny experiment on both; the working folder holds three videos of a film, a parser and the code's hash."""
    monkeypatch.chdir(tmp_path)
    chosen = compose(ROOT, "tiny", SETTINGS)[1]
    film = tmp_path / "film"
    film.mkdir()
    record = ClipRecord(clip_id="s009_00", split="train", source=film / "video.mp4", seconds=1.2)
    render_recording(record, film, Recording(7, 128, 128, 25, 16000))
    frames = [frame.image for frame in open_video(film / "video.mp4", "pyav")]
    sound = np.random.default_rng(0).normal(0, 0.1, 19200).astype(np.float32)
    for crf, name in enumerate("abc", start=10):
        write_video(tmp_path / f"videos/{name}.mp4", frames, 25, sound, 16000, crf=crf)
    landmarks = np.load(film / "landmarks.npy")
    monkeypatch.setattr("segtalker.preprocessing.crop.make_detector", lambda *_: KnowingDetector(landmarks))
    monkeypatch.setattr("flows.stages.crop.check_detector", lambda *_: None)
    torch.manual_seed(0)
    parser = FaceParser(**chosen.train_parser.net.model_dump(), regions=NUM_REGIONS)
    save_net(tmp_path / "models/tiny/train_parser/parser.ckpt", parser, "0" * 64)
    shutil.copy(ROOT / "code.yaml", tmp_path)
    return chosen


def _run(stage: Callable[[StageRun], None], params: Params) -> None:
    threads = torch.get_num_threads()
    stage(StageRun(stage.__name__, params, Workspace(Path(), "tiny", "tiny"), "0" * 64, None))  # type: ignore[arg-type]
    torch.set_num_threads(threads)


def test_two_sources_train_a_segmenter(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    for stage in (download, cut, crop, gate, parse, split):
        _run(stage, params)
    sides = {record.clip_id: record.split for record in read_records(Path("data/split/tiny/clips.csv"), ClipRecord)}
    rendered = {f"synthetic-s00{person}_00": "train" for person in (0, 1)}
    assert sides == {"folder-a": "train", "folder-b": "val", "folder-c": "test"} | rendered
    clips = load_clips(Path("data"), "tiny")
    assert [clip.dataset for clip in clips] == ["folder"] * 3 + ["synthetic"] * 2
    assert [clip.facts["detector"] for clip in clips] == ["mediapipe"] * 3 + ["annotations"] * 2
    assert "split: nobody compared faces" in capsys.readouterr().err
    _run(train_sync, params)
    _run(train_tsg, params)
    segmenter = load_net(Path("models/tiny/train_tsg/tsg.ckpt"), TalkingSegmenter)
    assert all(weights.isfinite().all() for weights in segmenter.parameters())
    # the folder gives nothing to train on now
    table = Path("data/split/tiny/clips.csv")
    table.write_text(table.read_text(encoding="utf-8").replace(",train,folder", ",val,folder"), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"datasets\.folder: no clip of it is trained on; there are .* synthetic"):
        _run(train_tsg, params)
