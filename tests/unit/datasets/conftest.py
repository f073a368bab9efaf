"""A small web with HDTF's lists and videos, and all their traps; small clips of MEAD."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from web import Web, small_web

from segtalker.config.data import Hdtf
from segtalker.config.params import load_params
from segtalker.datasets import hdtf_lists, hdtf_videos
from segtalker.datasets.hdtf_lists import KINDS, SUBSETS
from segtalker.media.video import write_video

SECONDS = 4
SOUND = np.zeros(8000, np.float32)


def video(path: Path, height: int = 90) -> bytes:
    """A film of four seconds."""
    sound = np.random.default_rng(0).normal(0, 0.1, 16000 * SECONDS).astype(np.float32)
    frames = [np.full((height, 160, 3), 60 + index, np.uint8) for index in range(25 * SECONDS)]
    write_video(path, frames, 25, sound, 16000, crf=30)
    return path.read_bytes()


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Lists and videos."""
    film, small = video(tmp_path / "film.mp4"), video(tmp_path / "small.mp4", 64)
    monkeypatch.setattr(hdtf_videos, "_FIRST_WAIT_S", 0.01)
    with small_web() as served:
        at = served.address
        lists = dict.fromkeys((f"{subset}_{kind}" for subset in SUBSETS for kind in KINDS), "")
        lists |= {
            "WDA_video_url": f"\ufeffAdamSchiff {at}/good.mp4\nAdamSmith {at}/small.mp4\nAnnieKuster {at}/gone.mp4\n",
            "WDA_resolution": "AdamSchiff.mp4 90\nAdamSmith.mp4 90\nAnnieKuster.mp4 0",
            "WDA_annotion_time": "AdamSchiff.mp4 00:00-00:02 00:02-00:03 \nAdamSmith.mp4 00:01-0:00:03\n"
            "AnnieKuster.mp4 00:00-00:02",
            "WDA_crop_wh": "AdamSchiff_0.mp4 10 64 2 64\nAdamSmith_0.mp4 1 2 3 2",
            "WDA_crop_ratio": "AdamSchiff_0.mp4 1.2\nAdamSmith_0.mp4 0.9",
            "RD_video_url": f"Radio24 {at}/stumbles.mp4\nRadio1 {at}/torn.mp4\n",
            "RD_annotion_time": "Radio1.mp4 00:00-00:03",
        }
        served.files = {f"/lists/{name}.txt": text.encode() for name, text in lists.items()}
        served.files |= {"/good.mp4": film, "/small.mp4": small, "/stumbles.mp4": film, "/torn.mp4": film}
        served.failures["/stumbles.mp4"] = 2
        served.torn["/torn.mp4"] = 2
        hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in lists.items()}
        monkeypatch.setattr(hdtf_lists, "SHA256", hashes)
        yield served


@pytest.fixture
def settings(web: Web) -> Hdtf:
    """The project's, without waiting."""
    plain = load_params(Path(__file__).parents[3]).download.hdtf
    return plain.model_copy(update={"lists_url": f"{web.address}/lists", "pause_s": (0.0, 0.0), "retries": 3})


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Half a second of video with sound."""
    return _clip(tmp_path_factory.mktemp("clip") / "a.mp4", SOUND)


@pytest.fixture(scope="session")
def silent(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same without."""
    return _clip(tmp_path_factory.mktemp("silent") / "a.mp4", None)


def _clip(path: Path, sound: np.ndarray | None) -> bytes:
    write_video(path, [np.zeros((32, 32, 3), np.uint8)] * 15, 30, sound, 16000, crf=30)
    return path.read_bytes()
