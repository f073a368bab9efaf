"""HDTF from a small web on this machine: lists with all their traps, videos that come, stumble or are gone."""

from pathlib import Path

import pytest
from web import Web

from segtalker.config.data import Hdtf
from segtalker.datasets.hdtf import hdtf_recordings, read_members, shared_subjects
from segtalker.datasets.hdtf_report import hdtf_report
from segtalker.datasets.hdtf_videos import read_ledger
from segtalker.utils.errors import BadInputError

from .conftest import video


def test_everything_that_can_be_had_is_had(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    found = hdtf_recordings(settings, tmp_path)
    rows = {row.clip_id: row for row in found.records}
    assert sorted(rows) == ["RD_Radio1_000", "WDA_AdamSchiff_000", "WDA_AdamSchiff_001", "WDA_AdamSmith_000"]
    first = rows["WDA_AdamSchiff_000"]
    assert (first.start_s, first.end_s, first.frames, first.seconds) == (0.0, 2.0, 50, 2.0)
    assert (first.box, first.ratio, first.subject) == ((10, 2, 64, 64), 1.2, "AdamSchiff")
    assert first.source.as_posix() == "raw/hdtf/videos/WDA_AdamSchiff.mp4"
    assert (rows["WDA_AdamSchiff_001"].box, rows["WDA_AdamSchiff_001"].ratio) == (None, None)
    # 64 rows of pixels came where 90 were listed: the box does not hold
    assert (rows["WDA_AdamSmith_000"].box, rows["WDA_AdamSmith_000"].ratio) == (None, 0.9)
    reasons = {row.clip_id: row.reason for row in found.failures}
    assert reasons["RD_Radio24"] == "the lists give no times for it"
    assert "404" in reasons["WDA_AnnieKuster_000"]
    assert "\n" not in reasons["WDA_AnnieKuster_000"]
    ledger = {entry.video: entry for entry in found.ledger}
    assert {entry.state for entry in ledger.values()} == {"fetched", "missing"}
    assert (ledger["WDA_AdamSmith"].height, ledger["WDA_AdamSmith"].listed_height) == (64, 90)
    assert sorted(path.name for path in (tmp_path / "raw/hdtf/videos").iterdir()) == [
        "RD_Radio1.mp4", "RD_Radio24.mp4", "WDA_AdamSchiff.mp4", "WDA_AdamSmith.mp4",
    ]  # fmt: skip


def test_a_second_run_asks_for_nothing_and_a_retry_for_what_is_missing(
    web: Web, settings: Hdtf, tmp_path: Path
) -> None:
    first = hdtf_recordings(settings, tmp_path)
    web.asked.clear()
    assert hdtf_recordings(settings, tmp_path).records == first.records
    assert not web.asked
    web.files["/gone.mp4"] = web.files["/good.mp4"]
    again = hdtf_recordings(settings.model_copy(update={"retry_missing": True}), tmp_path)
    assert len(again.records) == len(first.records) + 1
    assert {path for path in web.asked if path.endswith(".mp4")} == {"/gone.mp4"}
    assert read_ledger(tmp_path / "raw/hdtf/ledger.csv")["WDA_AnnieKuster"].tries == 2


def test_a_video_damaged_since_stops_nothing(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    first = hdtf_recordings(settings, tmp_path)
    (tmp_path / "raw/hdtf/videos/WDA_AdamSchiff.mp4").write_bytes(b"")
    again = hdtf_recordings(settings, tmp_path)
    assert len(again.records) == len(first.records) - 2
    reasons = {row.clip_id: row.reason for row in again.failures}
    assert reasons["WDA_AdamSchiff_000"] == reasons["WDA_AdamSchiff_001"]
    assert "WDA_AdamSchiff.mp4: not a readable video" in reasons["WDA_AdamSchiff_000"]
    assert reasons["WDA_AdamSchiff_000"].endswith("delete it, and it is fetched again")


def test_changed_lists_and_missing_cookies_stop_it(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"download\.hdtf\.cookies"):
        hdtf_recordings(settings.model_copy(update={"cookies": str(tmp_path / "none.txt")}), tmp_path)
    with pytest.raises(BadInputError, match="no clip of HDTF matches"):
        hdtf_recordings(settings.model_copy(update={"include": ("nobody",)}), tmp_path)
    web.files["/lists/RD_crop_wh.txt"] = b"changed"
    with pytest.raises(BadInputError, match="another file than expected"):
        hdtf_recordings(settings, tmp_path / "elsewhere")


def test_a_place_that_cannot_be_written(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/hdtf").mkdir()
    (tmp_path / "raw/hdtf/videos").write_text("in the way")
    with pytest.raises(BadInputError, match="cannot be written"):
        hdtf_recordings(settings, tmp_path)


def test_clips_as_they_are_distributed(settings: Hdtf, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name, height in (("WDA_AdamSchiff_000", 160), ("WRA_AdamKinzinger0_000", 90), ("holiday", 90)):
        video(folder / f"{name}.mp4", height)
    (folder / "RD_Radio1_000.mp4").write_bytes(b"")
    (folder / "again").mkdir()
    video(folder / "again" / "WDA_AdamSchiff_000.mp4")
    given = settings.model_copy(update={"clips": str(folder)})
    found = hdtf_recordings(given, tmp_path)
    assert [row.clip_id for row in found.records] == ["WDA_AdamSchiff_000", "WRA_AdamKinzinger0_000"]
    assert [row.subject for row in found.records] == ["AdamSchiff", "AdamKinzinger"]
    assert all(row.split in ("train", "val", "test") for row in found.records)
    assert [row.box for row in found.records] == [(0.0, 0.0, 160.0, 160.0), None]  # the square one is cropped already
    assert {row.clip_id for row in found.failures} == {"holiday", "RD_Radio1_000", "WDA_AdamSchiff_000"}
    assert any("WDA_AdamSchiff_000.mp4: the same clip as" in row.reason for row in found.failures)
    assert "2 clips in their distributed form" in hdtf_report(found, "published")
    with pytest.raises(BadInputError, match="no such folder"):
        hdtf_recordings(given.model_copy(update={"clips": "/nowhere/at/all"}), tmp_path)


def test_nobody_is_on_two_sides_of_the_pinned_split() -> None:
    members = read_members()
    sides: dict[str, set[str]] = {}
    for clip, member in members.items():
        sides.setdefault(member.subject, set()).add(member.split)
        assert clip.startswith("RD_") == (member.subject == "Radio")
    assert all(len(side) == 1 for side in sides.values())
    assert set().union(*sides.values()) == {"train", "val", "test"}
    assert members["WDA_WhipJimClyburn_000"].subject == members["WDA_JamesClyburn1_000"].subject
    assert shared_subjects(members) > 20
