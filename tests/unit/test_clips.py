"""The clip store gives back what it was given, in any order, from any process."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from segtalker.clips import (
    CLIP_COLUMNS,
    ImagePack,
    load_clips,
    read_table,
    read_wav,
    write_images,
    write_table,
    write_wav,
)
from segtalker.errors import BadInputError


def _textured_frames(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (count, 16, 16, 3)).astype(np.uint8)
    return np.stack([cv2.resize(image, (96, 96), interpolation=cv2.INTER_CUBIC) for image in noise])


def test_masks_are_lossless_and_read_in_any_order(tmp_path: Path) -> None:
    masks = np.random.default_rng(1).integers(0, 12, (7, 33, 47)).astype(np.uint8)
    assert write_images(tmp_path / "masks.zip", masks, ".png") == 7
    pack = ImagePack(tmp_path / "masks.zip")
    assert len(pack) == 7
    assert np.array_equal(pack.read(), masks)
    assert np.array_equal(pack.read([6, 0, 3]), masks[[6, 0, 3]])
    assert np.array_equal(np.stack(list(pack)), masks)
    assert np.array_equal(pickle.loads(pickle.dumps(pack)).read([2]), masks[[2]])


def test_frames_keep_their_colours(tmp_path: Path) -> None:
    frames = _textured_frames(3)
    write_images(tmp_path / "frames.zip", frames, ".jpg")
    error = (ImagePack(tmp_path / "frames.zip").read().astype(float) - frames) ** 2
    assert 10 * np.log10(255**2 / error.mean()) >= 40


def test_equal_frames_give_equal_bytes(tmp_path: Path) -> None:
    frames = _textured_frames(2)
    for name in ("a.zip", "b.zip"):
        write_images(tmp_path / name, frames, ".jpg")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def broken():
        yield np.zeros((8, 8), np.uint8)
        raise RuntimeError("disk gone")

    with pytest.raises(RuntimeError, match="disk gone"):
        write_images(tmp_path / "masks.zip", broken(), ".png")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_pack_is_named(tmp_path: Path) -> None:
    (tmp_path / "frames.zip").write_bytes(b"not a zip")
    with pytest.raises(BadInputError, match=r"frames\.zip: not a readable image pack"):
        ImagePack(tmp_path / "frames.zip").read()


def test_sound_survives_to_16_bits(tmp_path: Path) -> None:
    samples = np.sin(np.arange(1600) / 7).astype(np.float32)
    write_wav(tmp_path / "audio.wav", samples, 16000)
    assert np.abs(read_wav(tmp_path / "audio.wav") - samples).max() <= 1 / 32767


def test_tables_keep_ids_as_text_and_sort(tmp_path: Path) -> None:
    row = dict.fromkeys(CLIP_COLUMNS, "")
    rows = [row | {"clip_id": name, "subject": "007", "split": "test", "frames": 5} for name in ("010", "002")]
    write_table(tmp_path / "split" / "toy" / "clips.csv", rows, CLIP_COLUMNS)
    table = read_table(tmp_path / "split" / "toy" / "clips.csv")
    assert list(table["clip_id"]) == ["002", "010"]
    assert [clip.subject for clip in load_clips(tmp_path, "toy", "test")] == ["007", "007"]
    assert load_clips(tmp_path, "toy", "train") == []


def test_a_missing_table_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="run the stage"):
        read_table(tmp_path / "clips.csv")
