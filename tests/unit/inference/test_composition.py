"""Whole frames: each edit changes what it names, leaves the rest, and holds still."""

from collections.abc import Iterator
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segtalker.faces.crop_squares import square_transform, warp_image, warp_regions
from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.backdrops import open_backdrop
from segtalker.inference.composition import Composer, Layers
from segtalker.inference.edits import RegionColour
from segtalker.inference.pasting import PaintedArea
from segtalker.inference.talk_model import TalkingChunk
from segtalker.regions import BACKGROUND, PALETTE, REGION_INDEX

HAIR, LIP, SKIN, GLASSES = (REGION_INDEX[name] for name in ("hair", "lip", "skin", "glasses"))
SQUARE, SIZE, COUNT = np.array([19.5, 9.5, 112.0]), 64, 4
WALL = np.array((90, 130, 170))


@pytest.fixture(scope="module")
def still(draw: Any) -> Any:
    """A still of a person whose hair goes on below the square, with its true regions."""
    drawn = draw(152, 76.0, 56.0, 24.0, 0.2)
    mask = drawn.mask
    hair = np.zeros_like(mask, bool)
    hair[50:140, 34:46] = True
    mask[hair & (mask == BACKGROUND)] = HAIR
    rng = np.random.default_rng(0)
    picture = np.where((mask != BACKGROUND)[..., None], PALETTE[mask], WALL) + rng.integers(-6, 7, (152, 152, 3))
    picture = picture.clip(0, 255).astype(np.uint8)
    crop, crop_mask = warp_image(picture, SQUARE, SIZE), warp_regions(mask, SQUARE, SIZE)
    to_crop = square_transform(SQUARE, SIZE)
    landmarks = drawn.landmarks @ to_crop[:, :2].T + to_crop[:, 2]
    face = SimpleNamespace(
        frames=SimpleNamespace(read=lambda indices: np.stack([crop] * len(indices))),
        masks=SimpleNamespace(read=lambda indices: np.stack([crop_mask] * len(indices))),
        squares=SQUARE[None],
        seen=np.array([True]),
        walk=lambda count: repeat(picture, count),
    )
    places = face_transforms(landmarks[None], smooth_frames=1)
    return SimpleNamespace(face=face, places=places, picture=picture, mask=mask, crop=crop, crop_mask=crop_mask)


def _frames(still: Any, layers: Layers, *, crop: Any = None, mask: Any = None, crop_only: bool = False) -> np.ndarray:
    crop, mask = (still.crop if crop is None else crop), (still.crop_mask if mask is None else mask)
    area = PaintedArea([], layers.reshaped, still.places, 0.15, None)
    composer = Composer(still.face, still.places, area, layers, None if crop_only else still.face)
    chunk = TalkingChunk(np.zeros(COUNT, int), np.stack([mask] * COUNT), iter([crop] * COUNT))

    def chunks() -> Iterator[TalkingChunk]:
        yield chunk

    frames = np.stack(list(composer.frames(chunks(), COUNT, 25))).astype(int)
    assert np.abs(np.diff(frames, axis=0)).max() == 0  # a still whose mouth rests holds still
    return frames[0]


def _change(frame: np.ndarray, still: Any) -> np.ndarray:
    return np.abs(frame - still.picture).max(axis=2)


def test_a_wall_is_replaced_in_the_whole_picture_and_the_person_stays(still: Any) -> None:
    frame = _frames(still, Layers(backdrop=open_backdrop("#00ff00")))
    assert frame.shape == still.picture.shape
    wall = still.mask == BACKGROUND
    wall[100:] = False  # below, shoulders would be
    far_wall = wall.copy()
    far_wall[:, 20:132] = False
    assert (np.abs(frame[far_wall] - (0, 255, 0)).max(axis=1) < 2).all()
    assert (np.abs(frame[wall] - (0, 255, 0)).max(axis=1) < 60).mean() > 0.95
    person = (still.mask == SKIN) | (still.mask == HAIR)
    assert (_change(frame, still)[person] < 12).mean() > 0.95
    # nothing of the old wall is left as a rim: no pixel is nearer to it than to hair and the new wall
    edge = (still.mask != BACKGROUND)[:90]
    assert (np.abs(frame[:90][edge] - WALL).max(axis=1) < 25).mean() < 0.01


def test_transparency_is_the_walls(still: Any) -> None:
    frame = _frames(still, Layers(backdrop=open_backdrop("transparent")))
    assert frame.shape == (*still.picture.shape[:2], 4)
    assert (frame[:40, :18, 3] == 0).all()
    assert (frame[still.mask == SKIN][:, 3] == 255).mean() > 0.95
    crop_frame = _frames(still, Layers(backdrop=open_backdrop("transparent")), crop_only=True)
    assert crop_frame.shape == (SIZE, SIZE, 4)


def test_hair_is_recoloured_outside_of_the_square_too(still: Any) -> None:
    frame = _frames(still, Layers(colours=[RegionColour("hair", (40, 60, 200), 1.0)]))
    hair, changed = still.mask == HAIR, _change(frame, still) > 20
    assert changed[hair].mean() > 0.9
    assert changed[126:138, 36:44].mean() > 0.8  # below the square
    assert changed[~hair].mean() < 0.02
    assert np.abs(frame[hair].mean(axis=0) - (40, 60, 200)).max() < 20


