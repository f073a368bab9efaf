"""From MediaPipe's 478 face mesh points to the 68 of iBUG.

Inner points map one to one; the nearest mesh vertices were checked against published points of one photograph.
The jaw of iBUG is an outline without anatomical places, so its 17 points are spread evenly along the mesh's.
"""

import numpy as np

_JAW_RIGHT = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
_JAW_LEFT = (152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356)
_INNER = (
    70, 63, 105, 66, 107,                                    # right brow
    336, 296, 334, 293, 300,                                 # left brow
    168, 6, 195, 4,                                          # bridge of the nose
    240, 99, 2, 328, 460,                                    # nostrils
    33, 160, 158, 133, 153, 144,                             # right eye
    362, 385, 387, 263, 373, 380,                            # left eye
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,      # outer lip
    78, 82, 13, 312, 308, 317, 14, 87,                       # inner lip
)  # fmt: skip


def to_ibug(points: np.ndarray) -> np.ndarray:
    """Picks and places the 68 points.

    Args:
        points: MediaPipe's, `(478, 2)` or `(468, 2)`, pixels.

    Returns:
        `(68, 2)`, float32.
    """
    right, left = _evenly(points[list(_JAW_RIGHT)]), _evenly(points[list(_JAW_LEFT)])
    return np.concatenate([right, left[1:], points[list(_INNER)]]).astype(np.float32)


def _evenly(line: np.ndarray) -> np.ndarray:
    """Nine points at equal distances along a line of many, `(9, 2)`."""
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1)))
    wanted = np.linspace(0.0, length[-1], 9)
    return np.stack([np.interp(wanted, length, line[:, axis]) for axis in (0, 1)], axis=1)
