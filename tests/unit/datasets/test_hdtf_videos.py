"""Videos of HDTF: what is gone, who is turned away, what is fetched."""

import time
from pathlib import Path

import pytest
import yt_dlp
from web import Web

from segtalker.config.data import Hdtf
from segtalker.datasets.hdtf import hdtf_recordings
from segtalker.datasets.hdtf_videos import is_gone, plain_reason


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
