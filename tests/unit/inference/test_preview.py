"""One frame with edits, at once: the same that the video shows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtalker.clips.store import write_wav
from segtalker.inference.edits import Edits, RegionColour, ShapeEdit, Swap
from segtalker.inference.portrait import Portrait, PortraitReader, read_portrait
from segtalker.inference.preview import PreviewedPortrait, StillImages, loudest_sample
from segtalker.inference.talk_inputs import save_mask
from segtalker.inference.talk_options import TalkOptions
from segtalker.inference.talker import Talker
from segtalker.media.audio import load_audio
from segtalker.media.images import read_image, write_png
from segtalker.media.video import write_video
from segtalker.regions import REGION_INDEX, colourise
from segtalker.utils.errors import BadInputError

WHOLE, SQUARE = (TalkOptions(crop_only=crop_only, watermark=False) for crop_only in (False, True))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, draw: Any) -> Path:
    """Two portraits, and half a second of speech that is loud at its end."""
    folder = tmp_path_factory.mktemp("files")
    for name, x in (("one.png", 80.0), ("other.png", 100.0)):
        image = colourise(draw(180, x, 72.0, 26.0, 0.2).mask)
        write_png(folder / name, np.clip(image.astype(int) + (0 if name == "one.png" else 8), 0, 255).astype(np.uint8))
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 8000) * np.linspace(0.1, 1, 8000)
    write_wav(folder / "speech.wav", noise.astype(np.float32), 16000)
    return folder


@pytest.fixture(scope="module")
def face(talker: Talker, files: Path) -> PreviewedPortrait:
    return PreviewedPortrait(talker, files / "one.png")


def _painted(face: PreviewedPortrait, path: Path) -> Edits:
    mask = face.mask.copy()
    mask[4:14, 20:40] = REGION_INDEX["earrings"]
    save_mask(path, mask, 1)
    return Edits(mask=path)


EDITS: dict[str, Callable[[PreviewedPortrait, Path], Edits]] = {
    "none": lambda face, _: Edits(),
    "swap": lambda face, _: Edits(swaps=(Swap("hair", face.portrait.with_name("other.png"), 0.7),)),
    "shape": lambda face, _: Edits(shapes=(ShapeEdit("hair", "grow", (6.0,)),)),
    "colour": lambda face, _: Edits(colours=(RegionColour("lip", (20, 200, 40), 0.8),)),
    "mask": lambda face, folder: _painted(face, folder / "mask.png"),
    "background": lambda face, _: Edits(background="#00ff00"),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("options", [WHOLE, SQUARE], ids=["whole", "square"])
def test_a_preview_is_the_frame_that_the_video_shows(
    face: PreviewedPortrait, name: str, options: TalkOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Speech that fits into what is heard around the moment is heard whole, so both hear the same."""
    written: list[np.ndarray] = []
    monkeypatch.setattr("segtalker.inference.talker.write_video", lambda _, video, *__, **___: written.extend(video))
    monkeypatch.setattr("segtalker.inference.preview._HEARD_S", 60.0)
    edits, audio = EDITS[name](face, tmp_path), face.portrait.with_name("speech.wav")
    shown = PreviewedPortrait(face.talker, face.portrait).show(edits, options, audio)
    face.talker.talk(face.portrait, audio, tmp_path / "talk.mp4", edits, options)
    distances = [np.abs(shown.astype(int) - frame.astype(int)).max() for frame in written]
    # a swapped region outside of the crop has the colours that the first frame taught
    assert min(distances) <= (2 if name == "swap" else 0)
    assert int(np.argmin(distances)) >= len(written) - 4  # the speech is loudest at its end


