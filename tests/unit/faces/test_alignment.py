"""Faces on a template."""

import numpy as np

from segtalker.faces.alignment import align_faces, five_points


def test_a_turned_and_scaled_face_comes_back_upright():
    template = np.array([[30.0, 40], [60, 40], [45, 60], [33, 80], [57, 80]])
    y, x = np.mgrid[:160, :160]
    turn, shift = 1.4 * np.exp(0.3j), 20 + 5j
    points = (template[:, 0] + 1j * template[:, 1]) * turn + shift
    found = np.stack([points.real, points.imag], axis=-1)[None]
    upright = ((x + 1j * y) - shift) / turn  # every pixel's place on the template
    frame = np.stack([upright.real, upright.imag, 0 * x], axis=-1).clip(0, 255).astype(np.uint8)
    face = align_faces(frame[None], found, template, (112, 96))[0]
    assert face.shape == (112, 96, 3)
    rows, columns = np.mgrid[20:90, 20:80]
    np.testing.assert_allclose(face[20:90, 20:80, 0], columns, atol=1.5)
    np.testing.assert_allclose(face[20:90, 20:80, 1], rows, atol=1.5)


def test_five_points_of_68():
    landmarks = np.arange(136, dtype=float).reshape(1, 68, 2)
    found = five_points(landmarks)
    assert found.shape == (1, 5, 2)
    np.testing.assert_array_equal(found[0, 2], landmarks[0, 30])
    np.testing.assert_array_equal(found[0, 0], landmarks[0, 36:42].mean(axis=0))
