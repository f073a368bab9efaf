"""What the page is told: files that go with the visitor, and names that a visitor knows."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from flows.studio.desk import Desk
from flows.studio.examples import Examples
from flows.studio.handlers import Handlers
from flows.studio.visitor import Visitor
from segtalker.inference.edits import Swap

REQUEST: Any = SimpleNamespace(session_hash="somebody")


def _quiet(share: float, desc: str = "") -> None:
    """Takes the place of `gr.Progress`."""


@pytest.fixture
def handlers(desk: Desk, examples: Examples, monkeypatch: pytest.MonkeyPatch) -> Handlers:
    """Of a page that somebody opened."""
    made = Handlers(desk, examples)
    made.arrive(REQUEST)
    return made


@pytest.fixture
def visitor(handlers: Handlers, desk: Desk, examples: Examples) -> Visitor:
    """Somebody with a face and speech."""
    handlers.face(str(examples.faces[0]), "demo", "both", REQUEST, _quiet)  # type: ignore[arg-type]
    handlers.speech(str(examples.voices[0]), REQUEST)
    return desk.visitor("somebody")


def _uploads(desk: Desk) -> list[Path]:
    return [path for path in desk.uploads.rglob("*") if path.is_file()]


def test_what_is_handed_out_goes_with_the_visitor_while_another_stays(
    handlers: Handlers, desk: Desk, visitor: Visitor
) -> None:
    desk.arrive("another")
    stroke = np.zeros((384, 384, 4), np.uint8)
    handlers.show({"layers": [stroke]}, "mask", REQUEST)
    spoken = handlers.say("Good morning", "English (US)", "Man", REQUEST)
    video, _, _ = handlers.make(REQUEST, _quiet)  # type: ignore[arg-type]
    handlers.picture(REQUEST, _quiet)  # type: ignore[arg-type]
    suffixes = sorted(path.suffix for path in _uploads(desk))
    assert suffixes.count(".png") >= 5  # previews, canvases, strokes, the picture
    assert {Path(spoken), Path(video)} <= set(_uploads(desk))
    handlers.leave(REQUEST)
    assert not list(desk.uploads.iterdir())
    assert len(list(desk.visitors.folder.iterdir())) == 1


def test_edits_without_effect_are_named_by_what_the_visitor_knows(
    handlers: Handlers, desk: Desk, visitor: Visitor, examples: Examples
) -> None:
    lender = desk.uploads / "0123" / "*me* <b>`you`.png"
    lender.parent.mkdir()
    lender.write_bytes(examples.faces[1].read_bytes())
    desk.bring(visitor, str(lender))
    visitor.swaps["hair"] = Swap("hair", lender, 0.0)
    _, note = handlers.picture(REQUEST, _quiet)  # type: ignore[arg-type]
    line = note.split("\n\n")[1]
    assert line == "`swap hair=*me* <b>'you'.png:0` has no effect: its strength is 0."


def test_a_page_that_is_over_says_so(handlers: Handlers, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(gr, "Warning", lambda line, title, **_: said.append((line, title)))
    handlers.leave(REQUEST)
    handlers.said(handlers.begin, 3)(REQUEST)
    assert said == [
        ("this page was closed or not used for long, and its files are deleted: load it again", "This page is over")
    ]
    assert len(desk.visitors) == 0


def test_a_video_that_is_begun_is_not_stopped_yet(handlers: Handlers, visitor: Visitor) -> None:
    handlers.stop(REQUEST)
    handlers.begin(REQUEST)
    assert not visitor.stopped.is_set()
