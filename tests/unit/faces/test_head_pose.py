"""Poses of heads, and references chosen among them."""

import numpy as np
import pytest
from drawn_people import face_landmarks

from segtalker.faces.head_pose import PoseReferences, head_poses

STEPS = PoseReferences(most=4, step=0.05, reach=0.03)


def _turned(yaw_deg: float, open_by: float = 0.2) -> np.ndarray:
    """A drawn face turned about its upright axis: what stands out, most of all the nose, moves against the rest."""
    points, yaw = face_landmarks(30.0, 25.0, 14.0, open_by), np.deg2rad(yaw_deg)
    depth = np.zeros(68)
    depth[27:36], depth[:17] = 7.0, -9.0
    x = points[:, 0] - 30.0
    return np.column_stack([30.0 + x * np.cos(yaw) + depth * np.sin(yaw), points[:, 1]])


def _placed(points: np.ndarray, angle_deg: float, scale: float, shift: float) -> np.ndarray:
    angle = np.deg2rad(angle_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T + shift


def test_place_size_lean_and_mouth_are_no_pose() -> None:
    here = _turned(12.0)
    elsewhere = _placed(_turned(12.0, open_by=0.9), -17.0, 1.7, 40.0)
    poses = head_poses(np.stack([here, elsewhere]))
    np.testing.assert_allclose(poses[0], poses[1], atol=1e-9)


def test_the_more_a_head_turns_the_farther_is_its_pose() -> None:
    poses = head_poses(np.stack([_turned(angle) for angle in (0.0, 5.0, 10.0, 20.0)]))
    distances = np.linalg.norm(poses - poses[0], axis=1)
    assert (np.diff(distances) > 0.02).all()


def test_references_lie_apart_and_leave_no_pose_far_from_all() -> None:
    poses = head_poses(np.stack([_turned(angle) for angle in np.linspace(-9.0, 9.0, 61)]))
    chosen = PoseReferences(most=99, step=0.05, reach=0.03).choose(poses, 30)
    assert chosen[0] == 30
    gaps = np.linalg.norm(poses[chosen][:, None] - poses[chosen], axis=-1) + np.eye(len(chosen))
    assert len(chosen) > 2
    assert gaps.min() > 0.05
    assert np.linalg.norm(poses[:, None] - poses[chosen], axis=-1).min(axis=1).max() <= 0.05


def test_references_are_few() -> None:
    poses = head_poses(np.stack([_turned(angle) for angle in np.linspace(-40.0, 40.0, 61)]))
    assert len(STEPS.choose(poses, 30)) == 4
    assert PoseReferences(most=1, step=0.05, reach=0.03).choose(poses, 7) == [7]


def test_a_head_that_stays_has_one_reference() -> None:
    poses = head_poses(np.stack([_turned(0.0, open_by) for open_by in np.linspace(0.0, 0.9, 9)]))
    assert STEPS.choose(poses, 3) == [3]


def test_the_nearest_reference_has_the_most_and_none_comes_suddenly() -> None:
    poses = head_poses(np.stack([_turned(angle) for angle in np.linspace(-20.0, 20.0, 401)]))
    references = poses[[40, 200, 360]]
    shares = STEPS.shares(poses, references)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    nearest = np.linalg.norm(poses[:, None] - references, axis=-1).argmin(axis=1)
    np.testing.assert_array_equal(shares.argmax(axis=1), nearest)
    assert shares[[40, 200, 360], [0, 1, 2]].min() > 0.99
    assert np.abs(np.diff(shares, axis=0)).max() < 0.1


@pytest.mark.parametrize("far", [3.0, 300.0])
def test_a_pose_far_from_all_references_has_the_nearest(far: float) -> None:
    references = np.array([[0.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(STEPS.shares(np.array([[far, 0.1]]), references), [[1.0, 0.0]], atol=1e-6)
