"""Portraits: the face found by the parser, cut out, followed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

from segtalker.config.params import Params
from segtalker.faces.crop_squares import map_points, square_transform
from segtalker.inference.portrait import PortraitReader, read_portrait
from segtalker.media.images import read_image, write_png
from segtalker.media.video import write_video
from segtalker.regions import MOUTH
from segtalker.utils.errors import BadInputError


@pytest.fixture
def reader(params: Params, colour_parser: nn.Module) -> PortraitReader:
    return PortraitReader(params.crop, params.base.image_size, params.base.fps, colour_parser, "parser", "")


def test_a_still_becomes_one_crop_with_landmarks_and_masks(
    reader: PortraitReader, picture: Any, tmp_path: Path
) -> None:
    image, face = picture(240, 320, 200, 100, 34)
    write_png(tmp_path / "still.png", image)
    portrait = read_portrait(reader, tmp_path / "still.png", 50, tmp_path)
    assert len(portrait.frames) == len(portrait.masks) == len(portrait.landmarks) == len(portrait.squares) == 1
    assert (portrait.masks.read([0])[0] == MOUTH).any()
    expected = map_points(face.landmarks, square_transform(portrait.squares[0], reader.image_size))
    assert np.linalg.norm(portrait.landmarks[0][31:60] - expected[31:60], axis=1).mean() < 2.0
    walked = list(portrait.walk(3))
    assert len(walked) == 3
    np.testing.assert_array_equal(walked[2], image)


def test_a_video_is_walked_back_and_forth(reader: PortraitReader, picture: Any, tmp_path: Path) -> None:
    frames = [picture(160, 200, 100 + shift, 66, 24)[0] for shift in range(12)]
    write_video(tmp_path / "clip.mp4", iter(frames), 25, None, 16000, 4)
    portrait = read_portrait(reader, tmp_path / "clip.mp4", 10, tmp_path)
    assert len(portrait.frames) == 10
    for count, order in ((4, [0, 1, 2, 3]), (14, [*range(10), 8, 7, 6, 5])):
        walked = list(portrait.walk(count))
        assert len(walked) == count
        for shown, index in zip(walked, order, strict=True):
            errors = [np.abs(shown.astype(int) - frame).mean() for frame in frames]
            assert int(np.argmin(errors)) == index


def test_what_is_no_portrait_is_refused_in_one_line(reader: PortraitReader, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((90, 120, 3), np.uint8)).save(tmp_path / "black.png")
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.png").touch()
    for name, reason in (
        ("black.png", "no face found"),
        ("text.jpg", "neither an image nor a readable video"),
        ("text.mp4", "neither an image nor a readable video"),
        ("empty.png", "neither an image nor a readable video"),
        ("absent.png", "no such file"),
    ):
        with pytest.raises(BadInputError, match=reason) as raised:
            read_portrait(reader, tmp_path / name, 5, tmp_path)
        assert str(tmp_path / name) in str(raised.value)
        assert "\n" not in str(raised.value)


def test_pictures_are_turned_upright_and_flattened(tmp_path: Path) -> None:
    image = Image.fromarray(np.tile(np.arange(40, dtype=np.uint8)[None, :, None] * 6, (20, 1, 3)))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    assert read_image(tmp_path / "turned.png").shape == (40, 20, 3)
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png") == 255).all()


@pytest.mark.real
def test_photographs_have_faces_and_animals_none(
    params: Params, colour_parser: nn.Module, mediapipe_weights: str, tmp_path: Path
) -> None:
    reader = PortraitReader(params.crop, params.base.image_size, 25, colour_parser, "mediapipe", mediapipe_weights)
    folder = Path(mediapipe_weights).parents[1] / "portraits"
    names = {path.stem: path for path in sorted(folder.rglob("*")) if path.is_file()}
    for name in ("people_0", "s12", "s0"):
        portrait = read_portrait(replace(reader), names[name], 1, tmp_path)
        assert portrait.landmarks[0][27:].min() > 0
        assert portrait.landmarks[0][27:].max() < params.base.image_size
    for name in ("s23", "s30", "s33", "s36"):
        with pytest.raises(BadInputError, match="no face found"):
            read_portrait(reader, names[name], 1, tmp_path)
