"""MEAD in its own layout, packed and unpacked, in a small copy."""

import io
import os
import tarfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segtalker.clips.record import ClipRecord
from segtalker.clips.store import write_wav
from segtalker.config.data import Mead
from segtalker.datasets import mead
from segtalker.datasets.mead import mead_recordings
from segtalker.media import video as video_module
from segtalker.utils.errors import BadInputError

from .mead_copy import ALL, FRONT, put, settings

SOUND = np.zeros(8000, np.float32)


def tar(path: Path, names: Sequence[str], data: bytes) -> None:
    """Packs files of one content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def ids(given: Mead, project: Path) -> list[str]:
    """Clips that are found, none of them broken."""
    rows, failures = mead_recordings(given, project)
    assert failures == []
    return [row.clip_id for row in rows]


def test_folders_as_distributed(clip: bytes, silent: bytes, tmp_path: Path) -> None:
    root = tmp_path / "mead"
    put(root, ALL, clip)
    put(root, [FRONT[0]], silent)
    write_wav(root / "M003/audio/angry/level_1/001.wav", SOUND, 16000)
    rows, failures = mead_recordings(settings(root), tmp_path)
    assert failures == []
    assert [row.clip_id for row in rows] == [
        "M003_front_angry_1_001",
        "M003_front_angry_3_002",
        "M003_front_neutral_1_001",
        "W009_front_sad_2_001",
    ]
    assert len(rows[0].source_sha256) == 64
    assert replace(rows[0], source_sha256="") == ClipRecord(
        clip_id="M003_front_angry_1_001",
        subject="M003",
        split="test",
        source=Path("mead/M003/video/front/angry/level_1/001.mp4"),
        frames=15,
        seconds=0.5,
        fps=30.0,
        audio=Path("mead/M003/audio/angry/level_1/001.wav"),
        groups={"emotion": "angry", "level": "1", "view": "front"},
    )
    assert [row.audio for row in rows[1:]] == [None, None, None]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"views": ()}, 5),
        ({"views": ("left_30",)}, 1),
        ({"actors": ("W009",)}, 1),
        ({"emotions": ("angry", "sad")}, 3),
        ({"levels": (3,)}, 1),
        ({"levels": (1,), "emotions": ("neutral",)}, 1),
    ],
)
def test_params_choose(changes: dict[str, object], count: int, clip: bytes, tmp_path: Path) -> None:
    put(tmp_path / "mead", ALL, clip)
    assert len(ids(settings(tmp_path / "mead", **changes), tmp_path)) == count


def test_subjects_are_split_later_where_a_param_says_so(clip: bytes, tmp_path: Path) -> None:
    put(tmp_path / "mead", ALL, clip)
    rows, _ = mead_recordings(settings(tmp_path / "mead", split="subjects"), tmp_path)
    assert {row.split for row in rows} == {""}


def test_the_root_may_be_one_actor(clip: bytes, tmp_path: Path) -> None:
    put(tmp_path, FRONT, clip)
    assert len(ids(settings(tmp_path / "M003"), tmp_path)) == 3


@pytest.mark.parametrize("packed", ["actor", "actor without its folder", "actor.tar.gz", "zip", "parts"])
def test_archives(packed: str, clip: bytes, tmp_path: Path) -> None:
    root = tmp_path / "archives"
    names = [name for name in ALL if name.startswith("M003")]
    bare = [name.removeprefix("M003/") for name in names]
    if packed == "actor":
        tar(root / "M003.tar", names, clip)
    elif packed == "actor without its folder":
        tar(root / "M003.tar", bare, clip)
    elif packed == "actor.tar.gz":
        tar(root / "M003.tar.gz", names, clip)
    elif packed == "zip":
        root.mkdir()
        with zipfile.ZipFile(root / "M003.zip", "w") as archive:
            for name in names:
                archive.writestr(name, clip)
    else:
        tar(root / "M003" / "video.tar", bare, clip)
        tar(root / "M003" / "audio.tar", ["audio/angry/level_1/001.m4a", "audio/sad/level_1/001.m4a"], b"sound")
    found = ids(settings(root), tmp_path)
    assert found == ["M003_front_angry_1_001", "M003_front_angry_3_002", "M003_front_neutral_1_001"]
    videos = sorted((tmp_path / "raw/mead").rglob("*.mp4"))
    assert len(videos) == 3
    kept = [path.stat().st_ino for path in videos]
    assert ids(settings(root), tmp_path) == found
    assert [path.stat().st_ino for path in sorted((tmp_path / "raw/mead").rglob("*.mp4"))] == kept
    assert len(ids(settings(root, views=()), tmp_path)) == 4


def test_sound_comes_out_of_its_own_archive(silent: bytes, tmp_path: Path) -> None:
    root = tmp_path / "archives"
    tar(root / "M003" / "video.tar", ["video/left_30/angry/level_1/001.mp4"], silent)
    tar(root / "M003" / "audio.tar", ["audio/angry/level_1/001.m4a", "audio/sad/level_1/001.m4a"], b"sound")
    rows, _ = mead_recordings(settings(root, views=("left_30",), emotions=("angry",)), tmp_path)
    assert [row.audio for row in rows] == [Path("raw/mead/M003/audio_tar/audio/angry/level_1/001.m4a")]
    assert len(list((tmp_path / "raw").rglob("*.m4a"))) == 1


def test_archives_may_be_unpacked_where_they_lie(clip: bytes, tmp_path: Path) -> None:
    tar(tmp_path / "raw/mead/M003.tar", [name.removeprefix("M003/") for name in FRONT], clip)
    put(tmp_path / "raw/mead", ["W009_sad_2_001.mp4"], clip)
    for _ in range(2):
        assert len(ids(settings(tmp_path / "raw/mead"), tmp_path)) == 4


def test_archives_of_others_and_those_unpacked_by_hand_are_left_alone(clip: bytes, tmp_path: Path) -> None:
    root = tmp_path / "mead"
    put(root, FRONT, clip)
    (root / "M003.tar").write_bytes(b"not looked at")
    (root / "M003" / "video.tar").write_bytes(b"not looked at")
    (root / "W009.tar").write_bytes(b"not looked at")
    assert len(ids(settings(root, actors=("M003",)), tmp_path)) == 3
    with pytest.raises(BadInputError, match=r"W009\.tar: damaged"):
        mead_recordings(settings(root), tmp_path)


def test_broken_unnamed_and_double_videos_are_failures(clip: bytes, tmp_path: Path) -> None:
    root = tmp_path / "mead"
    put(root, [FRONT[0], "copy/M003_angry_1_001.mp4", "sad.mp4", ".trash/M003_sad_1_001.mp4"], clip)
    put(root, ["M030_sad_3_001.mp4"], b"<html>")
    (root / "W009_sad_1_001.mp4").symlink_to(tmp_path / "nowhere.mp4")
    rows, failures = mead_recordings(settings(root), tmp_path)
    assert [row.clip_id for row in rows] == ["M003_front_angry_1_001"]
    reasons = {row.clip_id: row.reason for row in failures}
    assert sorted(reasons) == [
        "M030_front_sad_3_001", "W009_front_sad_1_001", "mead_copy_M003_angry_1_001", "mead_sad",
    ]  # fmt: skip
    assert reasons["W009_front_sad_1_001"] == "W009_sad_1_001.mp4: cannot be read (No such file or directory)"
    assert "not a readable video" in reasons["M030_front_sad_3_001"]
    assert "the same recording as mead/M003/video" in reasons["mead_copy_M003_angry_1_001"]
    assert "does not say which recording" in reasons["mead_sad"]


def test_a_second_run_opens_and_hashes_nothing_again(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "mead"
    put(root, ALL, clip)
    first = mead_recordings(settings(root), tmp_path)
    opened: list[Path] = []

    def count(path: Path, decoder: video_module.Decoder) -> video_module.Video:
        opened.append(path)
        return video_module.open_video(path, decoder)

    monkeypatch.setattr(mead, "open_video", count)
    assert mead_recordings(settings(root), tmp_path) == first
    assert opened == []
    os.utime(root / FRONT[1], (time.time() - 30,) * 2)
    assert mead_recordings(settings(root), tmp_path) == first
    assert opened == [root / FRONT[1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"root": ""}, r"download\.mead\.root is empty.*terms at https://wywu.*--set download\.mead\.root=DIR"),
        ({"root": "/nowhere/at/all"}, "no such folder.*terms"),
        ({}, "none of MEAD's recordings.*terms"),
        ({"views": ("left30",)}, "views: 'left30' is none of front, left_30"),
        ({"emotions": ("disgust",)}, "emotions: 'disgust' is none of angry"),
        ({"levels": (0,)}, "levels: 0 is none of 1, 2, 3"),
        ({"actors": ("M3",)}, "actors: 'M3' is no actor"),
    ],
)
def test_what_is_wrong_is_said_on_one_line(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=message) as caught:
        mead_recordings(settings(tmp_path / "empty").model_copy(update=changes), tmp_path)
    assert "\n" not in str(caught.value)
