"""Temporal consistency of videos whose motion is known."""

import numpy as np
import pytest
from scipy import ndimage

from segtalker.metrics.images import luma
from segtalker.metrics.motion import estimate_motion, flicker, temporal_error, warp_error

FRAMES, SIZE, STEP = 6, 96, 2


@pytest.fixture(scope="module")
def moving() -> np.ndarray:
    """A texture that moves two pixels to the right a frame, `(T, H, W, 3)`, uint8."""
    noise = np.random.default_rng(0).normal(size=(SIZE, SIZE + FRAMES * STEP))
    texture = ndimage.gaussian_filter(noise, 2.0)
    texture = 255 * (texture - texture.min()) / np.ptp(texture)
    views = [texture[:, (FRAMES - frame) * STEP :][:, :SIZE] for frame in range(FRAMES)]
    return np.repeat(np.stack(views)[..., None], 3, axis=-1).astype(np.uint8)


def test_motion_is_found(moving):
    motion = estimate_motion(luma(moving))
    columns = np.arange(SIZE, dtype=np.float32)
    shift = (motion.maps[..., 0] - columns)[:, 8:-8, 8:-8]
    assert motion.maps.shape == (FRAMES - 1, SIZE, SIZE, 2)
    assert np.median(shift) == pytest.approx(-STEP, abs=0.1)
    assert motion.visible[:, 8:-8, 8:-8].mean() > 0.95


def test_what_moves_as_the_reference_has_little_error_and_what_flickers_more(moving):
    motion = estimate_motion(luma(moving))
    steady = warp_error(moving, motion).mean()
    light = np.where(np.arange(FRAMES) % 2, 20, 0)[:, None, None, None]
    flickering = np.clip(moving.astype(int) + light, 0, 255).astype(np.uint8)
    still = moving[:1].repeat(FRAMES, axis=0)
    assert steady < 2.0
    assert warp_error(flickering, motion).mean() == pytest.approx(20, abs=3)
    assert warp_error(still, motion).mean() > 5 * steady  # it should have moved


def test_nothing_visible_has_no_error(moving):
    motion = estimate_motion(luma(moving[:2]))
    motion.visible[:] = False
    assert np.isnan(warp_error(moving[:2], motion)).all()


def test_one_frame_has_no_motion(moving):
    motion = estimate_motion(luma(moving[:1]))
    assert len(motion.maps) == len(warp_error(moving[:1], motion)) == 0


def test_flicker_sees_what_comes_and_goes_and_not_what_goes_on():
    steps = np.arange(5.0)[:, None, None]
    assert flicker(10 * steps * np.ones((5, 4, 4))).tolist() == [0.0, 0.0, 0.0]
    assert flicker(np.where(steps % 2, 30.0, 10.0) * np.ones((5, 4, 4))).tolist() == [20.0, 20.0, 20.0]
    assert len(flicker(np.zeros((2, 4, 4)))) == 0


def test_temporal_error_sees_change_not_colour():
    video = np.stack([np.full((8, 8, 3), 10 * step, np.uint8) for step in range(5)])
    assert temporal_error(video, video + 7).max() == 0.0
    np.testing.assert_allclose(temporal_error(video, video[:1].repeat(5, axis=0)), 10.0)
    flickering = video + np.array([0, 4, 0, 4, 0], np.uint8)[:, None, None, None]
    np.testing.assert_allclose(temporal_error(video, flickering), 4.0)
    with pytest.raises(AssertionError):
        temporal_error(video, video[:, 1:])