def test_lips_are_recoloured_by_half(still: Any) -> None:
    full, half = (
        _frames(still, Layers(colours=[RegionColour("lip", (120, 20, 160), strength)])) for strength in (1.0, 0.5)
    )
    lip = still.mask == LIP
    assert _change(half, still)[lip].mean() < 0.75 * _change(full, still)[lip].mean()
    plain = _frames(still, Layers())
    assert (np.abs(full - plain).max(axis=2)[~lip] > 12).mean() < 0.01


def test_swapped_hair_has_its_painted_colours_outside_too_and_leaves_the_rest(still: Any) -> None:
    painted = np.where((still.crop_mask == HAIR)[..., None], np.array((210, 180, 90)), still.crop).astype(np.uint8)
    frame = _frames(still, Layers(swapped=[HAIR]), crop=painted)
    hair = still.mask == HAIR
    assert np.abs(frame[hair & (np.arange(152)[:, None] < 100)].mean(axis=0) - (210, 180, 90)).max() < 15
    assert np.abs(frame[128:138, 36:44].mean(axis=(0, 1)) - (210, 180, 90)).max() < 25
    assert (_change(frame, still)[~hair] > 25).mean() < 0.02


def test_swapped_skin_shows_through_lenses_and_their_frame_stays(still: Any) -> None:
    glassed, mask = still.picture.copy(), still.mask.copy()
    mask[50:64, 58:94] = GLASSES
    glassed[50:64, 58:94] = (30, 30, 60)
    glassed[53:61, 61:91] = PALETTE[SKIN]
    crop, crop_mask = warp_image(glassed, SQUARE, SIZE), warp_regions(mask, SQUARE, SIZE)
    face = SimpleNamespace(
        **vars(still.face)
        | {
            "frames": SimpleNamespace(read=lambda indices: np.stack([crop] * len(indices))),
            "masks": SimpleNamespace(read=lambda indices: np.stack([crop_mask] * len(indices))),
            "walk": lambda count: repeat(glassed, count),
        }
    )
    scene = SimpleNamespace(face=face, places=still.places, crop_mask=crop_mask, picture=glassed)
    painted = np.where((crop_mask == SKIN)[..., None], np.array((110, 70, 50)), crop).astype(np.uint8)
    frame = _frames(scene, Layers(swapped=[SKIN]), crop=painted)
    assert np.abs(frame[55:59, 64:88].mean(axis=(0, 1)) - (110, 70, 50)).max() < 25
    assert _change(frame, scene)[50:52, 60:92].max() < 40


def test_grown_hair_is_painted_and_the_rest_is_the_sources_own(still: Any) -> None:
    mask = still.crop_mask.copy()
    grown = np.zeros_like(mask, bool)
    grown[4:12, 20:44] = True
    grown &= mask == BACKGROUND
    mask[grown] = HAIR
    painted = np.where(grown[..., None], PALETTE[HAIR], still.crop).astype(np.uint8)
    frame = _frames(still, Layers(reshaped=True), crop=painted, mask=mask)
    top = int(SQUARE[1] + 8 * 112 / SIZE)
    assert np.abs(frame[top, 70:82] - PALETTE[HAIR]).max() < 40
    assert _change(frame, still)[:, 140:].max() == 0
    assert _change(frame, still)[50:60, 60:90].max() == 0


def test_a_stray_pixel_is_nothing_that_is_seen(still: Any) -> None:
    mask = still.crop_mask.copy()
    mask[0, 0] = REGION_INDEX["earrings"]
    composer = Composer(still.face, still.places, None, Layers(), still.face)
    composer.frame(still.picture, 0, mask, still.crop, None)
    assert REGION_INDEX["earrings"] not in composer.shown
    assert {HAIR, LIP, SKIN} <= composer.shown


def test_a_frame_without_a_face_is_left_whole_and_the_backdrop_goes_on(still: Any) -> None:
    face = SimpleNamespace(**vars(still.face) | {"squares": np.stack([SQUARE] * 2)})
    composer = Composer(face, np.concatenate([still.places] * 2), None, Layers(), face, np.array([False, True]))
    backdrops = iter([np.full_like(still.picture, level) for level in (0, 255)])
    nobody = np.full_like(still.picture, 90)
    np.testing.assert_array_equal(composer.frame(nobody, 0, still.crop_mask, still.crop, backdrops), nobody)
    assert not composer.shown
    frame = composer.frame(still.picture, 1, still.crop_mask, still.crop, backdrops)
    assert (frame[:40, :18] == 255).all()
    clear = composer.frame(nobody, 0, still.crop_mask, still.crop, repeat(None))
    np.testing.assert_array_equal(clear[..., :3], nobody)
    assert (clear[..., 3] == 255).all()


def test_what_was_cut_before_a_gap_does_not_shine_through(still: Any) -> None:
    seen, places = np.array([True, False, True]), np.concatenate([still.places] * 3)
    face = SimpleNamespace(**vars(still.face) | {"squares": np.stack([SQUARE] * 3)})
    moved = np.roll(still.picture, 10, 1)

    def last_frame(indices: list[int]) -> np.ndarray:
        composer = Composer(face, places, None, Layers(), face, seen)
        pictures = {0: still.picture, 1: moved, 2: moved}
        clear = [composer.frame(pictures[n], n, still.crop_mask, still.crop, repeat(None)) for n in indices]
        return clear[-1][..., 3].astype(int)

    alone, after_a_gap, next_to_it = last_frame([2]), last_frame([0, 1, 2]), last_frame([0, 2])
    assert (np.abs(after_a_gap - alone) > 20).mean() < 0.01
    assert (np.abs(next_to_it - alone) > 50).mean() > 0.03  # steadied
