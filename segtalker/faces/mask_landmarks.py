"""68 landmarks read off a region mask: where a face parser is at hand, no other network is needed to place a face.

The points are where iBUG-68 would put them as far as regions tell: eye corners and lids, brow arcs, the base of the
nose, the outlines of the lips, the line of the jaw. The bridge of the nose is drawn between eyes and nose base.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from segtalker.regions import LIP, MOUTH, REGION_INDEX

_FACE = tuple(REGION_INDEX[name] for name in ("skin", "nose", "lip", "mouth", "eyes", "eyebrows", "glasses"))
_MIN_PART = 0.06  # of the larger one's area, for the smaller of a pair to count
_BROW_TO_EYE = 0.36  # in distances of the brows: how far below a brow its closed eye lies
_JAW_CENTRE = (0.0, 0.5)
_JAW_ANGLES = np.linspace(np.pi * 1.06, -np.pi * 0.06, 17)  # from the right ear's level round the chin
_NOSE_LOWER = 0.3  # share of its height that counts as its base
# where four points of a face lie: both eyes, the base of the nose, the lips; in eye distances
_EXPECTED = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, 0.8), (0.0, 1.2)])
_MAX_MISFIT = 0.45


@dataclass(frozen=True)
class FacePoints:
    """Landmarks with how well they look like a face.

    Args:
        points: `(68, 2)`, float32, (x, y) pixels.
        misfit: distance of eyes, nose and lips from where a face has them, in eye distances.
    """

    points: np.ndarray
    misfit: float


def _largest(region: np.ndarray, count: int) -> list[np.ndarray]:
    """The `count` largest connected parts as pixels (x, y), `(N, 2)` float64, in order of x."""
    total, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    order = sorted(range(1, total), key=lambda part: -stats[part, cv2.CC_STAT_AREA])[:count]
    floor = _MIN_PART * stats[order[0], cv2.CC_STAT_AREA] if order else 0
    parts = [np.argwhere(labels == part)[:, ::-1].astype(np.float64) for part in order
             if stats[part, cv2.CC_STAT_AREA] >= floor]  # fmt: skip
    return sorted(parts, key=lambda part: part[:, 0].mean())


def _pair(mask: np.ndarray, name: str) -> list[np.ndarray]:
    """The two parts of a region that lie side by side, or none."""
    parts = _largest(mask == REGION_INDEX[name], 2)
    if len(parts) < 2:
        return []
    step = parts[1].mean(axis=0) - parts[0].mean(axis=0)
    return parts if step[0] > abs(step[1]) else []


class _FaceFrame:
    """Face coordinates: eye centres at (-0.5, 0) and (0.5, 0), y down."""

    def __init__(self, right_eye: np.ndarray, left_eye: np.ndarray) -> None:
        self.axis = (left_eye - right_eye) @ [1.0, 1j]
        self.origin = (left_eye + right_eye) / 2 @ [1.0, 1j]

    def to_face(self, pixels: np.ndarray) -> np.ndarray:
        z = (pixels @ np.array([1.0, 1j]) - self.origin) / self.axis
        return np.stack([z.real, z.imag], axis=-1)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        z = points @ np.array([1.0, 1j]) * self.axis + self.origin
        return np.stack([z.real, z.imag], axis=-1).astype(np.float32)


def _eye_frame(mask: np.ndarray) -> _FaceFrame | None:
    """From the eyes, or where they are closed from the brows."""
    if eyes := _pair(mask, "eyes"):
        # the middle of the corners: the iris looks aside, lids close
        middles = [(part[part[:, 0].argmin()] + part[part[:, 0].argmax()]) / 2 for part in eyes]
        return _FaceFrame(*middles)
    if brows := _pair(mask, "eyebrows"):
        right, left = (part.mean(axis=0) for part in brows)
        down = np.array([-(left - right)[1], (left - right)[0]]) * _BROW_TO_EYE
        return _FaceFrame(right + down, left + down)
    return None


def _arc(part: np.ndarray, positions: np.ndarray, upper: bool) -> np.ndarray:
    """Points on the upper or lower edge of a part at shares of its width, `(N, 2)`."""
    left, right = part[:, 0].min(), part[:, 0].max()
    reach = max((right - left) / 12, 1e-6)
    edge = []
    for x in left + positions * (right - left):
        near = part[np.abs(part[:, 0] - x) <= np.abs(part[:, 0] - x).min() + reach, 1]
        edge.append((x, near.min() if upper else near.max()))
    return np.array(edge)


def _ring(part: np.ndarray, upper: int, lower: int) -> np.ndarray:
    """A part's outline: left corner, upper edge, right corner, lower edge back."""
    left, right = part[part[:, 0].argmin()], part[part[:, 0].argmax()]
    top = _arc(part, np.linspace(0, 1, upper + 2)[1:-1], upper=True)
    bottom = _arc(part, np.linspace(1, 0, lower + 2)[1:-1], upper=False)
    return np.concatenate([left[None], top, right[None], bottom])


