"""What is behind a talking face: the wall is replaced, clothes stay."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.background import PictureBackground, cut_clothes, fill, lasting, read_background
from segtalker.regions import BACKGROUND, PALETTE
from segtalker.utils.errors import BadInputError


def test_fill_keeps_what_is_known_and_continues_it() -> None:
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 48, axis=0).repeat(3, axis=2)
    known = np.ones((48, 64), bool)
    known[10:40, 20:40] = False
    holed = np.where(known[..., None], ramp, np.uint8(255))
    filled = fill(holed, known)
    np.testing.assert_array_equal(filled[known], ramp[known])
    assert np.abs(filled[~known].astype(int) - ramp[~known]).mean() < 12


def test_a_backdrop_replaces_the_wall_and_keeps_the_shirt(face: Any) -> None:
    mask = face.mask
    mask[58:] = BACKGROUND
    wall, shirt = np.array((40, 120, 200)), np.array((200, 30, 40))
    rng = np.random.default_rng(0)
    shoulders = np.zeros_like(mask, bool)
    shoulders[56:, 6:58] = True
    frame = np.where(shoulders[..., None], shirt, wall) + rng.integers(-6, 7, (face.size, face.size, 3))
    frame = np.where((mask != BACKGROUND)[..., None], PALETTE[mask], frame).astype(np.uint8)
    landmarks = face.landmarks[None]
    picture = PictureBackground(np.full((face.size, face.size, 3), (0, 255, 0), np.uint8))
    behind = picture.behind(frame[None], mask[None], landmarks)[0]
    assert (behind[:40, :8] == (0, 255, 0)).all()
    assert np.abs(behind[60:, 20:44].astype(int) - shirt).max() < 40
    clothes = cut_clothes(frame, mask, face_transforms(landmarks, smooth_frames=1)[0])
    assert not clothes[:40].any()


def test_backdrops_are_colours_or_images(tmp_path: Path) -> None:
    assert (read_background("#102030", 8).picture == (16, 32, 48)).all()
    Image.fromarray(np.zeros((40, 90, 3), np.uint8)).save(tmp_path / "wide.png")
    assert read_background(str(tmp_path / "wide.png"), 32).picture.shape == (32, 32, 3)
    for value in ("#12", "#gggggg", str(tmp_path / "absent.png")):
        with pytest.raises(BadInputError):
            read_background(value, 8)


def test_clothes_of_a_moment_are_none() -> None:
    clothes = np.zeros((4, 50, 50), bool)
    clothes[:, 40:, 10:40] = True
    clothes[1, 30:40, :10] = True
    clothes[2, 39, 10:40] = True
    kept = lasting(clothes)
    assert not kept[1, 30:38, :8].any()
    assert kept[:, 40:, 10:40].all()
    assert kept[2, 39, 10:40].all()
