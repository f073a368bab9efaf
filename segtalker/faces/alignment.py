"""Faces brought to the place that a recognition network expects."""

import cv2
import numpy as np


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Eye centres, nose tip and mouth corners of 68 landmarks: `(T, 68, 2)` to `(T, 5, 2)`."""
    eyes = [landmarks[:, first : first + 6].mean(axis=1) for first in (36, 42)]
    return np.stack([*eyes, landmarks[:, 30], landmarks[:, 48], landmarks[:, 54]], axis=1)


def align_faces(frames: np.ndarray, points: np.ndarray, template: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Turns, scales and moves each face onto a template.

    Args:
        frames: RGB, `(T, H, W, 3)`, uint8.
        points: of each face, `(T, P, 2)`, float, (x, y) px.
        template: where they belong, `(P, 2)`, float, px of the result.
        size: height and width of the result.

    Returns:
        RGB, `(T, *size, 3)`, uint8.
    """
    target_points = template[:, 0] + 1j * template[:, 1]
    faces = []
    for frame, face_points in zip(frames, points[..., 0] + 1j * points[..., 1], strict=True):
        offsets = face_points - face_points.mean()
        turn = (offsets.conj() @ (target_points - target_points.mean())) / (np.abs(offsets) ** 2).sum()
        shift = target_points.mean() - turn * face_points.mean()
        matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
        faces.append(cv2.warpAffine(frame, matrix, (size[1], size[0]), borderMode=cv2.BORDER_REPLICATE))
    return np.stack(faces)
