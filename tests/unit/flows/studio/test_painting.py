"""Strokes on a picture become regions."""

import numpy as np

from flows.studio.painting import EDITOR_SIDE, REGION_COLOURS, canvas, painted_mask
from segtalker.regions import PALETTE, REGION_INDEX, REGIONS

MASK = np.repeat(np.array([REGION_INDEX["skin"], REGION_INDEX["hair"]], np.uint8), 32)[None].repeat(64, 0)


def _layer(region: str, rows: slice, columns: slice, alpha: int = 255) -> np.ndarray:
    layer = np.zeros((128, 128, 4), np.uint8)
    layer[rows, columns, :3] = PALETTE[REGION_INDEX[region]]
    layer[rows, columns, 3] = alpha
    return layer


def test_a_stroke_paints_its_region_and_nothing_else() -> None:
    edited = painted_mask(MASK, [_layer("lip", slice(20, 40), slice(60, 80))])
    assert edited is not None
    expected = MASK.copy()
    expected[10:20, 30:40] = REGION_INDEX["lip"]
    assert (edited == expected).all()
    assert (MASK[10:20, 30:32] == REGION_INDEX["skin"]).all()  # the mask itself is not painted on


def test_later_layers_lie_on_top_and_soft_edges_do_not_count() -> None:
    layers = [_layer("lip", slice(0, 40), slice(0, 40)), _layer("eyes", slice(0, 40), slice(20, 40))]
    edited = painted_mask(MASK, [*layers, _layer("nose", slice(0, 40), slice(0, 40), alpha=100)])
    assert edited is not None
    assert (edited[:20, :10] == REGION_INDEX["lip"]).all()
    assert (edited[:20, 10:20] == REGION_INDEX["eyes"]).all()


def test_colours_are_taken_by_the_nearest_region() -> None:
    layer = _layer("glasses", slice(0, 64), slice(0, 64))
    layer[..., :3] += (layer[..., 3:] > 0).astype(np.uint8) * 6
    edited = painted_mask(MASK, [layer])
    assert edited is not None
    assert (edited[:32, :32] == REGION_INDEX["glasses"]).all()


def test_what_is_painted_as_it_was_changes_nothing() -> None:
    assert painted_mask(MASK, []) is None
    assert painted_mask(MASK, [np.zeros((128, 128, 4), np.uint8)]) is None
    assert painted_mask(MASK, [_layer("hair", slice(0, 128), slice(64, 128))]) is None


def test_every_region_has_a_colour_and_the_canvas_shows_them() -> None:
    assert list(REGION_COLOURS) == list(REGIONS)
    assert REGION_COLOURS["lip"] == "#d6405c"
    crop = np.full((64, 64, 3), 200, np.uint8)
    assert (canvas(crop, MASK, "mask")[5, 5] == PALETTE[REGION_INDEX["skin"]]).all()
    assert (canvas(crop, MASK, "picture") == 200).all()
    both = canvas(crop, MASK, "both")
    assert both.shape == (EDITOR_SIDE, EDITOR_SIDE, 3)
    assert (both[5, 5] > PALETTE[REGION_INDEX["skin"]].astype(int) - 1).sum() == 2
