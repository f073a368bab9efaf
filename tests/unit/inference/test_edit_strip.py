"""The edits that a report shows."""

from pathlib import Path
from typing import Any

import numpy as np

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.store import Clip
from segtalker.inference.edit_strip import draw_fringe, read_edits, write_edits
from segtalker.inference.methods import one_of_each_subject
from segtalker.inference.talk_model import TalkModel


def test_a_fringe_is_drawn_on_the_forehead(face: Any) -> None:
    mask = face.mask
    changed = draw_fringe(mask, face.landmarks) != mask
    assert changed.any()
    assert not changed[int(face.y) :].any()


def test_edits_show_the_same_moments(talk_model: TalkModel, clips: list[Clip], tmp_path: Path) -> None:
    people = one_of_each_subject(clips)
    assert [clip.clip_id for clip in people] == ["a0", "b0"]
    write_edits(talk_model, people, people[:1], tmp_path / "edits", 4, "#00ff00")
    rows = {row.edit: row for row in read_edits(tmp_path / "edits")}
    assert list(rows) == ["original", "hair", "lip", "eyebrows", "background", "mask"]
    frames = {edit: ImagePack(tmp_path / "edits" / row.frames).read() for edit, row in rows.items()}
    assert {len(pack) for pack in frames.values()} == {4}
    assert len(rows["hair"].times_s) == 4
    assert rows["hair"].reference is not None
    assert ImagePack(tmp_path / "edits" / rows["hair"].reference).read().shape[0] == 1
    for edit in ("hair", "eyebrows", "background", "mask"):
        change = np.abs(frames[edit][0].astype(int) - frames["original"][0]).sum(axis=2)
        assert change.max() > 20
    assert read_edits(tmp_path / "nowhere") == []
