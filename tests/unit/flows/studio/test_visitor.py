"""Visitors do not see each other, and leave nothing."""

from pathlib import Path

import numpy as np

from flows.studio.visitor import Visitors
from segtalker.inference.edits import ShapeEdit, Swap
from segtalker.inference.talk_inputs import read_mask


def test_every_session_is_a_visitor_of_its_own(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path)
    one, other = visitors.get("one"), visitors.get("other")
    assert visitors.get("one") is one
    assert one.folder != other.folder
    one.swaps["hair"] = Swap("hair", tmp_path / "a.png")
    assert not other.swaps
    assert len(visitors) == 2


def test_a_visitor_who_leaves_takes_everything_along(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path / "visitors")
    one, other = visitors.get("one"), visitors.get("other")
    own, both = tmp_path / "own.png", tmp_path / "both.png"
    for path in (own, both):
        path.touch()
    one.files |= {own, both}
    other.files |= {both}
    (one.folder / "video.mp4").touch()
    visitors.leave("one")
    assert one.stopped.is_set()
    assert not one.folder.exists()
    assert not own.exists()
    assert both.exists()
    assert visitors.files() == {both}
    visitors.leave("one")
    visitors.leave("other")
    assert not both.exists()
    assert not list((tmp_path / "visitors").iterdir())


def test_choices_are_edits(tmp_path: Path) -> None:
    visitor = Visitors(tmp_path).get("one")
    assert visitor.edits().mask is None
    swap, shape = Swap("hair", tmp_path / "a.png", 0.5), ShapeEdit("lip", "grow", (2.0,))
    visitor.swaps["hair"], visitor.shapes["lip", "grow"], visitor.background = swap, shape, "#102030"
    visitor.mask = np.full((16, 16), 3, np.uint8)
    edits = visitor.edits()
    assert (tuple(edits.swaps), tuple(edits.shapes), edits.background) == ((swap,), (shape,), "#102030")
    assert edits.mask is not None
    assert (read_mask(edits.mask, 16) == visitor.mask).all()
