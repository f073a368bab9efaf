"""Where the square lies and what the warp does."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtalker.faces.crop_squares import (
    clip_squares,
    map_points,
    square_transform,
    warp_image,
    warp_linear,
    warp_regions,
)

FACE = np.random.default_rng(0).uniform(-1, 1, (68, 2))


def head(middles: np.ndarray, size: float) -> np.ndarray:
    """Landmarks of a face of a size, one set a middle: `(T, 68, 2)`."""
    unit = FACE / np.ptp(FACE, axis=0) - (FACE.max(axis=0) + FACE.min(axis=0)) / 2 / np.ptp(FACE, axis=0)
    return (unit * size + np.asarray(middles, float)[:, None]).astype(np.float32)


def place(landmarks: np.ndarray, width: int, height: int) -> np.ndarray:
    """Squares with the values used here."""
    return clip_squares(landmarks, width, height, margin=0.35, lift=0.15, follow_frames=10)


@settings(max_examples=50, deadline=None)
@given(width=st.integers(100, 2000), height=st.integers(100, 2000), size=st.floats(20, 900), seed=st.integers(0, 99))
def test_squares_never_leave_the_picture(width: int, height: int, size: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    middles = rng.uniform(0, 1, (30, 2)) * [width, height]
    left, top, side = place(head(middles, size), width, height).T
    assert left.min() >= -0.5 - 1e-9
    assert top.min() >= -0.5 - 1e-9
    assert (left + side).max() <= width - 0.5 + 1e-9
    assert (top + side).max() <= height - 0.5 + 1e-9
    assert (side == side[0]).all()


def test_a_nodding_head_gets_a_square_that_stands_still() -> None:
    time = np.arange(100)
    landmarks = head(np.stack([960 + 12 * np.sin(time / 7), 540 + 9 * np.cos(time / 5)], axis=1), 300)
    squares = place(landmarks, 1920, 1080)
    assert (squares == squares[0]).all()
    assert squares[0, 2] == pytest.approx(300 * 1.7)


def test_a_walking_head_is_followed_slowly_and_kept_inside() -> None:
    time = np.arange(100)
    landmarks = head(np.stack([400 + 10 * time + 8 * np.sin(time), np.full(100, 500)], axis=1), 300)
    squares = place(landmarks, 1920, 1080)
    steps = np.diff(squares[:, 0])
    assert steps.max() > 5
    assert np.abs(np.diff(steps)).max() < 1.0
    inside = (landmarks >= squares[:, None, :2]) & (landmarks <= squares[:, None, :2] + squares[:, None, 2:])
    assert inside.all()


def test_one_frame_astray_does_not_move_the_square() -> None:
    middles = np.full((50, 2), 500.0)
    usual = place(head(middles, 200), 1000, 1000)
    sizes = head(middles, 200)
    sizes[20] = head(middles[:1], 260)[0]
    np.testing.assert_allclose(place(sizes, 1000, 1000), usual)


def test_a_picture_that_is_cropped_already_is_taken_whole_and_unchanged() -> None:
    squares = place(head(np.full((10, 2), 64.0), 75), 128, 128)
    np.testing.assert_array_equal(squares, np.tile([-0.5, -0.5, 128.0], (10, 1)))
    image = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    np.testing.assert_array_equal(warp_image(image, squares[0], 128), image)


@pytest.mark.parametrize("square", [[10.25, 20.5, 37.0], [-0.5, -0.5, 90.0], [3.7, 4.1, 300.3]])
def test_points_and_pixels_go_to_the_same_place(square: list[float]) -> None:
    size, spot = 64, np.array([square[0] + 0.6 * square[2], square[1] + 0.3 * square[2]])
    rows, columns = np.mgrid[:400, :400]
    blob = np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * (0.05 * square[2]) ** 2))
    warped = warp_image((255 * blob).astype(np.uint8), np.array(square), size).astype(float)
    rows, columns = np.mgrid[:size, :size]
    found = [(warped * columns).sum() / warped.sum(), (warped * rows).sum() / warped.sum()]
    np.testing.assert_allclose(found, map_points(spot, square_transform(np.array(square), size)), atol=0.15)


def test_shrinking_averages_instead_of_picking() -> None:
    rows, columns = np.mgrid[:512, :512]
    checks = (255 * ((rows + columns) % 2)).astype(np.uint8)
    warped = warp_image(checks, np.array([3.3, 5.7, 500.0]), 64)
    assert np.abs(warped.astype(float) - 127.5).max() < 8


def test_regions_take_what_covers_most_of_a_pixel() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 12, (16, 16), dtype=np.uint8)
    fine = coarse.repeat(8, axis=0).repeat(8, axis=1)
    speckled = np.where(rng.random(fine.shape) < 0.2, 0, fine).astype(np.uint8)
    whole = np.array([-0.5, -0.5, 128.0])
    np.testing.assert_array_equal(warp_regions(fine, whole, 16), coarse)
    np.testing.assert_array_equal(warp_regions(speckled, whole, 16), coarse)
    np.testing.assert_array_equal(warp_regions(fine, whole, 128), fine)


def test_regions_and_image_are_cut_alike() -> None:
    regions = np.zeros((240, 240), np.uint8)
    regions[60:180, 80:150] = 6
    square = np.array([31.4, 22.8, 170.6])
    image = warp_image(np.where(regions[..., None] == 6, 255, 0).astype(np.uint8).repeat(3, axis=2), square, 128)
    disagree = (warp_regions(regions, square, 128) == 6) != (image[..., 0] > 127)
    assert disagree.mean() < 0.001


@pytest.mark.parametrize("side", [250.0, 330.4, 730.7])
def test_a_warp_of_four_channels_gives_the_pixels_of_three(side: float) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 401, 3), dtype=np.uint8)
    transform = square_transform(np.array([-20.3, 11.7, side]), 256)
    expected = cv2.warpAffine(picture, transform, (256, 256), borderMode=cv2.BORDER_REPLICATE)
    np.testing.assert_array_equal(warp_linear(picture, transform, (256, 256), cv2.BORDER_REPLICATE), expected)
