"""The face is found by the parser."""

from typing import Any

import numpy as np
import pytest
from torch import nn

from segtalker.config.params import Params
from segtalker.faces.mouth_box import face_transforms
from segtalker.faces.parser_detector import ParserDetector
from segtalker.regions import PALETTE


@pytest.mark.parametrize(
    ("height", "width", "x", "y", "scale"),
    [(240, 240, 120, 100, 36), (240, 320, 230, 90, 30), (480, 270, 120, 300, 30), (400, 400, 90, 80, 24)],
)
def test_a_face_is_found_wherever_it_is(
    params: Params, colour_parser: nn.Module, picture: Any, height: int, width: int, x: float, y: float, scale: float
) -> None:
    image, face = picture(height, width, x, y, scale)
    detector = ParserDetector(colour_parser, params.base.image_size, params.crop.margin, params.crop.lift)
    points = detector.landmarks(image)
    assert points is not None
    found, expected = (face_transforms(each[None], 1)[0] for each in (points, face.landmarks))
    np.testing.assert_allclose(found @ [0, 0.7, 1], expected @ [0, 0.7, 1], atol=0.12 * scale)
    assert np.hypot(*found[:, 0]) == pytest.approx(scale, rel=0.12)


def test_no_face_is_none(params: Params, colour_parser: nn.Module) -> None:
    noise = PALETTE[np.random.default_rng(0).integers(0, 12, (200, 200))]
    detector = ParserDetector(colour_parser, params.base.image_size, params.crop.margin, params.crop.lift)
    assert detector.landmarks(noise) is None
    assert detector.landmarks(np.zeros((64, 90, 3), np.uint8)) is None
