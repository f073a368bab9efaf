"""Scene cuts of real recordings: pictures that stutter are none, joins of two recordings are found."""

import functools
import os
from itertools import combinations, islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from segtalker.media.video import open_video
from segtalker.preprocessing.scenes import SceneCuts

ROOT = Path(os.environ.get("SEGTALKER_REAL_DATA", ""))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("SEGTALKER_REAL_DATA" not in os.environ, reason="SEGTALKER_REAL_DATA is not set"),
]
NAMES = ("wild/d12.mp4", "hdtf/WDA_AlexandriaOcasioCortez_000.mp4", "sync/example.avi", "mead/sad.mp4")
FRAMES, AROUND = 190, 24


@functools.cache
def frames_of(name: str) -> list[np.ndarray]:
    """Small frames of a recording."""
    return [cv2.resize(frame.image, (256, 256)) for frame in islice(open_video(ROOT / "videos" / name, "pyav"), FRAMES)]


def cuts(frames: list[np.ndarray]) -> list[int]:
    """Where scenes begin, by index."""
    seen = SceneCuts(3.0)
    for index, frame in enumerate(frames):
        seen.see(frame, float(index))
    return [round(time_s) for time_s in seen.times]


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_frozen_or_lost_frame_is_no_cut(name: str) -> None:
    frames = frames_of(name)
    false_cuts = []
    for index in range(AROUND, len(frames) - AROUND, 2):
        before, after = frames[index - AROUND : index], frames[index + 1 : index + AROUND]
        false_cuts += [("frozen", index, where) for where in cuts([*before, before[-1], *after])]
        false_cuts += [("lost", index, where) for where in cuts([*before, *after])]
    assert false_cuts == []


def test_two_recordings_joined_are_cut_where_they_meet() -> None:
    for one, other in combinations(NAMES, 2):
        for index in (30, 61, 97):
            assert cuts([*frames_of(one)[index - AROUND : index], *frames_of(other)[index : index + AROUND]]) == [
                AROUND
            ]


def test_a_cut_after_a_frozen_frame_is_found() -> None:
    for one, other in combinations(NAMES, 2):
        before, after = frames_of(one)[20:44], frames_of(other)[50:74]
        assert cuts([*before, before[-1], before[-1], *after]) == [26]
