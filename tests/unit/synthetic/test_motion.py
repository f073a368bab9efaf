"""Heads move gently, eyes blink and look about."""

import numpy as np
import pytest

from segtalker.synthetic.motion import draw_motion

FPS, FRAMES = 25, 500


@pytest.mark.parametrize("seed", range(6))
def test_movement_stays_within_its_bounds_and_makes_no_jump(seed: int) -> None:
    motion = draw_motion(FRAMES, FPS, np.random.default_rng(seed))
    for turn in (motion.yaw, motion.pitch):
        assert np.abs(turn).max() < 2
        assert np.abs(np.diff(turn)).max() < 0.2
    assert np.abs(motion.shift).max() < 0.1
    assert np.abs(motion.scale - 1).max() < 0.05
    assert np.abs(motion.gaze).max() <= 0.9
    assert (len(motion.yaw), motion.gaze.shape) == (FRAMES, (FRAMES, 2))


@pytest.mark.parametrize("seed", range(6))
def test_eyes_are_open_but_for_blinks(seed: int) -> None:
    openness = draw_motion(FRAMES, FPS, np.random.default_rng(seed)).openness
    assert openness.min() >= 0
    assert openness.max() <= 1
    closed = openness < 0.3
    blinks = np.count_nonzero(np.diff(closed.astype(int)) == 1)
    assert 3 <= blinks <= 12  # in 20 s
    assert closed.mean() < 0.15


def test_equal_draws_are_equal() -> None:
    one, two = (draw_motion(60, FPS, np.random.default_rng(3)) for _ in range(2))
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, vars(two)[name])
