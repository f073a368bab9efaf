"""Sharpness of a face and the turn of a head."""

import cv2
import numpy as np
import pytest

from segtalker.preprocessing.face_quality import _HEAD, _HEAD_POINTS, face_sharpness, head_pose

from .bright_sound import FACE


def test_sharpness_falls_with_blur_whatever_the_size() -> None:
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 255, (512, 512, 3), dtype=np.uint8), None, 2)
    values = [face_sharpness(cv2.GaussianBlur(image, None, sigma), FACE * 4) for sigma in (0.1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 4 * values[3]
    smooth = cv2.GaussianBlur(image, None, 4)
    half = cv2.resize(smooth, (256, 256), interpolation=cv2.INTER_AREA)
    assert face_sharpness(half, FACE * 2) == pytest.approx(face_sharpness(smooth, FACE * 4), rel=0.15)
    assert face_sharpness(image, FACE * 4 + 600) == 0.0


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (25, 0), (-40, 0), (0, 20), (0, -15), (20, 10)])
def test_the_turn_of_a_known_head_is_found(yaw: float, pitch: float) -> None:
    turns = [np.array([0.0, np.radians(-yaw), 0.0]), np.array([np.radians(pitch), 0.0, 0.0])]
    turn = cv2.Rodrigues(turns[0])[0] @ cv2.Rodrigues(turns[1])[0]
    points = _HEAD @ turn.T + (10, -5, 400)
    landmarks = np.zeros((68, 2))
    landmarks[list(_HEAD_POINTS)] = points[:, :2] / points[:, 2:] * 256 + 128
    found = head_pose(landmarks, 256)
    assert found == pytest.approx((yaw, pitch), abs=1.5)
