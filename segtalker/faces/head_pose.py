"""How heads are turned, told by landmarks that speech hardly moves.

In face coordinates (see `segtalker.faces.mouth_box`), where a face is upright and its eyes are 1 apart, a turn or a nod
is what moves the nose and the ends of the jaw against the corners of the eyes. Brows, which rise, and all that moves
with the mouth are left out.
"""

from dataclasses import dataclass

import numpy as np

from segtalker.faces.mouth_box import face_transforms

_JAW_ENDS = (0, 1, 2, 14, 15, 16)
_NOSE = tuple(range(27, 36))
_EYE_CORNERS = (36, 39, 42, 45)
_STEADY = np.array([*_JAW_ENDS, *_NOSE, *_EYE_CORNERS])


@dataclass(frozen=True)
class PoseReferences:
    """How many poses of a head are told apart; all distances in distances of the eyes, see `head_poses`.

    Args:
        most: how many at most; 1 for one look at a face, however it turns.
        step: the smallest distance of one from those chosen before.
        reach: width of the change from one to the next.
    """

    most: int
    step: float
    reach: float

    def choose(self, poses: np.ndarray, first: int) -> list[int]:
        """Frames whose poses lie far apart: each the farthest from those before, as long as it is far enough.

        Args:
            poses: see `head_poses`, `(T, P)`.
            first: index of the first frame.

        Returns:
            Their indices, the first one in front.
        """
        frames, distance = [first], _distances(poses, poses[first])
        while len(frames) < self.most and distance.max() > self.step:
            frames.append(int(distance.argmax()))
            distance = np.minimum(distance, _distances(poses, poses[frames[-1]]))
        return frames

    def shares(self, poses: np.ndarray, references: np.ndarray) -> np.ndarray:
        """How much each reference has of a pose: the nearest nearly all, two that are equally near half each.

        Args:
            poses: of frames, `(T, P)`.
            references: poses, `(R, P)`.

        Returns:
            `(T, R)`, float64; rows add up to 1, and change little where a pose does.
        """
        squares = np.square(_distances(poses[:, None], references))
        # set against the nearest, so that a pose far from all of them has one too
        bells = np.exp((squares.min(axis=1, keepdims=True) - squares) / (2.0 * self.reach**2))
        return bells / bells.sum(axis=1, keepdims=True)


def _distances(poses: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    return np.linalg.norm(poses - others, axis=-1)


def head_poses(landmarks: np.ndarray) -> np.ndarray:
    """The pose of each frame, whatever its place, size and lean in the image.

    Args:
        landmarks: `(T, 68, 2)`, float, pixels.

    Returns:
        `(T, P)`, float64. The distance of two rows is the root mean square distance of their points, in distances of
        the eyes.
    """
    places = face_transforms(landmarks, smooth_frames=1)
    offsets = landmarks[:, _STEADY] - places[:, None, :, 2]
    points = np.linalg.solve(places[:, None, :, :2], offsets[..., None])[..., 0]
    return points.reshape(len(landmarks), -1) / np.sqrt(len(_STEADY))
