"""Soft edges: exact away from an edge, along the picture's own edge, and unmixed."""

import cv2
import numpy as np

from segtalker.faces.matting import fill, refined_share, unmixed_foreground

FRONT, BEHIND = np.array((200, 60, 40)), np.array((30, 90, 160))


def _disc(size: int, softness: float) -> np.ndarray:
    """The true share of a disc, `(size, size)`."""
    rows, columns = np.mgrid[:size, :size]
    radius = np.hypot(rows - size / 2, columns - size / 2)
    return ((0.3 * size - radius) / softness + 0.5).clip(0.0, 1.0).astype(np.float32)


def _mixed(share: np.ndarray) -> np.ndarray:
    return np.rint(BEHIND + share[..., None] * (FRONT - BEHIND)).astype(np.uint8)


def test_a_stair_becomes_the_pictures_own_edge() -> None:
    truth = _disc(256, 3.0)
    picture = _mixed(truth)
    small = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA)
    # as a parser sees it: hard, and to one side half a pixel too large
    stair = np.float32(cv2.resize(truth, (64, 64), interpolation=cv2.INTER_AREA) > 0.5)
    stair = np.maximum(stair, np.roll(stair, 1, axis=1))
    share = refined_share(picture, small, stair, 3)
    enlarged = cv2.resize(stair, (256, 256), interpolation=cv2.INTER_LINEAR)
    assert np.abs(share - truth).mean() < 0.5 * np.abs(enlarged - truth).mean()
    assert np.abs(share - truth).mean() < 0.02
    # farther from the edge than the filter reaches, nothing is left to chance
    assert (share[truth == 0][:500] == 0.0).all()
    assert (share[118:138, 118:138] == 1.0).all()


def test_what_is_behind_is_taken_out_of_an_edge() -> None:
    share = _disc(128, 6.0)
    front = unmixed_foreground(_mixed(share), share, _mixed(share))
    assert np.abs(front[share > 0.05] - FRONT).max() < 12
    inside = share == 1.0
    np.testing.assert_array_equal(front[inside], _mixed(share)[inside])


def test_fill_keeps_what_is_known_and_continues_it() -> None:
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 48, axis=0).repeat(3, axis=2)
    known = np.ones((48, 64), bool)
    known[10:40, 20:40] = False
    holed = np.where(known[..., None], ramp, np.uint8(255))
    filled = fill(holed, known)
    np.testing.assert_array_equal(filled[known], ramp[known])
    assert np.abs(filled[~known].astype(int) - ramp[~known]).mean() < 12


def test_where_nothing_is_known_the_picture_stays_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    np.testing.assert_array_equal(fill(picture, np.zeros((9, 13), bool)), picture)


def test_a_long_picture_is_continued_to_its_other_end() -> None:
    known = np.zeros((3, 64), bool)
    known[:, :4] = True
    filled = fill(np.where(known[..., None], FRONT, 0).astype(np.uint8), known)
    assert np.abs(filled - FRONT).max() <= 1


def test_a_strip_thinner_than_its_edge_leaves_no_bright_line_behind() -> None:
    share = np.zeros((60, 60), np.float32)
    share[28:32, 10:50] = 0.6  # nowhere the strip alone
    wall, brow = np.array((200, 160, 140)), np.array((60, 40, 30))
    picture = np.rint(wall + share[..., None] * (brow - wall)).astype(np.uint8)
    behind = unmixed_foreground(picture, 1.0 - share, picture)
    assert (behind <= wall + 1).all()
    np.testing.assert_array_equal(behind[share == 0], picture[share == 0])
