"""Listing the user's own videos."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from segtalker.clips.store import FAILURE_COLUMNS, read_table, write_table, write_wav
from segtalker.config.data import Folder
from segtalker.datasets.folder import clip_ids, folder_clips
from segtalker.media.video import write_video
from segtalker.utils.errors import BadInputError

SOUND = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)


def video(path: Path, sound: np.ndarray | None = SOUND) -> None:
    """Writes one second of a grey of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = sum(path.as_posix().encode()) % 256
    write_video(path.with_suffix(".mp4"), [np.full((32, 32, 3), grey, np.uint8)] * 25, 25, sound, 16000, crf=10)
    path.with_suffix(".mp4").rename(path)


def settings(root: Path | str, **changes: object) -> Folder:
    """Params of the source."""
    return Folder.model_validate(
        {"root": str(root), "include": ("*",), "subject": "file", "people": {}, "splits": {}} | changes
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Videos of all sorts."""
    folder = tmp_path / "my videos"
    video(folder / "Ann" / "Hello (1).MOV")
    video(folder / "Ann" / "b.mp4", sound=None)
    write_wav(folder / "Ann" / "b.wav", SOUND, 16000)
    video(folder / "Bob" / "b.mp4")
    write_wav(folder / "Bob" / "b.wav", SOUND, 16000)
    video(folder / ".trash" / "old.mp4")
    (folder / "notes.txt").write_text("no video")
    (folder / "Bob" / "empty.mp4").touch()
    (folder / "Bob" / "page.mkv").write_text("<html>")
    return folder


def test_videos_become_clips_and_broken_files_failures(root: Path, tmp_path: Path) -> None:
    rows, failures = folder_clips(settings(root), tmp_path)
    assert [row.clip_id for row in rows] == ["Ann_Hello_1", "Ann_b", "Bob_b"]
    assert [row.clip_id for row in failures] == ["Bob_empty", "Bob_page"]
    assert all("not a readable video" in row.reason for row in failures)
    assert rows[0].source.as_posix() == "my videos/Ann/Hello (1).MOV"
    assert rows[0].frames == 25
    assert rows[0].fps == 25.0
    assert rows[0].seconds == pytest.approx(1.0, abs=0.05)
    assert len(rows[0].source_sha256) == 64
    assert (rows[0].split, rows[0].annotations) == ("", None)


def test_sound_beside_is_used_where_there_is_none_inside(root: Path, tmp_path: Path) -> None:
    rows, _ = folder_clips(settings(root), tmp_path / "elsewhere")
    assert [row.audio for row in rows] == [None, root / "Ann" / "b.wav", None]


def test_subjects_are_files_or_folders(root: Path, tmp_path: Path) -> None:
    by_file = [row.subject for row in folder_clips(settings(root), tmp_path)[0]]
    by_folder = [row.subject for row in folder_clips(settings(root, subject="folder"), tmp_path)[0]]
    assert by_file == ["Ann_Hello_1", "Ann_b", "Bob_b"]
    assert by_folder == ["Ann", "Ann", "Bob"]


def test_people_seen_in_several_videos_are_one_subject(root: Path, tmp_path: Path) -> None:
    rows, _ = folder_clips(settings(root, people={"bea": ["*/b.mp4"], "nobody": ["x*"]}), tmp_path)
    assert [row.subject for row in rows] == ["Ann_Hello_1", "bea", "bea"]


def test_patterns_say_what_a_video_is_for(root: Path, tmp_path: Path) -> None:
    sides = {"train": ["Bob/*"], "test": ["Ann/Hello*", "elsewhere/*"]}
    rows, failures = folder_clips(settings(root, splits=sides), tmp_path)
    assert {row.clip_id: row.split for row in rows} == {"Ann_Hello_1": "test", "Bob_b": "train"}
    reasons = {row.clip_id: row.reason for row in failures}
    assert list(reasons) == ["Ann_b", "Bob_empty", "Bob_page"]
    assert reasons["Ann_b"] == "b.mp4: no split of its own: nothing in download.folder.splits matches it"


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ({"train": ["*"], "test": ["Ann/b.mp4"]}, "Ann/b.mp4: download.folder.splits names it for train and test"),
        ({"train": ["*"], "val": ["Zoe/*"]}, "no usable video matches download.folder.splits.val ['Zoe/*']"),
    ],
)
def test_sides_that_contradict_or_stay_empty_are_said(
    root: Path, tmp_path: Path, sides: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(BadInputError, match=re.escape(message)):
        folder_clips(settings(root, splits=sides), tmp_path)


def test_patterns_choose(root: Path, tmp_path: Path) -> None:
    rows, failures = folder_clips(settings(root, include=("Ann/*", "nothing")), tmp_path)
    assert [row.clip_id for row in rows] == ["Ann_Hello_1", "Ann_b"]
    assert failures == []


def test_ids_stay_apart_whatever_the_file_system(tmp_path: Path) -> None:
    names = ["a b.mp4", "a_b.mp4", "A B.avi", "a/b.mp4", "ä.mp4", "日本.mp4", "c.mp4", "c.mov", "-.mp4"]
    ids = clip_ids([Path(name) for name in names])
    assert len({name.casefold() for name in ids}) == len(names)
    assert all(name.isascii() and not name.startswith((".", "-")) and "/" not in name for name in ids)
    assert ids == clip_ids([Path(name) for name in names])


@pytest.mark.parametrize(
    ("root_text", "message"),
    [
        ("", r"download\.folder\.root is empty"),
        ("${SEGTALKER_NOWHERE}/videos", "SEGTALKER_NOWHERE is not set"),
        ("/nowhere/at/all", "no such folder"),
    ],
)
def test_a_root_that_is_none_is_said(
    root_text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEGTALKER_NOWHERE", raising=False)
    with pytest.raises(BadInputError, match=message):
        folder_clips(settings(root_text), tmp_path)


def test_a_variable_in_the_root_is_replaced(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_VIDEOS", str(tmp_path))
    assert len(folder_clips(settings("${MY_VIDEOS}/my videos"), tmp_path)[0]) == 3


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no videos"):
        folder_clips(settings(tmp_path), tmp_path)


def test_names_of_any_bytes_have_a_line(tmp_path: Path) -> None:
    for name in ("caf\udce9.mp4", "caf\udcea.mp4", "re\rturn.mp4", "two\nlines.mp4"):
        (tmp_path / name).touch()
    video(tmp_path / "good.mp4")
    rows, failures = folder_clips(settings(tmp_path), tmp_path)
    assert [row.clip_id for row in rows] == ["good"]
    write_table(tmp_path / "failures.csv", failures, FAILURE_COLUMNS)
    table = read_table(tmp_path / "failures.csv")
    assert sorted(table["source"]) == ["caf\\udce9.mp4", "caf\\udcea.mp4", "re\\rturn.mp4", "two\\nlines.mp4"]
    assert table["reason"].str.endswith("its path holds control characters or is not written in UTF-8; rename it").all()
    assert not table["reason"].str.contains("\n").any()


def test_links_that_lead_nowhere_have_a_line(tmp_path: Path) -> None:
    (tmp_path / "circle.mp4").symlink_to(tmp_path / "circle.mp4")
    (tmp_path / "nowhere.mp4").symlink_to(tmp_path / "gone")
    rows, failures = folder_clips(settings(tmp_path), tmp_path)
    assert rows == []
    assert [row.reason for row in failures] == [
        "circle.mp4: not a readable video (Too many levels of symbolic links)",
        "nowhere.mp4: not a readable video (No such file or directory)",
    ]


def test_names_of_any_length_fit_a_file_system(tmp_path: Path) -> None:
    deep = Path(*["folder with a long name"] * 20, "a.mp4")
    ids = clip_ids([deep, deep.with_name("b.mp4"), Path("x" * 250 + "1.mp4"), Path("x" * 250 + "2.mp4")])
    assert len(set(ids)) == 4
    assert max(map(len, ids)) <= 120


def test_the_same_film_twice_is_one_recording(root: Path, tmp_path: Path) -> None:
    (root / "Ann" / "again.mp4").symlink_to(root / "Bob" / "b.mp4")
    shutil.copy(root / "Bob" / "b.mp4", root / "copy.mp4")
    rows, failures = folder_clips(settings(root, include=("*.mp4",)), tmp_path)
    assert [row.clip_id for row in rows] == ["Ann_again", "Ann_b"]  # a link counts as what it leads to
    reasons = [row.reason for row in failures if "the same" in row.reason]
    assert reasons == ["b.mp4: the same recording as Ann_again", "copy.mp4: the same recording as Ann_again"]


def test_suffixes_of_sound_may_have_capitals(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", sound=None)
    write_wav(tmp_path / "a.wav", SOUND, 16000)
    (tmp_path / "a.wav").rename(tmp_path / "a.WAV")
    rows, _ = folder_clips(settings(tmp_path), tmp_path)
    assert [row.audio for row in rows] == [Path("a.WAV")]
