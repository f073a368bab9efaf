"""Gaps and jitter of landmarks over time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import savgol_filter

from segtalker.faces.landmarks import (
    bridge,
    eye_distance,
    follow_face,
    longest_run,
    nearest_seen,
    read_annotated,
    smooth,
)
from segtalker.utils.errors import BadClipError


def track(frames: int) -> list[np.ndarray]:
    """Landmarks that move on a straight line."""
    base = np.random.default_rng(0).uniform(20, 100, (68, 2))
    return [(base + np.array([2.0, -1.0]) * index).astype(np.float32) for index in range(frames)]


def test_a_short_gap_is_bridged_by_a_line() -> None:
    whole = track(20)
    found = [None if 7 <= index < 11 else points for index, points in enumerate(whole)]
    np.testing.assert_allclose(bridge(found), whole, atol=1e-4)


def test_lost_ends_repeat_the_nearest_frame() -> None:
    whole = track(10)
    bridged = bridge([None, None, *whole[2:8], None, None])
    np.testing.assert_array_equal(bridged[:3], [whole[2]] * 3)
    np.testing.assert_array_equal(bridged[7:], [whole[7]] * 3)


def test_frames_between_questions_are_not_lost() -> None:
    whole = track(21)
    found = [points if index % 5 == 0 else None for index, points in enumerate(whole)]
    np.testing.assert_allclose(bridge(found), whole, atol=1e-4)


@pytest.mark.parametrize(
    ("seen", "spacing", "run"),
    [
        (range(30), 1, (0, 30)),
        (range(3, 28), 1, (0, 30)),
        (range(6, 30), 1, (6, 30)),
        ([*range(8), *range(14, 30)], 1, (14, 30)),
        ([*range(12), *range(16, 30)], 1, (0, 30)),
        ([*range(18), *range(24, 30)], 1, (0, 18)),
        (range(0, 30, 5), 5, (0, 30)),
        ([0, 5, 20, 25], 5, (0, 10)),
    ],
)
def test_the_longest_run_of_a_face(seen: Sequence[int], spacing: int, run: tuple[int, int]) -> None:
    found = [points if index in seen else None for index, points in enumerate(track(30))]
    assert longest_run(found, spacing, 5) == run
    points, shown = follow_face(found, spacing, 5, 1)
    assert shown[slice(*run)].all()
    assert shown.all() == (run == (0, 30))
    if spacing == 1:
        np.testing.assert_allclose(points[seen], np.stack(track(30))[seen], atol=1e-4)


def test_where_no_face_is_seen_the_nearest_stands_in() -> None:
    shown = np.zeros(9, bool)
    shown[[2, 3, 7]] = True
    np.testing.assert_array_equal(nearest_seen(shown), [2, 2, 2, 3, 3, 7, 7, 7, 7])
    whole = np.stack(track(30))
    points, seen = follow_face([None] * 6 + [*whole[6:12]] + [None] * 12 + [*whole[24:]], 1, 5, 1)
    np.testing.assert_array_equal(np.flatnonzero(seen), [*range(6, 12), *range(24, 30)])
    np.testing.assert_array_equal(points[:7], [whole[6]] * 7)
    np.testing.assert_array_equal(points[[12, 17, 18, 23]], whole[[11, 11, 24, 24]])


def test_no_face_at_all() -> None:
    with pytest.raises(BadClipError, match="no face found in 12 frames"):
        longest_run([None] * 12, 1, 5)


@pytest.mark.parametrize(("count", "length"), [(40, 5), (40, 9), (5, 5), (6, 9)])
def test_smoothing_is_savitzky_and_golays(count: int, length: int) -> None:
    noise = np.random.default_rng(1).normal(0, 1, (count, 68, 2)).astype(np.float32)
    used = min(length, count - 1 + count % 2)
    np.testing.assert_allclose(smooth(noise, length), savgol_filter(noise, used, 2, axis=0), atol=1e-4)


def test_smoothing_keeps_the_movement_and_halves_the_jitter() -> None:
    time = np.arange(100)[:, None, None]
    mouth = 10 * np.sin(2 * np.pi * 3 * time / 25) * np.ones((1, 68, 2))  # opens three times a second
    jitter = np.random.default_rng(2).normal(0, 0.5, mouth.shape)
    smoothed = smooth((mouth + jitter).astype(np.float32), 5)
    assert np.ptp(smooth(mouth.astype(np.float32), 5)) > 0.85 * np.ptp(mouth)
    still = smooth(jitter.astype(np.float32), 5)
    assert still.std() < 0.75 * jitter.std()
    assert smoothed.dtype == np.float32


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_tiny_clips_and_no_filter_are_left_alone(frames: int) -> None:
    points = np.stack(track(frames))
    np.testing.assert_array_equal(smooth(points, 5), points)
    np.testing.assert_array_equal(smooth(np.stack(track(30)), 1), np.stack(track(30)))


def test_annotations_are_checked(tmp_path: Path) -> None:
    with pytest.raises(BadClipError, match=r"landmarks\.npy: no readable landmarks"):
        read_annotated(tmp_path)
    np.save(tmp_path / "landmarks.npy", np.zeros((5, 5, 2)))
    with pytest.raises(BadClipError, match=r"shape \(5, 5, 2\)"):
        read_annotated(tmp_path)


def test_eye_distance_is_measured_between_the_centres() -> None:
    landmarks = np.zeros((2, 68, 2))
    landmarks[:, 36], landmarks[:, 39], landmarks[:, 42], landmarks[:, 45] = (10, 5), (14, 5), (30, 8), (34, 8)
    assert eye_distance(landmarks) == pytest.approx(np.hypot(20, 3))
