"""Damage to finished clips: found, made again and counted; what no stage wrote stays, also behind a link."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from segtalker.clips import finished
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask, run_clips, task_key
from segtalker.clips.store import read_table
from segtalker.clips.worker_pools import Pool
from segtalker.utils.errors import BadInputError

NAMES = ("a", "b", "c")


def write(record: ClipRecord, folder: Path) -> dict:
    """Two files of a clip."""
    (folder / "landmarks.npy").write_bytes(record.clip_id.encode() * 1000)
    (folder / "frames.zip").write_bytes(b"PK" + record.clip_id.encode() * 1000)
    return {"frames": 25, "seconds": 1.0}


def tasks(*names: str) -> list[ClipTask]:
    """One task a name."""
    return [
        ClipTask(ClipRecord(clip_id=name, subject="s", source=Path(f"{name}.mp4")), task_key(name)) for name in names
    ]


def run(folder: Path, *names: str) -> list[ClipRecord]:
    """Runs `write` over the clips."""
    return run_clips(tasks(*names), write, folder, Pool(1, ""), 0.0, label="crop")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a stage, by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stage with three finished clips, its clock a tick after them."""
    made = tmp_path / "data" / "crop" / "toy"
    run(made, *NAMES)
    time.sleep(0.05)
    return made


def flip(path: Path) -> None:
    """One bit of the middle byte, the size stays."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    """Half of it is gone."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace_by_folder(path: Path) -> None:
    """A folder of the same name."""
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "flipped bit": ("landmarks.npy", flip),
    "truncated": ("frames.zip", truncate),
    "empty": ("frames.zip", lambda path: path.write_bytes(b"")),
    "deleted": ("landmarks.npy", Path.unlink),
    "a folder": ("landmarks.npy", replace_by_folder),
    "one more file": ("audio.wav", lambda path: path.write_bytes(b"RIFF")),
    "torn note": ("done.json", truncate),
    "empty note": ("done.json", lambda path: path.write_bytes(b"")),
    "deleted note": ("done.json", Path.unlink),
    "note of nothing": ("done.json", lambda path: path.write_text("[1]")),
    "altered note": ("done.json", lambda path: path.write_text(path.read_text().replace("25", "75"))),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_clip_is_made_again_and_counted(folder: Path, kind: str, capsys: pytest.CaptureFixture) -> None:
    whole = contents(folder)
    name, damage = DAMAGE[kind]
    damage(folder / "clips" / "b" / name)
    assert [record.frames for record in run(folder, *NAMES)] == [25, 25, 25]
    assert contents(folder) == whole
    said = capsys.readouterr().err
    assert "crop: 1 finished clip(s) were damaged and are made again: b (" in said
    assert name in said
    run(folder, *NAMES)
    assert "damaged" not in capsys.readouterr().err


def test_a_clip_that_is_gone_is_counted_too(folder: Path, capsys: pytest.CaptureFixture) -> None:
    whole = contents(folder)
    shutil.rmtree(folder / "clips" / "b")
    run(folder, *NAMES)
    assert contents(folder) == whole
    assert (
        "1 finished clip(s) were damaged and are made again: b (all its files are missing)" in capsys.readouterr().err
    )


def test_many_damaged_clips_are_one_line(folder: Path, capsys: pytest.CaptureFixture) -> None:
    run(folder, *NAMES, "d", "e")
    for path in folder.glob("clips/*/landmarks.npy"):
        path.unlink()
    run(folder, *NAMES, "d", "e")
    lines = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert len(lines) == 1
    assert "5 finished clip(s)" in lines[0]
    assert lines[0].endswith("c (landmarks.npy is missing); ...")


def test_whole_clips_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(finished, "file_sha256", read)
    assert len(run(folder, *NAMES)) == 3
    (folder.parent / ".toy-stamps.json").write_text("{torn")
    with pytest.raises(AssertionError, match="was read"):
        run(folder, *NAMES)


