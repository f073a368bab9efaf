"""CPBD against a plain per-pixel implementation of its definition and against what it is for."""

import math

import cv2
import numpy as np
import pytest
from scipy import ndimage

from segtalker.metrics.areas import Areas
from segtalker.metrics.cpbd import (
    Sharpness,
    blur_score,
    canny_edges,
    cpbd,
    cpbd_error,
    cpbd_frames,
    edge_widths,
    mean_cpbd,
    sobel_edges,
)


@pytest.fixture(scope="module")
def luma() -> np.ndarray:
    """Shapes and texture, `(3, 128, 192)`, whole numbers."""
    rng = np.random.default_rng(5)
    canvas = np.full((128, 192), 90, np.uint8)
    for _ in range(25):
        x, y, size = rng.integers(0, 192), rng.integers(0, 128), rng.integers(4, 25)
        cv2.circle(canvas, (int(x), int(y)), int(size), int(rng.integers(0, 256)), -1, cv2.LINE_AA)
    noisy = np.clip(canvas + rng.normal(0, 6, canvas.shape), 0, 255)
    return np.rint(np.stack([canvas, cv2.GaussianBlur(canvas, (0, 0), 1.5), noisy])).astype(np.float64)


def _plain_width(row: np.ndarray, column: int, sign: int) -> int:
    """Walks outwards from an edge while the luma keeps falling (sign -1) or rising (1) from left to right."""
    left = 0
    while column - 2 - left >= 0 and sign * (row[column - 1 - left] - row[column - 2 - left]) > 0:
        left += 1
    right = 0
    while column + 2 + right < len(row) and sign * (row[column + 2 + right] - row[column + 1 + right]) > 0:
        right += 1
    return min(left, 100) + 1 + min(right, 100) + 1


def _plain_widths(image: np.ndarray, edges: np.ndarray) -> np.ndarray:
    down, across = np.gradient(image)
    widths = np.zeros(image.shape, int)
    for y in range(1, image.shape[0] - 1):
        for x in range(1, image.shape[1] - 1):
            angle = math.degrees(math.atan2(down[y, x], across[y, x])) if across[y, x] else 0.0
            quantised = 45 * round(angle / 45)
            if edges[y, x] and quantised in (0, 180, -180):
                widths[y, x] = _plain_width(image[y], x, 1 if quantised == 0 else -1)
    return widths


def _plain_score(image: np.ndarray, edges: np.ndarray, widths: np.ndarray, area: np.ndarray) -> float:
    sharp = total = 0
    for top in range(0, image.shape[0] // 64 * 64, 64):
        for left in range(0, image.shape[1] // 64 * 64, 64):
            block = slice(top, top + 64), slice(left, left + 64)
            if np.count_nonzero(edges[block]) <= 0.002 * 64 * 64:
                continue
            limit = 5 if int(image[block].max() - image[block].min()) <= 50 else 3
            for width in widths[block][(widths[block] > 0) & area[block]]:
                total += 1
                sharp += round((1 - math.exp(-((width / limit) ** 3.6))) * 100) <= 63
    return sharp / total if total else 0.0


def test_widths_and_score_equal_a_plain_loop(luma):
    edges = sobel_edges(luma)
    widths = edge_widths(luma, edges)
    assert np.count_nonzero(widths) > 500
    canny = canny_edges(luma)
    scores = blur_score(luma, canny, widths, Areas.whole(luma))[:, 0]
    for image, sobel, strong, width, score in zip(luma, edges, canny, widths, scores, strict=True):
        np.testing.assert_array_equal(width, _plain_widths(image, sobel))
        assert score == pytest.approx(_plain_score(image, strong, width, width >= 0), abs=1e-12)


def test_frames_are_scored_one_by_one(luma):
    together = cpbd_frames(luma, Areas.whole(luma))[:, 0]
    assert [cpbd(image) for image in luma] == pytest.approx(together, abs=0)


def test_blur_lowers_the_score(luma):
    scores = [cpbd(ndimage.gaussian_filter(luma[0], sigma)) for sigma in (0.0, 0.8, 1.5, 3.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 0.3


def test_a_flat_image_has_no_edges():
    assert cpbd(np.full((64, 64), 128.0)) == 0.0


def test_partial_blocks_are_dropped(luma):
    wider = np.pad(luma, ((0, 0), (0, 0), (0, 40)), mode="edge")
    canny, widths = canny_edges(luma), edge_widths(luma, sobel_edges(luma))
    padded = [np.pad(part, ((0, 0), (0, 0), (0, 40))) for part in (canny, widths)]
    found, expected = blur_score(wider, *padded, Areas.whole(wider)), blur_score(luma, canny, widths, Areas.whole(luma))
    np.testing.assert_array_equal(found, expected)


def test_images_smaller_than_a_block_have_no_score():
    assert math.isnan(cpbd(np.zeros((63, 200))))


def test_edges_count_in_their_area_and_blocks_are_those_of_the_frame(luma):
    rows, columns = np.mgrid[:128, :192]
    oval = np.hypot((rows - 70) / 40, (columns - 90) / 60) < 1
    masks = np.stack([np.broadcast_to(mask, luma.shape) for mask in (oval, ~oval)])
    canny, widths = canny_edges(luma), edge_widths(luma, sobel_edges(luma))
    scores = blur_score(luma, canny, widths, Areas(masks))
    for image, strong, width, pair in zip(luma, canny, widths, scores, strict=True):
        plain = [_plain_score(image, strong, width, area) for area in (oval, ~oval)]
        assert pair == pytest.approx(plain, abs=1e-12)
    assert np.ptp(scores, axis=1).max() > 0.01


def test_only_the_blurred_area_loses_sharpness(luma):
    left = np.zeros((2, *luma[:1].shape), bool)
    left[0, :, :, :64], left[1, :, :, 128:] = True, True
    blurred = luma[:1].copy()
    blurred[:, :, :80] = ndimage.gaussian_filter(luma[0], 3.0)[:, :80]
    before, after = cpbd_frames(luma[:1], Areas(left))[0], cpbd_frames(blurred, Areas(left))[0]
    assert after[0] < before[0] - 0.3
    assert after[1] == pytest.approx(before[1], abs=0.05)  # Canny's threshold is the frame's


def test_distance_to_the_reference_has_no_direction(luma):
    sharpness = Sharpness(np.array([0.5, 0.2, np.nan]), np.array([0.4, 0.5, np.nan]))
    assert cpbd_error(sharpness) == pytest.approx(0.2)
    assert mean_cpbd(sharpness) == pytest.approx(0.35)
    same = cpbd_frames(luma, Areas.whole(luma))[:, 0]
    assert cpbd_error(Sharpness(same, same)) == 0.0


def test_an_area_beyond_the_whole_blocks_is_not_measured(luma):
    wide = np.pad(luma, [(0, 0), (0, 0), (0, 20)], mode="edge")
    mask = np.zeros((1, *wide.shape), bool)
    mask[..., wide.shape[2] // 64 * 64 :] = True
    assert mask.any()
    assert np.isnan(cpbd_frames(wide, Areas(mask))).all()
