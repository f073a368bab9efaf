"""The clip store gives back what it was given, and names what is damaged."""

from pathlib import Path

import numpy as np
import pytest

from segtalker.clips.store import CLIP_COLUMNS, Clip, load_clips, read_table, read_wav, write_table, write_wav
from segtalker.utils.errors import BadInputError


def test_sound_survives_to_16_bits(tmp_path: Path) -> None:
    samples = np.sin(np.arange(1600) / 7).astype(np.float32)
    write_wav(tmp_path / "audio.wav", samples, 16000)
    assert np.abs(read_wav(tmp_path / "audio.wav") - samples).max() <= 1 / 32767


def test_tables_keep_ids_as_text_and_sort(tmp_path: Path) -> None:
    row = dict.fromkeys(CLIP_COLUMNS, "")
    rows = [
        row | {"clip_id": name, "source": "x.mp4", "subject": "007", "split": "test", "frames": 5}
        for name in ("010", "002")
    ]
    write_table(tmp_path / "split" / "toy" / "clips.csv", rows, CLIP_COLUMNS)
    table = read_table(tmp_path / "split" / "toy" / "clips.csv")
    assert list(table["clip_id"]) == ["002", "010"]
    assert [clip.subject for clip in load_clips(tmp_path, "toy", "test")] == ["007", "007"]
    assert load_clips(tmp_path, "toy", "train") == []


def test_a_missing_table_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="run the stage"):
        read_table(tmp_path / "clips.csv")


@pytest.mark.parametrize("name", ["landmarks.npy", "mel.npy", "audio.wav", "crop.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "torn"])
def test_a_damaged_file_of_a_clip_is_named(tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    np.save(folder / "landmarks.npy", np.zeros((5, 68, 2), np.float32))
    np.save(folder / "mel.npy", np.zeros((80, 16), np.float32))
    write_wav(folder / "audio.wav", np.zeros(160, np.float32), 16000)
    (folder / "crop.json").write_text("{}")
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage != "missing":
        (folder / name).write_bytes(b"" if damage == "empty" else content[: len(content) // 2])
    clip = Clip("clip", "s", "test", folder, folder, folder)
    read = {"landmarks.npy": "landmarks", "mel.npy": "mel", "audio.wav": "audio", "crop.json": "facts"}[name]
    with pytest.raises(BadInputError, match=rf"{name}: missing or damaged \(.*segtalker reproduce makes it again"):
        getattr(clip, read)
