"""Edits as they stand on a command line: what they mean, and what is refused."""

from pathlib import Path

import pytest

from segtalker.inference.edits import (
    Edits,
    EditTexts,
    RegionColour,
    ShapeEdit,
    Swap,
    parse_colour,
    parse_shape,
    parse_swap,
    region_indices,
)
from segtalker.regions import LIP, MOUTH
from segtalker.utils.errors import BadInputError, check_all


@pytest.mark.parametrize("value", ["hair", "hair=", "beard=x.png", "=x.png", "hair=x.png:1.5", "background=x.png"])
def test_a_malformed_swap_is_refused(value: str) -> None:
    with pytest.raises(BadInputError, match=value.split("=")[0] or "hair"):
        parse_swap(value)


def test_a_swap_names_region_file_and_strength() -> None:
    assert parse_swap("hair=a=b.png") == Swap("hair", Path("a=b.png"), 1.0)
    assert parse_swap("face=c.png:0.6") == Swap("face", Path("c.png"), 0.6)


def test_a_file_may_be_named_with_a_colon_and_a_number(tmp_path: Path) -> None:
    (tmp_path / "take:2").touch()
    assert parse_swap(f"hair={tmp_path}/take:2") == Swap("hair", tmp_path / "take:2")
    assert parse_swap(f"hair={tmp_path}/take:2:0.5") == Swap("hair", tmp_path / "take:2", 0.5)
    (tmp_path / "take").touch()
    with pytest.raises(BadInputError, match="strength of 2"):
        parse_swap(f"hair={tmp_path}/take:2")


def test_a_colour_names_region_colour_and_strength() -> None:
    assert parse_colour("lip=#a02030:0.5") == RegionColour("lip", (160, 32, 48), 0.5)
    assert parse_colour("hair=#A02030") == RegionColour("hair", (160, 32, 48), 1.0)


@pytest.mark.parametrize("value", ["lip", "lip=red", "lip=#12345", "lip=#102030:2", "chin=#102030", "lip=#102030:"])
def test_a_malformed_colour_is_refused(value: str) -> None:
    with pytest.raises(BadInputError):
        parse_colour(value)


def test_a_shape_names_region_operation_and_amounts() -> None:
    assert parse_shape("hair:grow=6") == ShapeEdit("hair", "grow", (6.0,))
    assert parse_shape("mouth_all:shift=-1,2.5") == ShapeEdit("mouth_all", "shift", (-1.0, 2.5))
    assert parse_shape("eyebrows:scale=1.2,0.8") == ShapeEdit("eyebrows", "scale", (1.2, 0.8))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("hair", "expected REGION:OPERATION"),
        ("hair:cut=3", "operations are grow"),
        ("hair:grow=much", "no number"),
        ("hair:grow=1,2", "takes 1 numbers, not 2"),
        ("hair:shift=1", "takes 2 numbers, not 1"),
        ("hair:grow=-2", "from 0 to 50"),
        ("hair:grow=nan", "from 0 to 50"),
        ("hair:scale=0", "from 0.2 to 5"),
        ("horns:grow=2", "no such region"),
        ("background:grow=2", "name the region"),
    ],
)
def test_a_malformed_shape_is_refused(value: str, reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        parse_shape(value)


def test_groups_are_regions() -> None:
    assert region_indices("mouth_all") == (LIP, MOUTH)
    assert len(region_indices("face")) == 4
    with pytest.raises(BadInputError, match="groups face, mouth_all"):
        region_indices("chin")


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    texts = EditTexts(
        swaps=[f"hair={tmp_path}/absent.png"], shapes=["hair:cut=3"], mask=tmp_path / "no.png", background="#12"
    )
    with pytest.raises(BadInputError) as raised:
        check_all(texts.checks(64))
    assert len(str(raised.value).splitlines()) == 4
    assert EditTexts().parse() == Edits(swaps=[], shapes=[], colours=[])
