"""Facts of a record."""

from dataclasses import replace
from pathlib import Path

import pytest

from segtalker.clips.record import ClipQuality, ClipRecord, with_facts

QUALITY = ClipQuality(face_px=81.5, sharpness=120.0, yaw_deg=3.1, pitch_deg=0.0, cuts=0)
BARE = ClipRecord(clip_id="007", source=Path("raw/007.mp4"))


def test_facts_are_laid_over_a_record_as_their_fields_types() -> None:
    record = with_facts(BARE, {"frames": 25, "face": [1, 2, 3], "quality": vars(QUALITY)})
    assert record == replace(BARE, frames=25, face=(1.0, 2.0, 3.0), quality=QUALITY)
    with pytest.raises(KeyError):
        with_facts(BARE, {"unknown": 1})
    with pytest.raises(ValueError, match="valid integer"):
        with_facts(BARE, {"frames": "many"})
