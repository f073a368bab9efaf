"""The mark is not seen, outlives another encoding and size, and is found nowhere else."""

import subprocess
import sys
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from blind_watermark.bwm_core import WaterMarkCore

from segtalker.media.video import open_video, write_video
from segtalker.provenance.watermark import MAX_CHANGE, Watermark, code_words, read_mark

from .conftest import draw_talk


def _read(path: Path) -> list[np.ndarray]:
    return [frame.image for frame in open_video(path, "pyav")][::2]


@pytest.mark.parametrize(("seed", "payload"), [(1, 0), (2, 4095), (3, 0xA5C), (4, 0x13)])
def test_it_outlives_a_re_encoding_at_three_quarters_of_the_size(seed: int, payload: int, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.mp4", "b.mp4")]
    write_video(files[0], Watermark(payload).frames(draw_talk(seed)), 25, None, 16000, 16)
    again = ["-loglevel", "error", "-i", files[0], "-vf", "scale=96:96", "-c:v", "libx264", "-crf", "28", files[1]]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *again], check=True)
    for path in files:
        mark = read_mark(_read(path))
        assert mark.is_there
        assert mark.payload == payload


def test_no_mark_is_found_where_none_is(talk: np.ndarray) -> None:
    unmarked = [draw_talk(seed, 1) for seed in range(40)]
    assert not any(read_mark(pictures).is_there for pictures in unmarked)
    assert not read_mark(talk[:, 11:, 17:]).is_there
    for level in (0, 90, 255):
        assert read_mark([np.full((64, 64, 3), level, np.uint8)]).agreement < 0.6


def test_it_is_not_seen(talk: np.ndarray) -> None:
    change = np.stack(list(Watermark(77).frames(talk))).astype(float) - talk
    assert np.abs(change).max() <= MAX_CHANGE
    assert 10 * np.log10(255**2 / np.square(change).mean()) > 42.5
    assert np.abs(np.diff(change, axis=0)).mean() < 0.6 * np.abs(change).mean()


def test_what_does_not_move_keeps_its_mark(talk: np.ndarray) -> None:
    watermark = Watermark(77)
    first, *others = (watermark.mark(talk[0]) for _ in range(4))
    assert all((other == first).all() for other in others)


@pytest.mark.parametrize("levels", [-2, 2])
def test_a_brighter_or_darker_picture_keeps_it(levels: int, talk: np.ndarray) -> None:
    picture = cv2.add(Watermark(0x5A5).mark(talk[0].clip(20, 230)), np.full(talk[0].shape, levels), dtype=cv2.CV_8U)
    mark = read_mark([picture])
    assert (mark.is_there, mark.payload) == (True, 0x5A5)


def test_how_opaque_a_picture_is_stays(talk: np.ndarray) -> None:
    opaque = np.random.default_rng(0).integers(0, 256, (128, 128, 1)).astype(np.uint8)
    marked = Watermark(5).mark(np.concatenate([talk[0], opaque], axis=2))
    assert (marked[..., 3:] == opaque).all()
    assert (marked[..., :3] == Watermark(5).mark(talk[0])).all()


def test_the_library_reads_it(talk: np.ndarray) -> None:
    marked = cv2.resize(Watermark(0x2F1).mark(talk[0]), (64, 64), interpolation=cv2.INTER_AREA)
    grey = np.repeat((marked.astype(np.float32) @ [0.299, 0.587, 0.114])[..., None], 3, axis=2).astype(np.float32)
    library = WaterMarkCore()
    library.fast_mode, library.d1, library.wm_size = True, 48.0, 63
    bits = library.extract_raw(grey)[0, :63]
    assert (bits == code_words()[0x2F1]).mean() > 0.95


def test_words_differ_in_many_places_and_none_is_anothers_complement() -> None:
    weights = (code_words()[1:] ^ code_words()[0]).sum(axis=1)  # the code is linear
    assert weights.min() == 23
    assert weights.max() <= 40


def test_the_library_leaves_how_processes_start(tmp_path: Path) -> None:
    code = (
        "import multiprocessing as m; m.set_start_method('spawn'); import segtalker.provenance.watermark;"
        " print(m.get_start_method())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "spawn\n"