def test_files_whose_times_changed_are_compared_and_stay(folder: Path) -> None:
    frames = folder / "clips" / "a" / "frames.zip"
    copy = frames.with_name("copy")
    copy.write_bytes(frames.read_bytes())
    copy.replace(frames)
    before = frames.stat().st_ino
    run(folder, *NAMES)
    assert frames.stat().st_ino == before


def test_further_folders_are_watched_too(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    stage = tmp_path / "generate"
    video = stage / "method" / "a" / "video.mp4"

    def generate(record: ClipRecord, folder: Path) -> dict:
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_bytes(b"moov" * 100)
        return {}

    todo = [ClipTask(tasks("a")[0].record, "key", (video.parent,))]
    for damage in (flip, truncate, Path.unlink):
        run_clips(todo, generate, stage, Pool(1, ""), 0.0, label="generate")
        time.sleep(0.05)
        damage(video)
        capsys.readouterr()
        run_clips(todo, generate, stage, Pool(1, ""), 0.0, label="generate")
        assert video.read_bytes() == b"moov" * 100
        assert "1 finished clip(s) were damaged" in capsys.readouterr().err


def test_what_no_stage_wrote_is_named_and_stays(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    clips = folder / "clips"
    (clips / ".DS_Store").write_bytes(b"Bud1")
    (clips / "a" / ".DS_Store").write_bytes(b"Bud1")
    (clips / "notes.txt").write_text("mine")
    (clips / "holiday").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "video.mp4").write_bytes(b"mine")
    (outside / "done.json").write_text("{}")
    (clips / "elsewhere").symlink_to(outside)
    (clips / "nowhere").symlink_to(tmp_path / "gone")
    assert len(run(folder, *NAMES)) == 3
    said = [line for line in capsys.readouterr().err.splitlines() if "no stage wrote" in line]
    assert len(said) == 1
    assert (
        "has 4 thing(s) in it that no stage wrote; move them elsewhere: elsewhere, holiday, notes.txt, ..." in said[0]
    )
    assert (outside / "video.mp4").read_bytes() == b"mine"
    assert {path.name for path in clips.iterdir()} == {
        *NAMES, ".DS_Store", "notes.txt", "holiday", "elsewhere", "nowhere",
    }  # fmt: skip


@pytest.mark.parametrize("target", ["outside", "gone"])
def test_a_link_in_place_of_a_clip_is_replaced_and_its_target_stays(folder: Path, tmp_path: Path, target: str) -> None:
    whole = contents(folder)
    outside = tmp_path / "outside"
    (folder / "clips" / "b").rename(outside)
    kept = contents(outside)
    (folder / "clips" / "b").symlink_to(tmp_path / target)
    run(folder, *NAMES)
    assert not (folder / "clips" / "b").is_symlink()
    assert contents(folder) == whole
    assert contents(outside) == kept


def test_a_file_in_place_of_a_clip_is_replaced(folder: Path) -> None:
    (folder / "clips" / "d").write_text("not a folder")
    assert len(run(folder, *NAMES, "d")) == 4


def test_clips_behind_a_link_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "clips").rename(tmp_path / "elsewhere")
    (folder / "clips").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInputError, match=r"clips: is a link; remove it"):
        run(folder, "a")
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == set(NAMES)


@pytest.mark.parametrize("table", ["clips.csv", "failures.csv"])
def test_damaged_tables_are_written_again(folder: Path, table: str) -> None:
    whole = contents(folder)
    for damage in (truncate, flip, Path.unlink):
        damage(folder / table)
        run(folder, *NAMES)
        assert contents(folder) == whole
    assert len(read_table(folder / "clips.csv")) == 3


def test_notes_of_an_earlier_version_are_no_damage(folder: Path, capsys: pytest.CaptureFixture) -> None:
    note = folder / "clips" / "a" / "done.json"
    note.write_text(json.dumps({"key": "k", "facts": {}}))
    run(folder, *NAMES)
    assert "damaged" not in capsys.readouterr().err
