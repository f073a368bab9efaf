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
from segtalker.clips.splits import _number
from segtalker.clips.store import write_wav
from segtalker.config.data import Mead
from segtalker.datasets import mead
from segtalker.datasets.mead import mead_recordings
from segtalker.datasets.mead_layout import (
    TEST_ACTORS,
    TRAIN_ACTORS,
    VAL_ACTORS,
    MeadName,
    actor_in,
    parse_sound,
    parse_video,
    published_split,
)
from segtalker.datasets.mead_report import mead_report
from segtalker.media import video as video_module
from segtalker.media.video import write_video
from segtalker.utils.errors import BadInputError

SOUND = np.zeros(8000, np.float32)
FRONT = [f"M003/video/front/{cell}.mp4" for cell in ("angry/level_1/001", "angry/level_3/002", "neutral/level_1/001")]
ALL = [*FRONT, "M003/video/left_30/angry/level_1/001.mp4", "W009/video/front/sad/level_2/001.mp4"]


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


def put(root: Path, names: Sequence[str], data: bytes) -> None:
    """Writes files of one content, long ago."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        os.utime(root / name, (time.time() - 60,) * 2)


def tar(path: Path, names: Sequence[str], data: bytes) -> None:
    """Packs files of one content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def settings(root: Path | str, **changes: object) -> Mead:
    """Params of the source."""
    values = {"root": str(root), "unpack_to": "raw/mead", "actors": (), "views": ("front",), "emotions": ()}
    return Mead.model_validate(values | {"levels": (), "split": "published", "max_gib": 0.1} | changes)


def ids(given: Mead, project: Path) -> list[str]:
    """Clips that are found, none of them broken."""
    rows, failures = mead_recordings(given, project)
    assert failures == []
    return [row.clip_id for row in rows]


@pytest.mark.parametrize(
    "path",
    [
        "M003/video/front/angry/level_1/001",
        "deep/below/M003/video/front/angry/level_1/001",
        "M003/video/video/front/angry/level_1/001",
        "W001/M003/front/angry/level_1/001",
        "M003_angry_1_001",
        "any/where/M003_front_angry_level_1_001",
        "M003_front_angry_1_001",
        "M003#angry#level_1#001",
    ],
)
def test_names_of_one_recording(path: str) -> None:
    name = parse_video(path)
    assert name == MeadName("M003", "front", "angry", 1, 1)
    assert name.clip_id == "M003_front_angry_1_001"


@pytest.mark.parametrize(
    "path",
    [
        "sad",
        "M003/video/front/angry/level_4/001",
        "M003/video/front/furious/level_1/001",
        "M003/video/left_90/angry/level_1/001",
        "M003/video/front/angry/level_1/1",
        "video/front/angry/level_1/001",
        "M03/video/front/angry/level_1/001",
        "XM003_angry_1_001x",
        "M003/audio/angry/level_1/001",
    ],
)
def test_what_is_no_name(path: str) -> None:
    assert parse_video(path) is None


def test_sounds_belong_to_all_views() -> None:
    sound, left = parse_sound("M003/audio/angry/level_1/001"), parse_video("M003/video/left_30/angry/level_1/001")
    assert sound is not None
    assert left is not None
    assert sound.sound == left.sound
    assert left.view == "left_30"


def test_actors_in_paths() -> None:
    assert actor_in("x/M003/video") == actor_in("M003.tar") == actor_in("W001/M003_front_sad_1_001") == "M003"
    assert actor_in("MM003x/video.tar") is None


def test_validation_actors_are_those_with_the_smallest_hash() -> None:
    actors = TRAIN_ACTORS + VAL_ACTORS
    assert len(set(actors)) == 39
    assert not set(actors) & set(TEST_ACTORS)
    assert sorted(sorted(actors, key=_number)[:3]) == sorted(VAL_ACTORS)
    assert [published_split(actor) for actor in ("M003", "M019", "M005", "W999")] == ["test", "val", "train", "train"]


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


def test_the_report_says_what_is_there_and_what_is_missing(clip: bytes, tmp_path: Path) -> None:
    put(tmp_path / "mead", ALL, clip)
    given = settings(tmp_path / "mead", actors=("M003", "W009", "W015"), emotions=("angry", "neutral"), views=())
    rows, failures = mead_recordings(given, tmp_path)
    report = mead_report(rows, failures, given)
    assert "Recordings: 4, minutes: 0.0, actors: 1; not to be used: 0," in report
    assert "Of 3 chosen actors 2 are missing: W009, W015." in report
    assert "| test | 1 | 4 | 0.0 |" in report
    assert "| M003 | front | test | 3 | 0.0 | 1/0/1 | 1 |" in report
    holes = next(line for line in report.splitlines() if line.startswith("- M003"))
    assert "no view right_60" in holes
    assert "front angry level 2;" in holes
    assert "front angry level 3 without 001" in holes
    assert "neutral level 2" not in holes
    assert "not to be passed on" in report


def test_a_whole_grid_has_no_holes(clip: bytes, tmp_path: Path) -> None:
    put(tmp_path / "mead", [f"M003/video/front/sad/level_{level}/001.mp4" for level in (1, 2, 3)], clip)
    given = settings(tmp_path / "mead", emotions=("sad",), split="subjects")
    report = mead_report(*mead_recordings(given, tmp_path), given)
    assert "Nothing: each actor has" in report
    assert "split later" in report
    assert "Of 43 actors of the published lists 42 are missing: M005" in report
