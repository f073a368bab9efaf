"""A folder with everything that can be wrong: each recording has its line, and the good one goes through."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from flows.stages.common import StageRun
from flows.stages.crop import crop
from flows.stages.cut import cut
from flows.stages.download import download
from flows.stages.gate import gate
from segtalker.clips.store import read_table
from segtalker.config.params import Params, load_params, merge, parse_params
from segtalker.config.workspace import Workspace
from segtalker.media.images import read_image

ROOT = Path(os.environ.get("SEGTALKER_REAL_DATA", ""))
GOOD = ROOT / "videos/hdtf/WDA_AlexandriaOcasioCortez_000.mp4"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("SEGTALKER_REAL_DATA" not in os.environ, reason="SEGTALKER_REAL_DATA is not set"),
]


def write(
    path: Path, images: Iterable[np.ndarray], times: Sequence[float], codec: str = "mjpeg", sound: bool = True
) -> None:
    """Writes frames at given times, and noise as long."""
    with av.open(str(path), "w") as container:
        picture, clock = None, 1000
        audio = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        for image, time in zip(images, times, strict=True):
            if picture is None:
                picture = container.add_stream(codec, rate=25)
                picture.height, picture.width = image.shape[:2]
                picture.pix_fmt = "yuvj420p" if codec == "mjpeg" else "bgr0"
                picture.codec_context.time_base = Fraction(1, clock)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(time * clock), Fraction(1, clock)
            container.mux(picture.encode(frame))
        assert picture is not None
        container.mux(picture.encode(None))
        if audio:
            noise = np.random.default_rng(0).normal(0, 3000, (1, round(times[-1] * 8000))).astype(np.int16)
            block = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            block.sample_rate = 8000
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))


def still(name: str, side: int = 512) -> np.ndarray:
    """A portrait as a square frame."""
    image = read_image(ROOT / "portraits" / name)
    crop_to = min(image.shape[:2])
    return cv2.resize(image[:crop_to, :crop_to], (side, side), interpolation=cv2.INTER_AREA)


def index_first(source: Path, target: Path) -> None:
    """Writes the same streams with the index in front, so that a beginning can be read."""
    with av.open(str(source)) as old, av.open(str(target), "w", options={"movflags": "faststart"}) as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                new.mux(packet)


STEADY = np.arange(50) / 25


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good recording, also under a wrong suffix, and many bad ones."""
    root = tmp_path_factory.mktemp("videos")
    shutil.copy(GOOD, root / "good.mp4")
    shutil.copy(ROOT / "videos/grid/brbk7n.mpg", root / "wrong_suffix.avi")
    whole = GOOD.read_bytes()
    (root / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    index_first(GOOD, root / "half.mp4")
    os.truncate(root / "half.mp4", (root / "half.mp4").stat().st_size // 2)
    shutil.copy(GOOD, root / "twice.mp4")
    (root / "caf\udce9.mp4").touch()
    shutil.copy(ROOT / "videos/mead/M030_sad_3_001.mp4", root / f"{'long' * 60}.mp4")
    (root / "zero.mp4").touch()
    (root / "text.mp4").write_text("no video at all")
    shutil.copy(ROOT / "portraits/s12.jpg", root / "picture.mp4")
    shutil.copy(ROOT / "speech/audio_only_container.mov", root / "sound_alone.mov")
    face = still("s12.jpg")
    write(root / "mute.mkv", [face] * 50, STEADY, sound=False)
    write(root / "jump.mkv", [face] * 50, [*(STEADY[:25]), *(STEADY[25:] + 600)])
    write(root / "one_pixel.mkv", [np.zeros((1, 1, 3), np.uint8)] * 50, STEADY, codec="ffv1")
    write(root / "wall.mkv", [np.full((256, 256, 3), 90, np.uint8)] * 50, STEADY)
    write(root / "animal.mkv", [still("s30.jpg")] * 50, STEADY)
    write(root / "cartoon.mkv", [still("s7.jpg")] * 50, STEADY)
    large = cv2.resize(face, (4320, 4320), interpolation=cv2.INTER_LINEAR)
    write(root / "large_8k.mkv", [np.pad(large, ((0, 0), (1680, 1680), (0, 0)))] * 5, np.arange(5) / 2)
    return root


@pytest.fixture
def params(folder: Path, mediapipe_weights: str) -> Params:
    """Of the experiment `folder`, small."""
    plain = load_params(Path(__file__).parents[2]).model_dump(mode="json")
    changes = {
        "active": {"experiment": "folder", "dataset": "folder"},
        "machine": {"workers": 2},
        "base": {"image_size": 128, "max_failed_fraction": 0.95},
        "download": {"sources": ["folder"], "folder": {"root": str(folder)}},
        "cut": {"mode": "talking"},
        "crop": {"detector": "mediapipe", "decoder": "pyav", "weights": mediapipe_weights},
    }
    return parse_params(merge(plain, changes), "test")


LONG = "long" * 25 + "-"
REASONS = {
    "animal": "no face found",
    "caf": "its path holds control characters or is not written in UTF-8",
    "jump": "timestamps jump from",
    "mute": "no sound track, and no sound file beside it",
    "one_pixel": "no face found",
    "picture": "no sound track, and no sound file beside it",  # a picture is a film of one frame
    "sound_alone": "no picture in it",
    "text": "not a readable video",
    "twice": "the same recording as good",
    "truncated": "not a readable video",
    "wall": "no face found",
    "zero": "not a readable video",
}


def reasons(table: Path) -> dict[str, str]:
    """Why each recording failed."""
    rows = read_table(table)
    return dict(zip(rows["clip_id"], rows["reason"], strict=True))


def test_each_has_its_line_and_the_good_go_on(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    stages: list[Callable[[StageRun], None]] = [download, cut, crop, gate]
    for stage in stages:
        stage(StageRun(stage.__name__, params, Workspace(Path(), "folder", "folder"), "0" * 64, None))  # type: ignore[arg-type]
    data = Path("data")
    failed = reasons(data / "download/folder/failures.csv") | reasons(data / "cut/folder/failures.csv")
    for name, reason in REASONS.items():
        assert reason in failed.pop(name, ""), name
    assert failed == {}
    kept = set(read_table(data / "gate/folder/clips.csv")["clip_id"])
    assert {"good", "half", "wrong_suffix", "large_8k"} <= kept
    assert any(clip_id.startswith(LONG) for clip_id in kept)
    assert reasons(data / "cut/folder/dropped.csv")["half"] == "no picture: it ends here"
    assert "Traceback" not in capfd.readouterr().err
    page = Path("reports/datasets/folder.html").read_text()
    assert all(name in page for name in REASONS)
