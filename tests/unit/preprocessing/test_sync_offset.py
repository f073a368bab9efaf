"""Known shifts of sound against picture are found."""

from typing import Any

import pytest

from segtalker.clips.store import Clip
from segtalker.config.base import Base
from segtalker.preprocessing.sync_offset import find_offset

from .bright_sound import FRAMES, LoudnessExpert


@pytest.mark.parametrize("late", [-15, -6, -1, 0, 1, 3, 15])
def test_known_shifts_are_found(late: int, recording: Any, base: Base) -> None:
    record, place = recording(late)
    clip = Clip(record.clip_id, "s", "", place, place, place)
    scores = find_offset(LoudnessExpert(), clip, base, 15, 16)  # type: ignore[arg-type]
    assert scores is not None
    assert scores.offset == -late
    assert scores.confidence > 0.2


def test_a_clip_too_short_to_be_shifted_has_no_offset(recording: Any, base: Base) -> None:
    record, place = recording(0)
    clip = Clip(record.clip_id, "s", "", place, place, place)
    assert find_offset(LoudnessExpert(), clip, base, FRAMES, 16) is None  # type: ignore[arg-type]
