"""Sharpness of a face and the turn of a head."""

import cv2
import numpy as np
import pytest

from segtalker.preprocessing.face_quality import _HEAD, _HEAD_POINTS, face_sharpness, head_pose

from .bright_sound import FACE


@pytest.fixture(scope="module")
def texture() -> np.ndarray:
    """Detail at all scales, as pictures of the world have it (amplitudes fall with frequency): `(512, 512, 3)`."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512)[None])
    frequency[0, 0] = np.inf
    grey = np.fft.irfft2(np.exp(2j * np.pi * rng.random(frequency.shape)) / frequency, (512, 512))
    return (128 + 30 * grey / grey.std()).clip(0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def test_sharpness_falls_with_blur_whatever_the_size(texture: np.ndarray) -> None:
    sigmas = (0.1, 2, 4, 6, 8)
    values = [face_sharpness(cv2.GaussianBlur(texture, None, sigma), FACE * 4) for sigma in sigmas]
    assert values == sorted(values, reverse=True)
    assert values[0] > 3 * values[-1]
    smooth = cv2.GaussianBlur(texture, None, 4)
    half = cv2.resize(smooth, (256, 256), interpolation=cv2.INTER_AREA)
    assert face_sharpness(half, FACE * 2) == pytest.approx(face_sharpness(smooth, FACE * 4), rel=0.1)
    assert face_sharpness(texture, FACE * 4 + 600) == 0.0
    assert face_sharpness(np.full_like(texture, 90), FACE * 4) == 0.0


def test_a_dim_face_is_as_sharp_as_a_bright_one(texture: np.ndarray) -> None:
    bright = face_sharpness(texture, FACE * 4)
    dim, flat = (texture * 0.3).round().astype(np.uint8), (texture * 0.3 + 150).round().astype(np.uint8)
    assert face_sharpness(dim, FACE * 4) == pytest.approx(bright, rel=0.05)
    assert face_sharpness(flat, FACE * 4) == pytest.approx(bright, rel=0.05)
    assert face_sharpness(cv2.GaussianBlur(texture, None, 6), FACE * 4) < 0.6 * face_sharpness(dim, FACE * 4)


def test_noise_is_hardly_taken_for_sharpness(texture: np.ndarray) -> None:
    blurred = cv2.GaussianBlur(texture, None, 6)
    noise = np.random.default_rng(1).normal(0, 4, blurred.shape)
    noisy = (blurred + noise).round().clip(0, 255).astype(np.uint8)
    assert (
        face_sharpness(noisy, FACE * 4)
        < 1.7 * face_sharpness(blurred, FACE * 4)
        < 0.6 * face_sharpness(texture, FACE * 4)
    )


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (25, 0), (-40, 0), (0, 20), (0, -15), (20, 10)])
def test_the_turn_of_a_known_head_is_found(yaw: float, pitch: float) -> None:
    turns = [np.array([0.0, np.radians(-yaw), 0.0]), np.array([np.radians(pitch), 0.0, 0.0])]
    turn = cv2.Rodrigues(turns[0])[0] @ cv2.Rodrigues(turns[1])[0]
    points = _HEAD @ turn.T + (10, -5, 400)
    landmarks = np.zeros((68, 2))
    landmarks[list(_HEAD_POINTS)] = points[:, :2] / points[:, 2:] * 256 + 128
    found = head_pose(landmarks, 256)
    assert found == pytest.approx((yaw, pitch), abs=1.5)
