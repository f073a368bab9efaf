"""What a visitor asks for is done, and what cannot be done is said."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.studio.desk import Desk, StoppedError, hex_colour
from flows.studio.examples import Examples
from flows.studio.options import StudioOptions
from flows.studio.painting import EDITOR_SIDE
from segtalker.clips.store import write_wav
from segtalker.inference.talk_options import quiet
from segtalker.media.images import read_image
from segtalker.media.video import open_video
from segtalker.regions import PALETTE, REGION_INDEX
from segtalker.utils.errors import BadInputError


@pytest.fixture
def visitor(desk: Desk, examples: Examples) -> Any:
    """Somebody with a face and speech."""
    somebody = desk.visitor("somebody")
    desk.take_face(somebody, str(examples.faces[0]), "demo", quiet)
    desk.take_speech(somebody, str(examples.voices[0]))
    return somebody


def _stroke(region: str) -> np.ndarray:
    layer = np.zeros((EDITOR_SIDE, EDITOR_SIDE, 4), np.uint8)
    layer[40:120, 160:320] = (*PALETTE[REGION_INDEX[region]], 255)
    return layer


def test_each_choice_changes_the_preview(desk: Desk, visitor: Any, examples: Examples) -> None:
    desk.choose(visitor, "face", True)
    before = desk.preview(visitor)
    assert before is not None
    changes = {
        "paint": lambda: desk.paint(visitor, [_stroke("earrings")]),
        "recolour": lambda: desk.recolour(visitor, "hair", "rgb(20, 200, 40)", 0.8),
        "lend": lambda: desk.lend(visitor, "hair", str(examples.faces[1]), 0.8),
        "reshape": lambda: desk.reshape(visitor, "hair", "grow", (8.0,)),
        "background": lambda: desk.put_behind(visitor, "a colour", "rgba(44, 120.4, 115, 1)", None),
    }
    for name, change in changes.items():
        change()
        after = desk.preview(visitor)
        assert after is not None
        assert np.abs(after.astype(int) - before).max() > 3, name
        before = after
    assert visitor.background == "#2c7873"


def test_choices_can_be_taken_back(desk: Desk, visitor: Any, examples: Examples) -> None:
    before = desk.preview(visitor)
    assert desk.paint(visitor, [_stroke("earrings")])
    assert not desk.paint(visitor, [_stroke("earrings")])
    assert desk.paint(visitor, [])
    assert not desk.paint(visitor, [])
    desk.lend(visitor, "hair", str(examples.faces[1]), 0.8)
    desk.lend(visitor, "hair", str(examples.faces[1]), 0.0)
    assert desk.recolour(visitor, "lip", "#14c828", 0.5)
    assert not desk.recolour(visitor, "lip", "#14c828", 0.5)
    assert desk.recolour(visitor, "lip", "#14c828", 0.0)
    assert desk.reshape(visitor, "lip", "scale", (1.5,))
    assert desk.amounts(visitor, "lip", "scale") == (1.5,)
    assert desk.reshape(visitor, "lip", "scale", (1.0,))
    assert not desk.reshape(visitor, "lip", "shift", (0.0, 0.0))
    desk.put_behind(visitor, "a colour", "#102030", None)
    desk.put_behind(visitor, "its own", "#102030", None)
    assert (desk.preview(visitor) == before).all()


def test_the_video_is_made_with_progress(desk: Desk, visitor: Any, examples: Examples) -> None:
    phases: list[str] = []
    made = [desk.make_video(visitor, lambda phase, _: phases.append(phase)) for _ in range(2)]
    assert [video.path.name for video in made] == ["s0-talks-1.mp4", "s0-talks-2.mp4"]
    assert {"finding the face", "painting"} <= set(phases)
    assert open_video(made[0].path, "pyav").seconds == pytest.approx(0.75, abs=0.1)
    assert (made[0].facts.width, made[0].facts.height) == (180, 180)


def test_the_picture_alone_is_made(desk: Desk, visitor: Any) -> None:
    desk.recolour(visitor, "glasses", "#14c828", 0.5)
    made = desk.make_picture(visitor, quiet)
    assert made.path.name == "s0-edited-1.png"
    assert read_image(made.path).shape == (180, 180, 3)
    assert len(made.facts.without_effect) == 1  # nobody there wears glasses


def test_nothing_behind_makes_a_transparent_video(desk: Desk, visitor: Any) -> None:
    desk.put_behind(visitor, "nothing", "", None)
    picture = desk.preview(visitor)
    assert picture is not None
    assert picture.shape == (180, 180, 4)
    assert desk.make_video(visitor, quiet).path.suffix == ".webm"


def test_a_video_can_be_stopped(desk: Desk, visitor: Any) -> None:
    def stop(phase: str, _: float) -> None:
        if phase == "painting":
            visitor.stopped.set()

    with pytest.raises(StoppedError):
        desk.make_video(visitor, stop)
    assert not list(visitor.folder.glob("*.mp4*"))
    assert desk.make_video(visitor, quiet).path.is_file()  # the next one is not stopped too


def test_a_video_that_takes_too_long_is_given_up(desk: Desk, visitor: Any) -> None:
    desk.options = StudioOptions(max_render_s=1e-6)
    with pytest.raises(BadInputError, match="not done after"):
        desk.make_video(visitor, quiet)
    assert not list(visitor.folder.glob("*.mp4*"))


def test_what_is_missing_is_said(desk: Desk, examples: Examples) -> None:
    visitor = desk.visitor("new")
    assert desk.preview(visitor) is None
    assert desk.canvas(visitor, "both") is None
    assert not desk.paint(visitor, [_stroke("hair")])
    with pytest.raises(BadInputError, match="no face yet: add a face first"):
        desk.make_picture(visitor, quiet)
    with pytest.raises(BadInputError, match="no face and speech yet"):
        desk.make_video(visitor, quiet)
    desk.take_face(visitor, str(examples.faces[0]), "demo", quiet)
    with pytest.raises(BadInputError, match="no speech yet: add speech first"):
        desk.make_video(visitor, quiet)


def test_speech_has_a_limit(desk: Desk, tmp_path: Path) -> None:
    write_wav(tmp_path / "long.wav", np.random.default_rng(0).uniform(-0.3, 0.3, 21 * 16000).astype(np.float32), 16000)
    visitor = desk.visitor("new")
    with pytest.raises(BadInputError, match=r"long\.wav: 21 s of sound; at most 20 s"):
        desk.take_speech(visitor, str(tmp_path / "long.wav"))
    assert visitor.audio is None


def test_a_new_face_ends_what_was_painted_on_another(desk: Desk, visitor: Any, examples: Examples) -> None:
    desk.paint(visitor, [_stroke("earrings")])
    desk.take_face(visitor, str(examples.faces[1]), "demo", quiet)
    assert visitor.mask is None
    with pytest.raises(BadInputError, match="no such file"):
        desk.take_face(visitor, str(examples.faces[1].with_name("absent.png")), "demo", quiet)
    assert visitor.face is None


def test_uploads_go_with_the_visitor_and_shared_files_stay(desk: Desk, examples: Examples) -> None:
    folders = [desk.uploads / name for name in ("own", "shared")]
    for folder in folders:
        folder.mkdir()
        (folder / "face.png").write_bytes(examples.faces[0].read_bytes())
    visitor = desk.visitor("somebody")
    desk.visitor("another")
    for folder in folders:
        desk.take_face(visitor, str(folder / "face.png"), "demo", quiet)
    desk.clean(0.0)
    assert all((folder / "face.png").exists() for folder in folders)  # in use
    desk.leave("somebody")
    assert [(folder / "face.png").exists() for folder in folders] == [False, True]
    (desk.uploads / "editor").touch()
    desk.leave("another")
    assert [path.name for path in desk.uploads.rglob("*") if path.is_file()] == ["face.png"]


def test_two_visitors_at_a_time(desk: Desk, examples: Examples) -> None:
    shown: dict[str, Any] = {}

    def visit(name: str, face: Path) -> None:
        visitor = desk.visitor(name)
        desk.take_face(visitor, str(face), "demo", quiet)
        shown[name] = desk.preview(visitor)

    visits = [threading.Thread(target=visit, args=(path.stem, path)) for path in examples.faces]
    for visit_thread in visits:
        visit_thread.start()
    for visit_thread in visits:
        visit_thread.join()
    assert np.abs(shown["s0"].astype(int) - shown["s1"]).mean() > 5


@pytest.mark.parametrize(
    ("colour", "expected"),
    [("#a0b0c0", "#a0b0c0"), ("rgb(1, 2, 255)", "#0102ff"), ("rgba(300, 0, 15.6, 0.5)", "#ff0010")],
)
def test_colours_of_a_picker(colour: str, expected: str) -> None:
    assert hex_colour(colour) == expected