def _closed_ring(centre: np.ndarray, width: float, points: int) -> np.ndarray:
    """The outline of something closed: there and back along a line."""
    half = points // 2
    x = np.concatenate([np.linspace(-1, 1, half + 1)[:-1], np.linspace(1, -1, half + 1)[:-1]]) * width / 2
    return centre + np.stack([x, np.zeros_like(x)], axis=1)


def _eyes(mask: np.ndarray, frame: _FaceFrame) -> np.ndarray:
    if eyes := _pair(mask, "eyes"):
        return np.concatenate([_ring(frame.to_face(part), 2, 2) for part in eyes])
    return np.concatenate([_closed_ring(np.array([x, 0.0]), 0.45, 6) for x in (-0.5, 0.5)])


def _brows(mask: np.ndarray, frame: _FaceFrame) -> np.ndarray:
    positions = np.linspace(0.02, 0.98, 5)
    if brows := _pair(mask, "eyebrows"):
        return np.concatenate([_arc(frame.to_face(part), positions, upper=True) for part in brows])
    arcs = [np.stack([x + (positions - 0.5) * 0.65, np.full(5, -0.42)], axis=1) for x in (-0.5, 0.5)]
    return np.concatenate(arcs)


def _nose(part: np.ndarray) -> np.ndarray:
    """Four points down the bridge, five along the base."""
    top, bottom = part[:, 1].min(), part[:, 1].max()
    lower = part[part[:, 1] >= bottom - _NOSE_LOWER * (bottom - top)]
    left, right = np.quantile(lower[:, 0], (0.12, 0.88))
    middle = (left + right) / 2
    base = np.stack([np.linspace(left, right, 5), bottom - np.array([0.06, 0.03, 0.0, 0.03, 0.06])], axis=1)
    tip = np.array([middle, bottom - 0.2])
    return np.concatenate([np.linspace((0.0, 0.0), tip, 4), base])


def _mouth(lips: np.ndarray, interior: list[np.ndarray]) -> np.ndarray:
    """Twelve points around the lips, eight around what they leave open."""
    outer = _ring(lips, 5, 5)
    if interior:
        return np.concatenate([outer, _ring(interior[0], 3, 3)])
    left, right = outer[0], outer[6]
    return np.concatenate([outer, _closed_ring((left + right) / 2, (right - left)[0] * 0.9, 8)])


def _jaw(face: np.ndarray) -> np.ndarray:
    """The face's edge along rays from its middle, `(17, 2)`."""
    offsets = face - np.array(_JAW_CENTRE)
    angles, distances = np.arctan2(offsets[:, 1], offsets[:, 0]), np.hypot(*offsets.T)
    reach = np.array(
        [distances[np.abs((angles - angle + np.pi) % (2 * np.pi) - np.pi) < np.pi / 32].max(initial=0.0)
         for angle in _JAW_ANGLES]
    )  # fmt: skip
    rays = np.stack([np.cos(_JAW_ANGLES), np.sin(_JAW_ANGLES)], axis=1)
    return np.array(_JAW_CENTRE) + rays * reach[:, None]


def _misfit(points: np.ndarray) -> float:
    """How far eyes, nose and lips lie from where a face has them, after the eyes were laid over each other."""
    face_points = np.stack(
        [points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[33], points[48:60].mean(axis=0)]
    )
    return float(np.linalg.norm(face_points - _EXPECTED, axis=1).max())


def landmarks_from_mask(mask: np.ndarray) -> FacePoints | None:
    """Reads the landmarks of the face in a mask.

    Args:
        mask: regions, `(H, W)`, uint8.

    Returns:
        Points in pixels of the mask, or None where eyes and brows, nose or lips are missing or not placed like a
        face's.
    """
    frame = _eye_frame(mask)
    nose, lips = _largest(mask == REGION_INDEX["nose"], 1), _largest(np.isin(mask, (LIP, MOUTH)), 1)
    if frame is None or not nose or not lips:
        return None
    interior = [frame.to_face(part) for part in _largest(mask == MOUTH, 1) if len(part) >= 6]
    face = _largest(np.isin(mask, _FACE), 1)[0]
    points = np.concatenate(
        [
            _jaw(frame.to_face(face)),
            _brows(mask, frame),
            _nose(frame.to_face(nose[0])),
            _eyes(mask, frame),
            _mouth(frame.to_face(lips[0]), interior),
        ]
    )
    misfit = _misfit(points)
    return FacePoints(frame.to_pixels(points), misfit) if misfit < _MAX_MISFIT else None
