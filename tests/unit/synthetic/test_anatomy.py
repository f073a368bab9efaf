"""Landmarks lie where their parts are painted."""

import cv2
import numpy as np

from segtalker.regions import LIP, MOUTH, REGION_INDEX
from segtalker.synthetic.renderer import Rendered


def distance(regions: np.ndarray, *wanted: str) -> np.ndarray:
    """Pixels from everywhere to the nearest pixel of some regions."""
    there = np.isin(regions, [REGION_INDEX[name] for name in wanted])
    return cv2.distanceTransform((~there).astype(np.uint8), cv2.DIST_L2, 5)


def at(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values at the pixels nearest to some points."""
    columns, rows = np.round(points).astype(int).T
    return values[rows, columns]


def test_landmarks_lie_on_their_regions(moving: list[Rendered]) -> None:
    for image in moving:
        points, regions = image.landmarks, image.regions
        assert at(distance(regions, "lip", "mouth"), points[48:68]).max() < 2
        assert at(distance(regions, "nose"), points[27:36]).max() < 2.5
        assert at(distance(regions, "eyes"), points[36:48]).max() < 2.5
        assert at(distance(regions, "eyebrows", "hair", "glasses"), points[17:27]).max() < 2.5
        assert at(distance(regions, "skin"), points[3:14]).max() < 3


def test_lip_landmarks_bound_the_lips(moving: list[Rendered]) -> None:
    for image in moving:
        rows, columns = np.nonzero(np.isin(image.regions, (LIP, MOUTH)))
        outer = image.landmarks[48:60]
        assert abs(columns.min() - outer[:, 0].min()) < 2.5
        assert abs(columns.max() - outer[:, 0].max()) < 2.5
        assert abs(rows.min() - outer[:, 1].min()) < 2.5
        assert abs(rows.max() - outer[:, 1].max()) < 2.5


def test_the_subjects_right_is_left_in_the_picture(moving: list[Rendered]) -> None:
    for image in moving:
        points = image.landmarks
        assert points[0, 0] < points[16, 0]
        assert points[36:42, 0].mean() < points[42:48, 0].mean()
        assert points[48, 0] < points[54, 0]
        assert points[8, 1] == points[:, 1].max()
