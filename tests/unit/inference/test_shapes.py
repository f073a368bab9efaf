"""Regions reshaped by words: by how much, over whom, and nothing else."""

from typing import Any

import numpy as np
import pytest

from segtalker.inference.edits import ShapeEdit, parse_shape
from segtalker.inference.shapes import FACE_WIDTH, reshape
from segtalker.regions import BACKGROUND, LIP, MOUTH, REGION_INDEX

HAIR, EYEBROWS, EYES, SKIN = (REGION_INDEX[name] for name in ("hair", "eyebrows", "eyes", "skin"))


def _done(face: Any, *texts: str) -> np.ndarray:
    return reshape(face.mask[None], face.landmarks[None], [parse_shape(text) for text in texts])[0]


@pytest.fixture(scope="module")
def large(draw: Any) -> Any:
    """A face of 200 px with room around it; its eyes are 40 px apart."""
    return draw(200, 100.0, 95.0, 40.0, 0.3)


def _height(pixels: np.ndarray) -> int:
    return int(pixels.any(axis=1).sum())


@pytest.mark.parametrize("text", ["hair:grow=5", "eyebrows:scale=1.5", "mouth_all:shift=2,3", "lip:shrink=1"])
def test_only_what_is_named_and_what_it_lies_over_or_frees_changes(large: Any, text: str) -> None:
    before, after = large.mask, _done(large, text)
    changed = before != after
    assert changed.any()
    own = np.isin(before, (LIP, MOUTH)) if "mouth_all" in text else before == REGION_INDEX[text.split(":")[0]]
    new = np.isin(after, np.unique(before[own]))
    assert (own | new)[changed].all()


def test_hair_grows_by_percent_of_the_faces_width(large: Any) -> None:
    after = _done(large, "hair:grow=5")
    top = np.flatnonzero((large.mask == HAIR).any(axis=1))[0]
    expected = 0.05 * FACE_WIDTH * 40.0
    assert abs(top - np.flatnonzero((after == HAIR).any(axis=1))[0] - expected) <= 1
    # it lies over skin, never over eyes and brows
    assert (after == HAIR)[large.mask == SKIN].any()
    assert (after[np.isin(large.mask, (EYES, EYEBROWS))] != HAIR).all()


def test_the_result_is_the_same_at_twice_the_resolution(draw: Any) -> None:
    small, twice = draw(128, 64.0, 50.0, 25.0, 0.3), draw(256, 128.5, 100.5, 50.0, 0.3)
    for text in ("hair:grow=6", "eyebrows:scale=1.6", "mouth_all:shift=0,4", "hair:shrink=3"):
        half = _done(twice, text)[::2, ::2]
        own = _done(small, text)
        assert (half != own).mean() < 0.03, text


def test_what_shrinks_is_filled_by_its_neighbours(large: Any) -> None:
    after = _done(large, "hair:shrink=4")
    freed = (large.mask == HAIR) & (after != HAIR)
    assert set(np.unique(after[freed])) <= {BACKGROUND, SKIN, REGION_INDEX["neck"]}
    assert (after[freed] == BACKGROUND).any()
    assert (after[freed] == SKIN).any()


def test_each_eyebrow_is_scaled_where_it_is(large: Any) -> None:
    after = _done(large, "eyebrows:scale=1,2")
    for side in (np.s_[:, :100], np.s_[:, 100:]):
        before_rows, rows = (np.flatnonzero((mask[side] == EYEBROWS).any(axis=1)) for mask in (large.mask, after))
        assert abs(before_rows.mean() - rows.mean()) <= 1.0
        assert len(rows) >= 1.6 * len(before_rows)


def test_the_speaking_mouth_is_shifted_as_a_whole(large: Any) -> None:
    after = _done(large, "mouth_all:shift=0,5")
    down = round(0.05 * FACE_WIDTH * 40.0)
    for region in (LIP, MOUTH):
        overlap = (after == region) & (np.roll(large.mask, down, axis=0) == region)
        assert overlap.sum() > 0.85 * (large.mask == region).sum()


def test_rounding_takes_spikes_away(large: Any) -> None:
    mask = large.mask
    mask[:30, 99:101] = HAIR
    after = reshape(mask[None], large.landmarks[None], [ShapeEdit("hair", "smooth", (3.0,))])[0]
    assert (after[:20, 99:101] == BACKGROUND).all()
    assert 0.9 < (after == HAIR).sum() / (large.mask == HAIR).sum() < 1.1


def test_a_region_that_is_not_there_changes_nothing(large: Any) -> None:
    np.testing.assert_array_equal(_done(large, "glasses:grow=5", "earrings:scale=2"), large.mask)


def test_towards_the_crops_border_nothing_is_reshaped(large: Any) -> None:
    mask = np.full((200, 200), SKIN, np.uint8)
    mask[:, :60] = HAIR
    after = reshape(mask[None], large.landmarks[None], [ShapeEdit("hair", "grow", (10.0,))])[0]
    np.testing.assert_array_equal(after[[0, -1]], mask[[0, -1]])
    assert (after[100, :66] == HAIR).all()
