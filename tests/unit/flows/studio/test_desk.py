"""What a visitor asks for is done, and what cannot be done is said."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.studio.desk import Desk, StoppedError, hex_colour
from flows.studio.examples import Examples
from flows.studio.options import StudioOptions
from flows.studio.painting import EDITOR_SIDE
from flows.studio.visitor import GoneError
from segtalker.clips.store import write_wav
from segtalker.inference.talk_options import quiet
from segtalker.media.audio import Sound
from segtalker.media.images import read_image
from segtalker.media.video import open_video
from segtalker.regions import PALETTE, REGION_INDEX
from segtalker.utils.errors import BadInputError


@pytest.fixture
def visitor(desk: Desk, examples: Examples) -> Any:
    """Somebody with a face and speech."""
    somebody = desk.arrive("somebody")
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
    desk.begin(visitor)
    assert desk.make_video(visitor, quiet).path.is_file()  # the next one is not stopped too


def test_a_video_can_be_stopped_while_it_waits_for_its_turn(desk: Desk, visitor: Any) -> None:
    desk.begin(visitor)
    visitor.stopped.set()
    with pytest.raises(StoppedError):
        desk.make_video(visitor, quiet)
    assert desk.make_picture(visitor, quiet).path.is_file()  # that was not stopped


def test_work_ends_with_the_visitor_and_leaves_nothing(desk: Desk, visitor: Any) -> None:
    desk.paint(visitor, [_stroke("earrings")])
    for make in (desk.make_video, desk.make_picture):
        somebody = desk.arrive(make.__name__)
        somebody.face, somebody.audio = visitor.face, visitor.audio

        def leave(phase: str, _: float, name: str = make.__name__) -> None:
            if phase == "finding the face":
                desk.leave(name)

        with pytest.raises(StoppedError):
            make(somebody, leave)
        for late in (desk.preview, lambda one: desk.say(one, "Hello", "English (US)", "Man")):
            with pytest.raises(GoneError):
                late(somebody)
    assert list(desk.visitors.folder.iterdir()) == [visitor.folder]


def test_who_waits_for_a_video_is_not_taken_to_have_left(desk: Desk, visitor: Any) -> None:
    visitor.seen_s -= 7200
    desk.begin(visitor)
    desk.clean(3600)
    assert desk.visitor("somebody") is visitor
    desk.make_video(visitor, quiet)
    visitor.seen_s -= 7200
    desk.clean(3600)
    with pytest.raises(GoneError):
        desk.visitor("somebody")
    assert not list(desk.visitors.folder.iterdir())


def test_a_preview_beside_a_video_does_not_change_the_video(desk: Desk, visitor: Any) -> None:
    desk.paint(visitor, [_stroke("earrings")])
    plain = desk.make_picture(visitor, quiet)

    def paint(phase: str, _: float) -> None:
        if phase == "finding the face":
            desk.paint(visitor, [_stroke("glasses")])
            desk.preview(visitor)

    beside = desk.make_picture(visitor, paint)
    assert (read_image(beside.path) == read_image(plain.path)).all()
    assert [path for path in visitor.folder.iterdir() if path.name.startswith("mask")] == []


def test_the_newest_choice_lies_on_top(desk: Desk, visitor: Any, examples: Examples) -> None:
    face = str(examples.faces[1])
    for region in ("hair", "lip"):
        desk.lend(visitor, region, face, 0.8)
        desk.recolour(visitor, region, "#14c828", 0.5)
    desk.lend(visitor, "hair", face, 0.8)
    assert not desk.recolour(visitor, "hair", "#14c828", 0.5)
    assert (list(visitor.swaps), list(visitor.colours)) == (["hair", "lip"], ["hair", "lip"])  # nothing changed
    desk.lend(visitor, "hair", face, 0.5)
    assert desk.recolour(visitor, "hair", "#14c828", 0.6)
    assert (list(visitor.swaps), list(visitor.colours)) == (["lip", "hair"], ["lip", "hair"])


def test_a_video_that_takes_too_long_is_given_up(desk: Desk, visitor: Any) -> None:
    desk.options = StudioOptions(max_render_s=1e-6)
    with pytest.raises(BadInputError, match="not done after"):
        desk.make_video(visitor, quiet)
    assert not list(visitor.folder.glob("*.mp4*"))


def test_what_is_missing_is_said(desk: Desk, examples: Examples) -> None:
    visitor = desk.arrive("new")
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
    visitor = desk.arrive("new")
    with pytest.raises(BadInputError, match=r"long\.wav: more than 20 s of sound"):
        desk.take_speech(visitor, str(tmp_path / "long.wav"))
    assert visitor.audio is None


def test_of_long_sound_no_more_is_read_than_the_limit(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def days(path: Path, rate_hz: int) -> Iterator[Sound]:
        for second in range(1000):
            heard.append(second)
            yield Sound(np.full(rate_hz, 0.1, np.float32), rate_hz, float(second))

    for module in ("flows.studio.desk", "segtalker.inference.talk_inputs"):
        monkeypatch.setattr(f"{module}.sound_pieces", days)
    (tmp_path / "long.opus").touch()
    visitor = desk.arrive("new")
    with pytest.raises(BadInputError, match="more than 20 s"):
        desk.take_speech(visitor, str(tmp_path / "long.opus"))
    assert len(heard) == 21
    assert not list(visitor.folder.iterdir())


def test_silence_is_said(desk: Desk, tmp_path: Path) -> None:
    write_wav(tmp_path / "still.wav", np.zeros(16000, np.float32), 16000)
    with pytest.raises(BadInputError, match="silent"):
        desk.take_speech(desk.arrive("new"), str(tmp_path / "still.wav"))


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
    visitor = desk.arrive("somebody")
    desk.arrive("another")
    for folder in reversed(folders):
        desk.take_face(visitor, str(folder / "face.png"), "demo", quiet)
    time.sleep(0.1)
    visitor.seen_s += 1
    desk.arrive("another").seen_s += 1
    desk.clean(0.05)
    assert all((folder / "face.png").exists() for folder in folders)  # in use
    desk.leave("somebody")
    assert [(folder / "face.png").exists() for folder in folders] == [False, True]
    (desk.uploads / "editor").touch()
    (desk.uploads / "shared" / "mine.png").touch()  # the same content under another name
    desk.leave("another")
    assert [path.name for path in desk.uploads.rglob("*") if path.is_file()] == ["face.png"]


def test_two_visitors_at_a_time(desk: Desk, examples: Examples) -> None:
    shown: dict[str, Any] = {}

    def visit(name: str, face: Path) -> None:
        visitor = desk.arrive(name)
        desk.take_face(visitor, str(face), "demo", quiet)
        shown[name] = desk.preview(visitor)

    visits = [threading.Thread(target=visit, args=(path.stem, path)) for path in examples.faces]
    for visit_thread in visits:
        visit_thread.start()
    for visit_thread in visits:
        visit_thread.join()
    assert np.abs(shown["s0"].astype(int) - shown["s1"]).mean() > 5


def test_what_a_visitor_brought_and_uses_no_more_is_deleted_in_time(desk: Desk, examples: Examples) -> None:
    visitor, paths = desk.arrive("somebody"), [desk.uploads / name / "face.png" for name in ("old", "new")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(examples.faces[0].read_bytes())
        desk.take_face(visitor, str(path), "demo", quiet)
    time.sleep(0.1)
    visitor.seen_s += 1
    desk.clean(0.05)
    assert [path.parent.exists() for path in paths] == [False, True]


@pytest.mark.parametrize(
    "colour", ["", "rgb(", "rgb(a,b,c)", "rgb(nan,0,0)", "rgb(inf,0,0)", "rgb(1,2)", "red", "/etc/hostname", "#12345"]
)
def test_what_is_no_colour_is_said(desk: Desk, visitor: Any, colour: str) -> None:
    with pytest.raises(BadInputError, match="not a colour"):
        desk.recolour(visitor, "lip", colour, 0.5)
    with pytest.raises(BadInputError, match="not a colour"):
        desk.put_behind(visitor, "a colour", colour, None)
    assert visitor.background is None


@pytest.mark.parametrize(
    ("colour", "expected"),
    [("#a0b0c0", "#a0b0c0"), ("rgb(1, 2, 255)", "#0102ff"), ("rgba(300, 0, 15.6, 0.5)", "#ff0010")],
)
def test_colours_of_a_picker(colour: str, expected: str) -> None:
    assert hex_colour(colour) == expected
