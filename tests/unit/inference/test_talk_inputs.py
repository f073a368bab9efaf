"""Portraits, masks, swaps and backgrounds as they are handed to `segtalker talk`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segtalker.inference.talk_inputs import (
    newest_experiment,
    open_portrait,
    parse_moment,
    read_background_colour,
    read_mask,
    save_mask,
)
from segtalker.media.video import Video, write_video
from segtalker.regions import colourise
from segtalker.utils.errors import BadInputError, MissingWeightsError


def test_portraits_are_told_by_their_content(files: Path) -> None:
    moving = [Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 90, 180)]
    moving[0].save(files / "one.gif")
    moving[0].save(files / "three.gif", save_all=True, append_images=moving[1:], duration=100)
    write_video(files / "video.png", [np.zeros((32, 32, 3), np.uint8)] * 3, 25, None, 16000, 20)
    assert isinstance(open_portrait(files / "one.gif", "pyav"), np.ndarray)
    assert isinstance(open_portrait(files / "face.png", "pyav"), np.ndarray)
    for name in ("three.gif", "video.png"):
        video = open_portrait(files / name, "pyav")
        assert isinstance(video, Video)
        assert len(list(video)) == 3


def test_what_is_no_portrait_has_its_true_reason(files: Path, write_wav_video: Callable[[Path], None]) -> None:
    (files / "text.png").write_text("words")
    write_wav_video(files / "sound.mp4")
    moving = [Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 90)]
    moving[0].save(files / "moving.webp", save_all=True, append_images=moving[1:], duration=100)
    for name, reason in (
        ("text.png", "text.png: neither an image nor a readable video"),
        ("sound.mp4", "sound.mp4: no picture in it"),
        ("moving.webp", "moving.webp: an animation that FFmpeg does not read"),
        (".", "not a file; name a file in it"),
    ):
        with pytest.raises(BadInputError, match=reason):
            open_portrait(files / name, "pyav")


@pytest.fixture
def write_wav_video() -> Callable[[Path], None]:
    """Writes an MP4 with sound alone."""
    import av

    def write(path: Path) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=16000, layout="mono")
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            block.sample_rate = 16000
            container.mux(stream.encode(block))
            container.mux(stream.encode(None))

    return write


def test_background_colours() -> None:
    assert (read_background_colour("#2f6f5f") == (0x2F, 0x6F, 0x5F)).all()
    with pytest.raises(BadInputError, match="#xyzxyz: not a colour"):
        read_background_colour("#xyzxyz")


@pytest.mark.parametrize("scale", [1, 4])
def test_a_saved_mask_reads_back(tmp_path: Path, scale: int, face: Any) -> None:
    mask = face.mask
    save_mask(tmp_path / "mask.png", mask, scale)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", face.size), mask)
    with Image.open(tmp_path / "mask.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB"))[::scale, ::scale], colourise(mask))


def test_masks_as_paint_programs_save_them_are_read(tmp_path: Path, face: Any) -> None:
    mask = face.mask
    Image.fromarray(colourise(mask)).save(tmp_path / "colours.png")
    Image.fromarray(mask).save(tmp_path / "indices.png")
    shuffled = Image.fromarray(colourise(mask)).quantize(16)
    shuffled.save(tmp_path / "another_palette.png")
    for name in ("colours", "indices", "another_palette"):
        np.testing.assert_array_equal(read_mask(tmp_path / f"{name}.png", face.size), mask)


def test_strange_masks_are_refused(tmp_path: Path, face: Any) -> None:
    green = np.full((face.size, face.size, 3), (0, 255, 0), np.uint8)
    Image.fromarray(green).save(tmp_path / "green.png")
    with pytest.raises(BadInputError, match="#00ff00 at \\(0, 0\\)"):
        read_mask(tmp_path / "green.png", face.size)
    Image.fromarray(colourise(np.zeros((20, 30), np.uint8))).save(tmp_path / "wide.png")
    with pytest.raises(BadInputError, match="30x20"):
        read_mask(tmp_path / "wide.png", face.size)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(BadInputError, match=r"text\.png: cannot be read"):
        read_mask(tmp_path / "text.png", face.size)
    with pytest.raises(BadInputError, match="no such file"):
        read_mask(tmp_path / "absent.png", face.size)


def test_the_newest_networks_are_used(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="segtalker reproduce"):
        newest_experiment(tmp_path)
    for age, name in enumerate(("new", "old")):
        path = tmp_path / name / "train_sgi" / "generator.ckpt"
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (1e9 - age, 1e9 - age))
    assert newest_experiment(tmp_path) == "new"


@pytest.mark.parametrize(("value", "seconds"), [("12.5", 12.5), ("1:05", 65), ("1:02:03.5", 3723.5), ("0", 0)])
def test_moments(value: str, seconds: float) -> None:
    assert parse_moment("--from", value) == seconds


@pytest.mark.parametrize("value", ["", "-1", "1:x", "1m", "1:2:3:4", "nan"])
def test_what_is_no_moment_is_refused(value: str) -> None:
    with pytest.raises(BadInputError, match=r"--to .*not a moment; write seconds or mm:ss"):
        parse_moment("--to", value)
