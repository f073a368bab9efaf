"""Strips of frames, pixel by pixel."""

import numpy as np
import pytest

from segtalker.reporting.figures.samples import Sample
from segtalker.reporting.figures.strips import Row, Sheet, frame_strip, mouth_squares, mouth_strip
from segtalker.reporting.figures.style import LIGHT, render


def test_a_sheet_shows_pictures_pixel_by_pixel() -> None:
    images = [np.full((20, 20, 3), value, np.uint8) for value in (10, 90, 170)]
    images[1][5:9, 5:9] = (255, 0, 0)
    sheet = Sheet([Row("a", images), Row("b", [None, *images[:2]])], ["1", "2", "3"], 20, LIGHT)
    pixels = render(sheet.figure, LIGHT)
    assert pixels.shape == sheet.canvas.shape
    top, left = sheet.top, sheet.left + 26
    assert (pixels[top : top + 20, left : left + 20] == images[1]).all()
    assert (pixels[top + 26 : top + 46, sheet.left : sheet.left + 20] == 255).all()


def test_strips_are_the_same_each_time_and_differ_between_methods(sample: Sample) -> None:
    first, again = (render(frame_strip(sample, "segtalker", 25, 3, 48, LIGHT), LIGHT) for _ in range(2))
    other = render(frame_strip(sample, "shuffled_audio", 25, 3, 48, LIGHT), LIGHT)
    assert (first == again).all()
    assert (first != other).any()


def test_a_method_without_masks_has_a_shorter_strip(sample: Sample) -> None:
    full, short = (frame_strip(sample, name, 25, 3, 48, LIGHT).get_size_inches()[1] for name in ("segtalker", "static"))
    assert short < full


@pytest.mark.parametrize("columns", [4, 40], ids=["few", "more than frames"])
def test_mouth_strip_fits_any_length(sample: Sample, columns: int) -> None:
    assert render(mouth_strip(sample, 25, 16000, columns, 2, 24, LIGHT), LIGHT).std() > 0


def test_mouth_squares_hold_the_mouth_wherever_the_head_goes(sample: Sample) -> None:
    landmarks = np.asarray(sample.clip.landmarks)
    landmarks = landmarks + np.linspace(0, 20, len(landmarks))[:, None, None]
    left, top, side = mouth_squares(landmarks).T
    assert len(set(side)) == 1
    mouth = landmarks[:, 48:]
    assert (mouth >= np.stack([left, top], axis=1)[:, None]).all()
    assert (mouth <= np.stack([left + side, top + side], axis=1)[:, None]).all()
    assert left[-1] - left[0] == pytest.approx(20, abs=1)
