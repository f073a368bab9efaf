"""Pictures keep their pixels in files."""

import re

import cv2
import numpy as np
import pytest

from segtalker.reporting.figures.style import DARK, LIGHT, Theme, png_bytes, webp_bytes

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def decoded(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_lines_and_text_are_kept_without_loss() -> None:
    np.testing.assert_array_equal(decoded(png_bytes(PICTURE)), PICTURE)
    np.testing.assert_array_equal(decoded(webp_bytes(PICTURE, is_photo=False)), PICTURE)


def test_frames_take_less_as_photographs_and_keep_their_colours() -> None:
    photo = np.tile(np.linspace(40, 200, 96, dtype=np.uint8)[None, :, None], (96, 1, 3)) // np.array(
        [1, 2, 4], np.uint8
    )
    content = webp_bytes(photo, is_photo=True)
    assert len(content) < len(png_bytes(PICTURE))
    assert np.abs(decoded(content).astype(int) - photo).mean() < 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_ink_stands_out_from_its_paper(theme: Theme) -> None:
    colours = {name: value for name, value in vars(theme).items() if name != "name"}
    assert all(re.fullmatch("#[0-9a-f]{6}", value) for value in colours.values())
    light = {name: sum(bytes.fromhex(value[1:])) / 765 for name, value in colours.items()}
    assert (
        abs(light["ink"] - light["paper"]) > abs(light["muted"] - light["paper"]) > abs(light["grid"] - light["paper"])
    )
    assert (light["paper"] > 0.5) == (theme is LIGHT)
