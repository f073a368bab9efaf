"""HDTF's own lists: every trap in them, and the pinned table of its clips."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from segtalker.datasets.hdtf import read_members, shared_subjects
from segtalker.datasets.hdtf_lists import SHA256, HdtfVideo, read_lists

ROOT = Path(os.environ.get("SEGTALKER_REAL_DATA", ""))
LISTS = ROOT / "annotations/hdtf"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("SEGTALKER_REAL_DATA" not in os.environ, reason="SEGTALKER_REAL_DATA is not set"),
]


@pytest.fixture(scope="module")
def videos() -> dict[str, HdtfVideo]:
    """All of them by id."""
    return {video.video_id: video for video in read_lists(LISTS)}


def test_the_lists_are_those_that_are_pinned() -> None:
    for name, sha256 in SHA256.items():
        assert hashlib.sha256((LISTS / f"{name}.txt").read_bytes()).hexdigest() == sha256


COUNTS = [("RD", 57, 66, 64), ("WDA", 183, 195, 189), ("WRA", 130, 175, 168)]


@pytest.mark.parametrize(("subset", "urls", "clips", "boxes"), COUNTS)
def test_counts(videos: dict[str, HdtfVideo], subset: str, urls: int, clips: int, boxes: int) -> None:
    own = [video for video in videos.values() if video.video_id.startswith(f"{subset}_")]
    stretches = [clip for video in own for clip in video.clips]
    assert (len(own), len(stretches), sum(bool(clip.box) for clip in stretches)) == (urls, clips, boxes)
    assert sum(bool(clip.ratio) for clip in stretches) == boxes
    assert all(video.url.startswith("https://") for video in own)


def test_traps(videos: dict[str, HdtfVideo]) -> None:
    assert "WDA_CarolynMaloney2" in videos  # after a byte-order mark
    assert len(videos["WRA_AdamKinzinger2"].clips) == 3  # its row ends in a blank
    assert videos["RD_Radio24"].clips == ()  # no row of times
    assert videos["WRA_KevinMcCarthy1"].height == 0
    assert videos["WDA_RaulRuiz"].height == 700
    assert videos["WRA_GregWalden"].height == 714
    clip = videos["RD_Radio11"].clips[1]
    assert (clip.clip_id, clip.start_s, clip.end_s) == ("RD_Radio11_001", 90.0, 150.0)
    assert videos["RD_Radio11"].clips[0].box == (412, 0, 599, 599)
    assert videos["RD_Radio11"].clips[0].ratio == 1.2
    for video in videos.values():
        for clip in video.clips:
            assert 0 <= clip.start_s < clip.end_s < 3600
            if clip.box:
                x, y, width, height = clip.box
                assert width == height > 100
                assert min(x, y) >= 0


def test_the_pinned_table_covers_the_lists_and_the_published_split(videos: dict[str, HdtfVideo]) -> None:
    members = read_members()
    assert set(members) == {clip.clip_id for video in videos.values() for clip in video.clips}
    published = {}
    for side in ("train", "test"):
        names = json.loads((ROOT / f"annotations/clip_lists/{side}.json").read_text())
        published |= {name.split("#")[0]: side for name in names if name[:3] in ("RD_", "WDA", "WRA")}
    assert {clip: member.published for clip, member in members.items() if member.published} == published
    assert list(published.values()).count("test") == 77
    assert shared_subjects(members) == 32
