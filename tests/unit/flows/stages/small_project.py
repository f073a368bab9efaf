"""A project of three small clips, and its stages from cut to split."""

from pathlib import Path

import numpy as np
import torch

from flows.stages.common import StageRun
from flows.stages.crop import crop
from flows.stages.cut import cut
from flows.stages.gate import gate
from flows.stages.parse import parse
from flows.stages.split import split
from segtalker.clips.image_pack import write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.tables import write_records
from segtalker.config.params import Params
from segtalker.config.stages import Stage
from segtalker.config.workspace import Workspace
from segtalker.media.video import write_video
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


def run(stage: Stage, params: Params) -> None:
    """Runs one stage without MLflow."""
    threads = torch.get_num_threads()
    body = {"cut": cut, "crop": crop, "gate": gate, "parse": parse, "split": split}[stage]
    body(StageRun(stage, params, Workspace(Path(), "synthetic", "demo"), "0" * 64, None))
    torch.set_num_threads(threads)


def written(folder: Path) -> dict[Path, int]:
    """Files below a folder and when they were written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.zip")}
