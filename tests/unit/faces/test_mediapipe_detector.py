"""MediaPipe's mesh as 68 points."""

import numpy as np

from segtalker.faces.mediapipe_detector import to_ibug


def test_mesh_points_map_to_68_in_order() -> None:
    points = np.stack([np.arange(478), -np.arange(478)], axis=1).astype(float)
    mapped = to_ibug(points)
    assert mapped.shape == (68, 2)
    assert mapped[[0, 8, 16], 0].tolist() == [127, 152, 356]
    assert mapped[[30, 36, 39, 42, 45, 48, 54, 60, 64], 0].tolist() == [4, 33, 133, 362, 263, 61, 291, 78, 308]


def test_jaw_points_are_evenly_spread() -> None:
    angle = np.random.default_rng(0).uniform(0, 1, 478)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    jaw = to_ibug(points)[:9].astype(float)
    line = points[[127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152]]
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert np.linalg.norm(np.diff(jaw, axis=0), axis=1).max() <= length / 8 + 1e-6