@pytest.mark.parametrize("loud_s", [0.71, 0.93, 1.234, 1.37])
def test_a_preview_of_long_speech_is_the_frame_that_the_video_shows(
    face: PreviewedPortrait, loud_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of speech longer than what is heard around its loudest moment, the frame of that moment; to a grey level, for
    networks hear no more of it than they reach."""
    written: list[np.ndarray] = []
    monkeypatch.setattr("segtalker.inference.talker.write_video", lambda _, video, *__, **___: written.extend(video))
    loudness = 0.1 + np.exp(-np.square((np.arange(32000) / 16000 - loud_s) / 0.2))
    samples = (np.random.default_rng(0).uniform(-0.3, 0.3, 32000) * loudness).astype(np.float32)
    write_wav(tmp_path / "long.wav", samples, 16000)
    shown = face.show(Edits(), SQUARE, tmp_path / "long.wav")
    face.talker.talk(face.portrait, tmp_path / "long.wav", tmp_path / "talk.mp4", Edits(), SQUARE)
    expected = written[loudest_sample(load_audio(tmp_path / "long.wav", 16000), 16000) * 25 // 16000]
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert len(written) == 50


def test_edits_show_and_nothing_else_changes(face: PreviewedPortrait, tmp_path: Path) -> None:
    portrait = read_image(face.portrait).astype(int)
    assert (face.show() == portrait).all()
    for name in ("swap", "shape", "colour", "mask"):
        edited = np.abs(face.show(EDITS[name](face, tmp_path)).astype(int) - portrait).max(axis=2)
        assert edited.max() > 3, name
        assert (edited > 0).mean() < 0.7, name
    assert (face.show(EDITS["background"](face, tmp_path))[2, 2] == (0, 255, 0)).all()


def test_portrait_and_references_are_read_once(
    talker: Talker, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    def read(reader: PortraitReader, path: Path, *rest: Any) -> Portrait:
        reads.append(path.name)
        return read_portrait(reader, path, *rest)

    monkeypatch.setattr("segtalker.inference.preview.read_portrait", read)
    face = PreviewedPortrait(talker, files / "one.png")
    for strength in (0.2, 0.5, 1.0):
        face.show(Edits(swaps=(Swap("hair", files / "other.png", strength),)), WHOLE, files / "speech.wav")
    assert reads == ["one.png", "other.png"]


def test_of_a_video_the_reference_frame_is_shown(talker: Talker, draw: Any, tmp_path: Path) -> None:
    frames = [colourise(draw(160, 80.0 + 4 * index, 66.0, 24.0, gap).mask) for index, gap in enumerate((0.0, 0.3, 0.1))]
    write_video(tmp_path / "face.mp4", iter(frames), 25, None, 16000, 4)
    face = PreviewedPortrait(talker, tmp_path / "face.mp4")
    distance = [np.abs(face.show().astype(int) - frame).mean() for frame in frames]
    assert int(np.argmin(distance)) == 1  # the mouth is widest there
    assert face.crop.shape == (64, 64, 3)
    assert face.mask.shape == (64, 64)


def test_what_cannot_be_used_is_said(talker: Talker, face: PreviewedPortrait, files: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "wall.png", np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(BadInputError, match=r"wall\.png: no face found"):
        PreviewedPortrait(talker, tmp_path / "wall.png")
    with pytest.raises(BadInputError, match=r"wall\.png: no face found"):
        face.show(Edits(swaps=(Swap("hair", tmp_path / "wall.png"),)))
    with pytest.raises(BadInputError, match="no such file"):
        face.show(Edits(), WHOLE, tmp_path / "absent.wav")


def test_the_loudest_moment() -> None:
    samples = np.zeros(16000, np.float32)
    samples[9000:9400] = 0.5
    assert 8600 <= loudest_sample(samples, 16000) <= 9800  # all of the sound is within 0.05 s of it
    assert loudest_sample(samples[:10], 16000) == 5


def test_one_picture_is_read_as_often_as_asked_for() -> None:
    images = StillImages(np.eye(3, dtype=np.uint8))
    assert len(images) == 1
    assert images.read([0, 0]).shape == (2, 3, 3)
    assert images.read().shape == (1, 3, 3)
