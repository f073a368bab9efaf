"""A region in another colour: the mean moves, shading stays, everything else too."""

import cv2
import numpy as np

from segtalker.inference.recolouring import ColourShift, likeness


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


def _shaded(colour: tuple[int, int, int]) -> np.ndarray:
    shade = np.linspace(0.7, 1.2, 40)[None, :, None]
    return (np.full((30, 40, 3), colour) * shade).clip(0, 255).astype(np.uint8)


SHARE = np.zeros((30, 40), np.float32)
SHARE[5:25, 5:35] = 1.0
SHARE[4, 5:35] = 0.5


def test_the_mean_becomes_the_colour_and_shading_stays() -> None:
    picture, target = _shaded((150, 90, 80)), (90, 60, 140)
    shift = ColourShift.to_colour(picture, SHARE, target)
    after = shift.apply(picture, SHARE)
    own = SHARE == 1.0
    wanted = _lab(np.array([[target]], np.uint8))[0, 0]
    assert np.abs(_lab(after)[own].mean(axis=0) - wanted).max() < 2.5
    rows = _lab(after)[15, 5:35, 0], _lab(picture)[15, 5:35, 0]
    assert np.corrcoef(*rows)[0, 1] > 0.99
    np.testing.assert_array_equal(after[SHARE == 0], picture[SHARE == 0])


def test_half_a_share_goes_half_the_way() -> None:
    picture = _shaded((150, 90, 80))
    shift = ColourShift.to_colour(picture, SHARE, (90, 60, 140))
    whole, half = (_lab(shift.apply(picture, share)) for share in (SHARE, SHARE * 0.5))
    middle = (whole + _lab(picture)) / 2
    assert np.abs(half - middle)[SHARE == 1.0].max() < 1.5
    np.testing.assert_array_equal(shift.apply(picture, SHARE * 0.0), picture)


def test_a_painted_region_lends_its_colours() -> None:
    picture, painted = _shaded((60, 45, 35)), _shaded((200, 170, 110))
    shift = ColourShift.between(picture, SHARE, painted, SHARE)
    after = _lab(shift.apply(picture, SHARE))[SHARE == 1.0]
    assert np.abs(after.mean(axis=0) - _lab(painted)[SHARE == 1.0].mean(axis=0)).max() < 2.5


def test_likeness_tells_colours_apart() -> None:
    picture = _shaded((220, 170, 140))
    picture[:, 20:] = (40, 40, 90)
    share = np.zeros((30, 40), np.float32)
    share[:, :10] = 1.0
    same = likeness(picture, share, 12.0)
    assert same[:, 3:15].min() > 0.4
    assert same[:, 20:].max() < 0.01
