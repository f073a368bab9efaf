"""A region in another colour that keeps its shading and texture.

In CIE Lab the mean colour of a region moves to the wanted one, and what a pixel differs from the mean by stays:
shadows, gloss and strands. The mean is that of the first frame in every frame, so nothing flickers.
"""

from dataclasses import dataclass

import cv2
import numpy as np

_CONTRASTS = (0.6, 1.6)  # least and most factor of what differs from the mean
_SMALLEST_SPREAD = 1.0  # of Lab


@dataclass(frozen=True)
class ColourShift:
    """A map of colours in Lab.

    Args:
        mean: of the region as it is, `(3,)`.
        target: where that goes, `(3,)`.
        contrast: factor of what differs from the mean, `(3,)`.
    """

    mean: np.ndarray
    target: np.ndarray
    contrast: np.ndarray

    @classmethod
    def to_colour(cls, picture: np.ndarray, share: np.ndarray, colour: tuple[int, int, int]) -> "ColourShift":
        """Of a region to a colour.

        Args:
            picture: RGB, `(H, W, 3)`, uint8.
            share: of the region, `(H, W)`, float32 in [0, 1].
            colour: RGB, 0-255.
        """
        mean, _ = _statistics(picture, share)
        target = _lab(np.array([[colour]], np.uint8))[0, 0]
        # dark things show less contrast than bright ones
        lightness = np.clip(np.sqrt(max(target[0], 1.0) / max(mean[0], 1.0)), *_CONTRASTS)
        return cls(mean, target, np.array([lightness, 1.0, 1.0]))

    @classmethod
    def between(
        cls, picture: np.ndarray, share: np.ndarray, painted_picture: np.ndarray, painted_share: np.ndarray
    ) -> "ColourShift":
        """Of a region to the same one as it is painted elsewhere; see `to_colour`."""
        (mean, spread), (target, new_spread) = (
            _statistics(picture, share),
            _statistics(painted_picture, painted_share),
        )
        return cls(mean, target, np.clip(new_spread / spread, *_CONTRASTS))

    def apply(self, picture: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Recolours a picture.

        Args:
            picture: RGB, `(H, W, 3)`, uint8; not changed.
            share: how much of each pixel, `(H, W)`, float32 in [0, 1]; where it is 0, nothing.

        Returns:
            `(H, W, 3)`, uint8.
        """
        rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
        if not len(rows):
            return picture
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        lab, weight = _lab(picture[part]), share[part][..., None]
        new_lab = self.target + (lab - self.mean) * self.contrast
        new_lab[..., 0] = new_lab[..., 0].clip(0.0, 100.0)
        colours = cv2.cvtColor((lab + weight * (new_lab - lab)).astype(np.float32), cv2.COLOR_Lab2RGB)
        result = picture.copy()
        result[part] = np.where(weight > 0, np.rint(colours.clip(0.0, 1.0) * 255.0).astype(np.uint8), picture[part])
        return result


def likeness(picture: np.ndarray, share: np.ndarray, distance: float) -> np.ndarray:
    """How much each pixel has the mean colour of a region: `(H, W)`, float32 in [0, 1].

    Args:
        picture: RGB, `(H, W, 3)`, uint8.
        share: of the region, `(H, W)`, in [0, 1].
        distance: in Lab, at which it is 0.6.
    """
    mean, _ = _statistics(picture, share)
    return np.exp(-0.5 * (((_lab(picture) - mean) / distance) ** 2).sum(axis=2)).astype(np.float32)


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture.astype(np.float32) / 255.0, cv2.COLOR_RGB2Lab)


def _statistics(picture: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of a region in Lab, `(3,)` each."""
    weight = np.where(share > 0.5, share, 0.0) if (share > 0.5).any() else share + 1e-6
    lab = _lab(picture).reshape(-1, 3).astype(np.float64)
    mean = np.average(lab, axis=0, weights=weight.ravel())
    variance = np.average((lab - mean) ** 2, axis=0, weights=weight.ravel())
    return mean, np.maximum(np.sqrt(variance), _SMALLEST_SPREAD)
