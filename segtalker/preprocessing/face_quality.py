"""How sharp a face is and where the head is turned."""

import cv2
import numpy as np

_SHARPNESS_SIDE = 128  # px, so that figures of crops of any size can be compared
# px at that size: Gaussians whose differences are the bands; below the first one lies mostly noise
_BAND_SIGMAS = (0.7, 1.4, 2.8)
_NO_DETAIL = 1e-6  # square grey levels
# a head in millimetres, x to the viewer's right, y down, z away; nose tip, chin, outer eye corners, mouth corners
_HEAD = np.array(
    [(0, 0, 0), (0, 63.6, 12.5), (-43.3, -32.7, 26), (43.3, -32.7, 26), (-28.9, 28.9, 24.1), (28.9, 28.9, 24.1)], float
)
_HEAD_POINTS = (30, 8, 36, 45, 48, 54)


def face_sharpness(frame: np.ndarray, landmarks: np.ndarray) -> float:
    """How much of a face's detail is fine: energy of one octave of its luma over that of the octave below, at 128 px.

    A ratio of bands, as of Kautsky et al. (Pattern Recognition Letters 23, 2002), so neither light nor contrast
    changes it, while blur takes from the finer band first. Here the bands are differences of Gaussians, octaves side
    by side: shadows and the outline of the hair lie below both, and noise mostly above.

    Args:
        frame: RGB, `(H, W, 3)`, uint8.
        landmarks: `(68, 2)`, px.

    Returns:
        At least 0; sharp faces have 0.3 to 0.5, those blurred by 1.5 px of 128 have less than 0.2. 0 for a face
        outside of the frame or of a single colour.
    """
    low, high = np.floor(landmarks.min(axis=0)).astype(int), np.ceil(landmarks.max(axis=0)).astype(int) + 1
    (left, top), (right, bottom) = low.clip(0), np.minimum(high, frame.shape[1::-1])
    if right - left < 2 or bottom - top < 2:
        return 0.0
    luma = cv2.cvtColor(np.ascontiguousarray(frame[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    shrinks = luma.size > _SHARPNESS_SIDE**2
    size = (_SHARPNESS_SIDE, _SHARPNESS_SIDE)
    face = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR).astype(np.float32)
    smooth, smoother, smoothest = (cv2.GaussianBlur(face, (0, 0), sigma) for sigma in _BAND_SIGMAS)
    fine, coarse = float((smooth - smoother).var()), float((smoother - smoothest).var())
    # what a single colour leaves is rounding, some 1e-10, while one grey level of detail has more than 1e-4
    return fine / coarse if coarse > _NO_DETAIL else 0.0


def head_pose(landmarks: np.ndarray, side: int) -> tuple[float, float]:
    """Where the head is turned, by laying a rigid head under six landmarks (perspective-n-point).

    Args:
        landmarks: `(68, 2)`, px of a square picture.
        side: of the picture, px; stands for the focal length.

    Returns:
        Yaw, positive to the viewer's right, and pitch, positive down, degrees.
    """
    camera = np.array([[side, 0, side / 2], [0, side, side / 2], [0, 0, 1]], float)
    points = landmarks[list(_HEAD_POINTS)].astype(np.float64)
    pose_solved, turn, _ = cv2.solvePnP(_HEAD, points, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    if not pose_solved:
        return 0.0, 0.0
    forward = cv2.Rodrigues(turn)[0] @ np.array([0.0, 0.0, -1.0])
    yaw, pitch = np.arctan2(forward[0], -forward[2]), np.arctan2(forward[1], np.hypot(forward[0], forward[2]))
    return float(np.degrees(yaw)), float(np.degrees(pitch))
