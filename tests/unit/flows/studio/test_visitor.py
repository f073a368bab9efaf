"""Visitors do not see each other, and leave nothing."""

from pathlib import Path

import numpy as np
import pytest

from flows.studio.visitor import GoneError, Visitors
from segtalker.inference.edits import ShapeEdit, Swap
from segtalker.inference.talk_inputs import read_mask


def test_every_session_is_a_visitor_of_its_own(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path, tmp_path)
    one, other = visitors.arrive("one"), visitors.arrive("other")
    assert visitors.get("one") is visitors.arrive("one") is one
    assert one.folder != other.folder
    one.swaps["hair"] = Swap("hair", tmp_path / "a.png")
    assert not other.swaps
    assert len(visitors) == 2


def test_a_visitor_who_leaves_takes_everything_along(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path / "visitors", tmp_path / "uploads")
    one, other = visitors.arrive("one"), visitors.arrive("other")
    own, both = (tmp_path / "uploads" / name / "face.png" for name in ("own", "both"))
    for path in (own, both):
        path.parent.mkdir(parents=True)
        path.touch()
    one.files |= {own, both}
    other.files |= {both}
    (one.folder / "video.mp4").touch()
    visitors.leave("one")
    assert one.gone.is_set()
    assert not one.folder.exists()
    assert not own.parent.exists()
    assert both.exists()
    visitors.leave("one")
    visitors.leave("other")
    assert not list((tmp_path / "uploads").iterdir())
    assert not list((tmp_path / "visitors").iterdir())


def test_work_that_still_runs_is_followed_by_the_deleting(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path / "visitors", tmp_path)
    one = visitors.arrive("one")
    one.audio = tmp_path / "speech.wav"
    with visitors.work(one):
        visitors.leave("one")
        assert len(visitors) == 0
        one.audio = None
        assert visitors.used_files() == {tmp_path / "speech.wav"}
        visitors.delete_unowned()
        (one.folder / "video.mp4").touch()
    assert not one.folder.exists()
    with pytest.raises(GoneError), visitors.work(one):
        pass
    assert visitors.used_files() == set()


def test_what_comes_after_the_leaving_makes_no_new_visitor(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path, tmp_path)
    visitors.arrive("one")
    visitors.leave("one")
    for session in ("one", "never here"):
        with pytest.raises(GoneError, match="load it again"):
            visitors.get(session)
    assert len(visitors) == 0


def test_who_is_not_seen_for_long_leaves(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path, tmp_path)
    for name in ("silent", "active", "at work", "waiting"):
        visitors.arrive(name).seen_s -= 100
    visitors.get("active")
    visitors.get("waiting").seen_s += 1000
    with visitors.work(visitors.arrive("at work")):
        visitors.expire(60)
    assert [name for name in ("silent", "active", "at work", "waiting") if _is_here(visitors, name)] == [
        "active",
        "at work",
        "waiting",
    ]


def test_folders_of_nobody_are_deleted(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path, tmp_path)
    one = visitors.arrive("one")
    (tmp_path / "0123" / "deep").mkdir(parents=True)
    visitors.delete_unowned()
    assert list(tmp_path.iterdir()) == [one.folder]


def _is_here(visitors: Visitors, session: str) -> bool:
    try:
        visitors.get(session)
    except GoneError:
        return False
    return True


def test_choices_are_edits(tmp_path: Path) -> None:
    visitor, mask_path = Visitors(tmp_path, tmp_path).arrive("one"), tmp_path / "painted.png"
    assert visitor.edits(mask_path).mask is None
    swap, shape = Swap("hair", tmp_path / "a.png", 0.5), ShapeEdit("lip", "grow", (2.0,))
    visitor.swaps["hair"], visitor.shapes["lip", "grow"], visitor.background = swap, shape, "#102030"
    visitor.mask = np.full((16, 16), 3, np.uint8)
    edits = visitor.edits(mask_path)
    assert (tuple(edits.swaps), tuple(edits.shapes), edits.background) == ((swap,), (shape,), "#102030")
    assert edits.mask == mask_path
    assert (read_mask(edits.mask, 16) == visitor.mask).all()
