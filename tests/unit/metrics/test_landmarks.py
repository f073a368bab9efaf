"""Mouth points and their distance: the shape counts, the place does not."""

import numpy as np
import pytest

from segtalker.metrics.landmarks import MOUTH_POINTS, landmark_distance, mouth_points
from segtalker.regions import LIP, MOUTH


def _mouth(width: float, opening: float, centre=(40.0, 30.0), lips: float = 5.0) -> np.ndarray:
    y, x = np.mgrid[:60, :80]
    span = np.clip(1 - ((x - centre[0]) / width) ** 2, 0, None) ** 0.5
    mask = np.where(np.abs(y - centre[1]) <= (opening + lips) * span - 0.5, LIP, 0)
    return np.where((np.abs(y - centre[1]) <= opening * span - 0.5) & (mask == LIP), MOUTH, mask).astype(np.uint8)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(landmark_distance(mouth_points(a[None]), mouth_points(b[None]))[0])


def test_points_lie_on_the_mouth():
    mask = _mouth(20, 8)
    points = mouth_points(mask[None])[0]
    assert points.shape == (MOUTH_POINTS, 2)
    rows, columns = np.nonzero(np.isin(mask, (LIP, MOUTH)))
    assert abs(points[:, 0].min() - columns.min()) <= 2
    assert points[3, 1] == rows.min()  # the middle of the upper lip's upper edge
    assert points[10, 1] == rows.max() + 1
    opening = np.nonzero((mask == MOUTH)[:, 40])[0]
    assert points[17, 1] == opening.min()
    assert points[24, 1] == opening.max() + 1


def test_distance_grows_with_the_wrong_opening_and_ignores_the_place():
    mask = _mouth(20, 6)
    assert _distance(mask, mask) == 0.0
    assert _distance(mask, _mouth(20, 6, centre=(48.0, 25.0))) == pytest.approx(0.0, abs=1e-9)
    distances = [_distance(mask, _mouth(20, opening)) for opening in (6, 4, 2, 0)]
    assert distances == sorted(distances)
    assert distances[-1] > 2.0


def test_stray_pixels_do_not_move_the_corners():
    mask = _mouth(20, 6)
    stray = mask.copy()
    stray[50, 2] = LIP
    assert _distance(mask, stray) < 0.3


def test_without_a_mouth_there_is_no_number():
    empty = np.zeros((1, 60, 80), np.uint8)
    assert np.isnan(mouth_points(empty)).all()
    assert np.isnan(landmark_distance(mouth_points(empty), mouth_points(_mouth(20, 6)[None]))).all()


def test_distance_in_a_known_case():
    square = np.array([[[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]])
    assert landmark_distance(square, square * 2)[0] == pytest.approx(np.sqrt(2.0))
