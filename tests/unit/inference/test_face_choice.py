"""One of several faces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from segtalker.config.params import Params
from segtalker.faces.parser_detector import ParserDetector
from segtalker.inference.face_choice import choose_face
from segtalker.inference.portrait import PortraitReader, read_portrait
from segtalker.inference.talk_inputs import FaceChoice
from segtalker.inference.talk_options import TalkOptions
from segtalker.media.images import write_png
from segtalker.regions import colourise
from segtalker.utils.errors import BadClipError, BadInputError


@pytest.fixture(scope="module")
def couple(draw: Any) -> list[np.ndarray]:
    """Two people side by side; the right one is larger, the mouth of the left one moves."""
    pictures = []
    for open_by in (0.05, 0.4, 0.05, 0.4):
        left, right = draw(400, 90.0, 90.0, 30.0, open_by).mask, draw(400, 290.0, 80.0, 36.0, 0.2).mask
        pictures.append(colourise(np.where(right, right, left)[:200]))
    return pictures


@pytest.fixture
def make_finder(params: Params, colour_parser: nn.Module) -> Callable[[], ParserDetector]:
    return lambda: ParserDetector(colour_parser, params.base.image_size, params.crop.margin, params.crop.lift)


@pytest.mark.parametrize(("choice", "x"), [(1, 90), (2, 290), ("largest", 290), ("talking", 90)])
def test_faces_are_told_apart(
    couple: list[np.ndarray], make_finder: Callable[[], ParserDetector], choice: FaceChoice, x: int
) -> None:
    points = choose_face(couple, 25.0, choice, make_finder)
    assert points[[36, 39, 42, 45], 0].mean() == pytest.approx(x, abs=8)


def test_a_face_that_is_not_there_is_said(couple: list[np.ndarray], make_finder: Callable[[], ParserDetector]) -> None:
    with pytest.raises(BadClipError, match="2 faces are seen, so there is no --face 3"):
        choose_face(couple[:1], 25.0, 3, make_finder)


def test_the_chosen_face_is_followed_and_no_other(
    couple: list[np.ndarray], make_finder: Callable[[], ParserDetector], draw: Any
) -> None:
    finder = make_finder()
    finder.follow(choose_face(couple, 25.0, 1, make_finder))
    for picture in couple:
        points = finder.landmarks(picture)
        assert points is not None
        assert points[:, 0].mean() == pytest.approx(90, abs=8)
    alone = colourise(draw(400, 290.0, 80.0, 36.0, 0.2).mask[:200])
    assert finder.landmarks(alone) is None


def test_the_chosen_face_becomes_the_portrait(
    couple: list[np.ndarray], params: Params, colour_parser: nn.Module, tmp_path: Path
) -> None:
    reader = PortraitReader(params.crop, params.base.image_size, 25, colour_parser, "parser", "")
    write_png(tmp_path / "couple.png", couple[0])
    lefts = []
    for face in (1, 2):
        portrait = read_portrait(reader, tmp_path / "couple.png", 1, tmp_path, options=TalkOptions(face=face))
        lefts.append(portrait.squares[0][0])
    assert lefts[1] - lefts[0] > 120
    with pytest.raises(BadInputError, match="no --face 3; they are counted from the left by --detector parser"):
        read_portrait(reader, tmp_path / "couple.png", 1, tmp_path, options=TalkOptions(face=3))
