"""A person in the whole picture: clothes and hair are followed out of the square, the wall is left."""

from typing import Any

import numpy as np
import pytest

from segtalker.faces.crop_squares import square_transform, warp_image, warp_regions
from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.person_cut import ColourModels, cut_person, cut_region, touches_border
from segtalker.inference.picture_views import NOT_SEEN, PictureView
from segtalker.regions import BACKGROUND, PALETTE, REGION_INDEX

HAIR = REGION_INDEX["hair"]
SQUARE, SIZE = np.array([29.5, 9.5, 100.0]), 64


@pytest.fixture(scope="module")
def scene(draw: Any) -> Any:
    """A person with long hair and a shirt before a wall, and the square around the face."""
    face = draw(160, 80.0, 56.0, 24.0, 0.2)
    mask = face.mask
    shirt = np.zeros_like(mask, bool)
    shirt[112:, 25:135] = True
    hair = np.zeros_like(mask, bool)
    hair[50:130, 38:50] = hair[50:130, 110:122] = True
    mask[hair & (mask == BACKGROUND)] = HAIR
    mask[shirt] = BACKGROUND
    rng = np.random.default_rng(0)
    picture = np.where((mask != BACKGROUND)[..., None], PALETTE[mask], np.array((90, 130, 170)))
    picture = np.where(shirt[..., None], np.array((200, 30, 40)), picture) + rng.integers(-6, 7, (160, 160, 3))
    to_crop = square_transform(SQUARE, SIZE)
    place = face_transforms(face.landmarks[None], smooth_frames=1)[0]
    place = to_crop[:, :2] @ place + np.column_stack([np.zeros((2, 2)), to_crop[:, 2]])
    person = (mask != BACKGROUND) | shirt
    view = PictureView(picture.clip(0, 255).astype(np.uint8), to_crop, SIZE)
    return view, warp_regions(mask, SQUARE, SIZE), place, person, mask == HAIR


def test_the_crop_lies_where_it_was_cut(scene: Any) -> None:
    view, mask, *_ = scene
    regions = view.regions(mask)
    assert view.small.shape == (160, 160, 3)
    assert (regions[:9] == NOT_SEEN).all()
    assert (regions[12:108, 32:128] != NOT_SEEN).all()
    back = warp_image(view.small, SQUARE, SIZE).astype(int)
    assert np.abs(back - warp_image(view.picture, SQUARE, SIZE)).max() == 0


def test_shirt_and_hair_are_followed_out_of_the_square_and_the_wall_is_left(scene: Any) -> None:
    view, mask, place, person, _ = scene
    cut = cut_person(view, mask, place, ColourModels.unlearnt())
    assert (cut & person).sum() / (cut | person).sum() > 0.95
    assert cut[150:, 40:120].all()
    assert not cut[:100, :30].any()


def test_later_frames_are_cut_by_the_same_colours(scene: Any) -> None:
    view, mask, place, _, _ = scene
    models = ColourModels.unlearnt()
    first = cut_person(view, mask, place, models)
    learnt = models.front.copy()
    noise = np.random.default_rng(1).integers(-3, 4, view.picture.shape)
    again = PictureView((view.picture + noise).clip(0, 255).astype(np.uint8), view.to_crop, SIZE)
    second = cut_person(again, mask, place, models)
    np.testing.assert_array_equal(models.front, learnt)
    assert (first != second).mean() < 0.005


def test_hair_goes_on_outside_and_nothing_else_does(scene: Any) -> None:
    view, mask, _, person, hair = scene
    assert touches_border(mask, (HAIR,))
    cut = cut_region(view, mask, (HAIR,), person.astype(np.float32), ColourModels.unlearnt())
    outside = view.regions(mask) == NOT_SEEN
    assert (cut & hair & outside).sum() > 0.8 * (hair & outside).sum()
    assert (cut & ~hair & outside).sum() < 0.02 * outside.sum()


def test_a_region_inside_of_the_square_does_not_go_on_outside(scene: Any) -> None:
    mask = scene[1]
    assert not touches_border(mask, (REGION_INDEX["lip"],))
    assert touches_border(mask, (REGION_INDEX["lip"], HAIR))


def test_large_pictures_are_cut_small(scene: Any) -> None:
    picture = np.zeros((1080, 1920, 3), np.uint8)
    view = PictureView(picture, square_transform(np.array([700.0, 100.0, 600.0]), 128), 128)
    assert max(view.small.shape) == 410  # the square takes 128 px
    tiny_face = PictureView(picture, square_transform(np.array([700.0, 100.0, 60.0]), 128), 128)
    assert max(tiny_face.small.shape) == 640
