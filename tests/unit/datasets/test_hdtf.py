"""HDTF from a small web on this machine: lists with all their traps, videos that come, stumble or are gone."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yt_dlp
from web import Web, small_web

from segtalker.config.data import Hdtf
from segtalker.config.params import load_params
from segtalker.datasets import hdtf_lists, hdtf_videos
from segtalker.datasets.hdtf import hdtf_recordings, read_members, shared_subjects
from segtalker.datasets.hdtf_lists import KINDS, SUBSETS, read_lists
from segtalker.datasets.hdtf_report import hdtf_report
from segtalker.datasets.hdtf_videos import is_gone, plain_reason, read_ledger
from segtalker.media.video import write_video
from segtalker.utils.errors import BadInputError

SECONDS = 4


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


def test_a_video_put_there_by_hand_is_taken(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    place = tmp_path / "raw/hdtf/videos/WDA_AnnieKuster.mp4"
    place.parent.mkdir(parents=True)
    place.write_bytes(web.files["/good.mp4"])
    chosen = settings.model_copy(update={"include": ("WDA_Annie*",)})
    assert [row.clip_id for row in hdtf_recordings(chosen, tmp_path).records] == ["WDA_AnnieKuster_000"]
    assert not any(path.endswith(".mp4") for path in web.asked)


def test_a_file_put_there_that_is_no_video_is_left_where_it_is(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    place = tmp_path / "raw/hdtf/videos/WDA_AnnieKuster.mp4"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    chosen = settings.model_copy(update={"include": ("WDA_Annie*",)})
    (entry,) = hdtf_recordings(chosen, tmp_path).ledger
    assert entry.state == "failed"
    assert "WDA_AnnieKuster.mp4: not a readable video" in entry.reason
    assert "replace it, or delete it" in entry.reason
    assert place.read_bytes() == b"mine"


def test_a_video_damaged_since_stops_nothing(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    first = hdtf_recordings(settings, tmp_path)
    (tmp_path / "raw/hdtf/videos/WDA_AdamSchiff.mp4").write_bytes(b"")
    again = hdtf_recordings(settings, tmp_path)
    assert len(again.records) == len(first.records) - 2
    reasons = {row.clip_id: row.reason for row in again.failures}
    assert reasons["WDA_AdamSchiff_000"] == reasons["WDA_AdamSchiff_001"]
    assert "WDA_AdamSchiff.mp4: not a readable video" in reasons["WDA_AdamSchiff_000"]
    assert reasons["WDA_AdamSchiff_000"].endswith("delete it, and it is fetched again")


def test_what_is_no_video_and_a_dead_server_are_tried_again(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    web.files["/good.mp4"] = b"<html>please wait</html>" * 100
    chosen = settings.model_copy(update={"include": ("WDA_AdamSchiff_*",), "retries": 0})
    found = hdtf_recordings(chosen, tmp_path)
    assert found.records == []
    assert found.ledger[0].state in ("failed", "missing")
    web.failures["/small.mp4"] = 99
    found = hdtf_recordings(chosen.model_copy(update={"include": ("WDA_AdamSmith_*",)}), tmp_path)
    assert found.ledger[0].state == "failed"
    assert "503" in found.ledger[0].reason
    web.failures.clear()
    found = hdtf_recordings(chosen.model_copy(update={"include": ("WDA_AdamSmith_*",)}), tmp_path)
    assert found.ledger[0].state == "fetched"


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


def test_the_page_says_what_is_gone(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    page = hdtf_report(hdtf_recordings(settings, tmp_path), "subjects")
    assert "| fetched | 4 | 4 | 0.1 |" in page
    assert "| missing | 1 | 1 | 0.0 |" in page
    assert "| listed | 5 | 5 | 0.2 |" in page
    assert "WDA_AnnieKuster | missing:" in page
    assert "RD_Radio24 | the lists give no times for it" in page
    assert "CC BY 4.0" in page


def test_clips_as_they_are_distributed(settings: Hdtf, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("WDA_AdamSchiff_000", "WRA_AdamKinzinger0_000", "holiday"):
        video(folder / f"{name}.mp4")
    (folder / "RD_Radio1_000.mp4").write_bytes(b"")
    (folder / "again").mkdir()
    video(folder / "again" / "WDA_AdamSchiff_000.mp4")
    given = settings.model_copy(update={"clips": str(folder)})
    found = hdtf_recordings(given, tmp_path)
    assert [row.clip_id for row in found.records] == ["WDA_AdamSchiff_000", "WRA_AdamKinzinger0_000"]
    assert [row.subject for row in found.records] == ["AdamSchiff", "AdamKinzinger"]
    assert all(row.split in ("train", "val", "test") for row in found.records)
    assert {row.clip_id for row in found.failures} == {"holiday", "RD_Radio1_000", "WDA_AdamSchiff_000"}
    assert any("WDA_AdamSchiff_000.mp4: the same clip as" in row.reason for row in found.failures)
    assert "2 clips in their distributed form" in hdtf_report(found, "published")
    with pytest.raises(BadInputError, match="no such folder"):
        hdtf_recordings(given.model_copy(update={"clips": "/nowhere/at/all"}), tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("RD_annotion_time", "Radio1.mp4 00:30-00:10", "no stretch of time"),
        ("RD_annotion_time", "Radio1.mp4 soon", "no stretch of time"),
        ("RD_crop_wh", "Radio1_0.mp4 1 2 x 4", r"RD_crop_wh\.txt:1: expected 4 number"),
        ("RD_crop_ratio", "Radio1_0.mp4", "expected 1 number"),
        ("RD_video_url", "Radio1", "a name and an address"),
        ("RD_resolution", "Radio1.mp4 large", "a name and a resolution"),
    ],
)
def test_a_row_that_is_not_as_it_should_be_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    for subset in SUBSETS:
        for kind in KINDS:
            (tmp_path / f"{subset}_{kind}.txt").touch()
    (tmp_path / "RD_video_url.txt").write_text("Radio1 https://example.org/x\n")
    (tmp_path / "RD_annotion_time.txt").write_text("Radio1.mp4 00:00-00:10\n")
    (tmp_path / f"{name}.txt").write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_lists(tmp_path)


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("\x1b[0;31mERROR:\x1b[0m [youtube] RApGxN-O9Qc: Video unavailable", "Video unavailable"),
        ("ERROR: [youtube] x_Y-123: Private video. Sign in\nmore", "Private video. Sign in"),
        ("ERROR: unable to download: HTTP Error 404: Not Found", "unable to download: HTTP Error 404: Not Found"),
        ("", "no reason given"),
    ],
)  # fmt: skip
def test_reasons_are_plain(said: str, plain: str) -> None:
    assert plain_reason(said) == plain


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("Video unavailable", True),
        ("Private video. Sign in if you've been granted access to this video", True),
        ("Sign in to confirm your age. This video may be inappropriate for some users.", True),
        ("This video has been removed by the uploader", True),
        ("unable to download: HTTP Error 404: Not Found", True),
        ("Sign in to confirm you\u2019re not a bot. Use --cookies for the authentication", False),
        ("Video unavailable. This content isn't available, try again later. The session has been rate-limited", False),
        ("unable to download video data: HTTP Error 403: Forbidden", False),
        ("HTTP Error 429: Too Many Requests", False),
        ("HTTP Error 503: Service Unavailable", False),
        ("The read operation timed out", False),
    ],
)  # fmt: skip
def test_what_is_gone_is_told_from_who_is_turned_away(said: str, gone: bool) -> None:
    assert is_gone(said) == gone


def test_whoever_is_turned_away_does_not_ask_on(
    web: Web, settings: Hdtf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "ERROR: [youtube] RApGxN-O9Qc: Sign in to confirm you\u2019re not a bot"
    asked: list[str] = []

    def refuse(_: object, urls: list[str]) -> None:
        asked.extend(urls)
        raise yt_dlp.utils.DownloadError(said)

    monkeypatch.setattr(yt_dlp.YoutubeDL, "download", refuse)
    chosen = settings.model_copy(update={"include": ("WDA_AdamSchiff_*",)})
    (entry,) = hdtf_recordings(chosen, tmp_path).ledger
    assert (entry.state, len(asked)) == ("failed", 1)
    assert entry.reason.endswith("not a bot; run again later, or set download.hdtf.cookies")


def test_what_came_of_a_video_is_not_fetched_again(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    part = tmp_path / "raw/hdtf/videos/WDA_AdamSchiff.mp4.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(web.files["/good.mp4"][:1000])
    found = hdtf_recordings(settings.model_copy(update={"include": ("WDA_AdamSchiff_*",)}), tmp_path)
    assert found.ledger[0].state == "fetched"
    assert "/good.mp4" in web.ranges
    assert (part.parent / "WDA_AdamSchiff.mp4").read_bytes() == web.files["/good.mp4"]


def test_cookies_and_the_rate_reach_the_line(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tpass\tyes\n")
    chosen = {
        "include": ("WDA_AdamSchiff_*",),
        "cookies": str(cookies),
        "rate_limit_mib": len(web.files["/good.mp4"]) / 2**20,
    }
    started = time.monotonic()
    hdtf_recordings(settings.model_copy(update=chosen), tmp_path)
    assert web.cookies["/good.mp4"] == "pass=yes"
    assert time.monotonic() - started > 0.5  # at a film a second


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
