"""Temporal consistency of videos whose motion is known."""

import numpy as np
import pytest
from scipy import ndimage

from segtalker.metrics import motion as measured
from segtalker.metrics.areas import Areas
from segtalker.metrics.images import luma
from segtalker.metrics.motion import Motion, estimate_motion

FRAMES, SIZE, STEP = 6, 96, 2


def temporal_error(reference: np.ndarray, frames: np.ndarray) -> np.ndarray:
    return measured.temporal_error(reference, frames, Areas.whole(frames))[:, 0]


def warp_error(frames: np.ndarray, motion: Motion) -> np.ndarray:
    return measured.warp_error(frames, motion, Areas.whole(frames))[:, 0]


def flicker(luma: np.ndarray) -> np.ndarray:
    return measured.flicker(luma, Areas.whole(luma))[:, 0]


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


def halves(frames: np.ndarray) -> Areas:
    """All of each frame, its left and its right half; each frame's left half is one pixel wider than the last's."""
    masks = np.zeros((3, *frames.shape[:3]), bool)
    masks[0] = True
    for number in range(len(frames)):
        masks[1, number, :, : frames.shape[2] // 2 + number] = True
    masks[2] = ~masks[1]
    return Areas(masks)


def test_unrest_counts_in_the_area_of_its_frame():
    rng = np.random.default_rng(1)
    reference = rng.integers(0, 200, (FRAMES, 24, 32, 3)).astype(np.uint8)
    frames, areas = reference.copy(), halves(reference)
    left = areas.masks[1].astype(bool)
    frames[left] += np.where(np.arange(FRAMES) % 2, 6, 0).astype(np.uint8).repeat(left.sum(axis=(1, 2)))[:, None]
    found = measured.temporal_error(reference, frames, areas)
    change = np.abs(np.diff(frames.astype(int) - reference, axis=0)).mean(axis=-1)
    for number in range(FRAMES - 1):
        plain = [
            change[number].mean(),
            change[number][left[number + 1]].mean(),
            change[number][~left[number + 1]].mean(),
        ]
        np.testing.assert_allclose(found[number], plain)
    assert found[0, 2] == 0.0
    assert found[0, 1] == 6.0
    dark = luma(frames)
    flickering = np.abs(dark[1:-1] - (dark[:-2] + dark[2:]) / 2)
    for number, values in enumerate(measured.flicker(dark, areas)):
        mask = left[number + 1]
        plain = [flickering[number].mean(), flickering[number][mask].mean(), flickering[number][~mask].mean()]
        np.testing.assert_allclose(values, plain)


def test_warp_error_counts_the_visible_pixels_of_an_area(moving):
    motion = estimate_motion(luma(moving))
    frames, areas = moving.copy(), halves(moving)
    frames[1::2, :, :40] //= 2
    whole, left, right = measured.warp_error(frames, motion, areas).T
    counts = areas.last(FRAMES - 1).within(motion.visible).counts
    np.testing.assert_allclose(whole * counts[:, 0], left * counts[:, 1] + right * counts[:, 2], rtol=1e-9)
    assert (left > 5 * right).all()
    np.testing.assert_allclose(whole, warp_error(frames, motion))
