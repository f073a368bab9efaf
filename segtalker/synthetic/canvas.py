"""Drawing with soft edges on textures in face units."""

import cv2
import numpy as np

from segtalker.synthetic.person import Colour

_SHIFT = 4


class Canvas:
    """A square RGBA texture and its label map; x and y of the points drawn lie in [-1, 1].

    Args:
        size: its side in texels.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.rgb = np.zeros((size, size, 3), np.uint8)
        self.alpha = np.zeros((size, size), np.uint8)
        self.labels = np.zeros((size, size), np.uint8)

    def texels(self, points: np.ndarray) -> np.ndarray:
        """Face units to texels with `_SHIFT` fractional bits, int32."""
        return np.round(((points + 1) * self.size / 2 - 0.5) * (1 << _SHIFT)).astype(np.int32)

    def coverage(self, outline: np.ndarray) -> np.ndarray:
        """How much of each texel lies inside a closed outline: `(size, size)`, float32 in [0, 1]."""
        mask = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(mask, [self.texels(outline)], 255, cv2.LINE_AA, _SHIFT)
        return mask.astype(np.float32) / 255

    def paint(self, coverage: np.ndarray, colour: np.ndarray | Colour, label: int) -> None:
        """Lays a colour, one for all or one a texel, float in [0, 1], where `coverage` says."""
        share = coverage[..., None]
        paint = np.clip(np.asarray(colour, np.float32) * 255, 0, 255)
        self.rgb = (self.rgb * (1 - share) + paint * share + 0.5).astype(np.uint8)
        self.alpha = np.maximum(self.alpha, (coverage * 255 + 0.5).astype(np.uint8))
        self.labels[coverage > 0.5] = label

    def shade(self, factor: np.ndarray) -> None:
        """Multiplies colours by a factor, `(size, size)`."""
        self.rgb = np.clip(self.rgb * factor[..., None] + 0.5, 0, 255).astype(np.uint8)

    def strand(self, path: np.ndarray, colour: np.ndarray, width: float, label: int | None = None) -> None:
        """Draws a line through a path, `width` in face units, onto colour, coverage and, if given, labels."""
        points, thickness = [self.texels(path)], max(1, round(width * self.size / 2))
        cv2.polylines(self.rgb, points, False, (np.clip(colour, 0, 1) * 255).tolist(), thickness, cv2.LINE_AA, _SHIFT)
        cv2.polylines(self.alpha, points, False, 255, thickness, cv2.LINE_AA, _SHIFT)
        if label is not None:
            cv2.polylines(self.labels, points, False, label, thickness, cv2.LINE_8, _SHIFT)

    def premultiplied(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """RGBA with the colour scaled by the coverage, `(size, size, 4)`, and labels, both uint8, at another size."""
        rgba = np.dstack([(self.rgb * (self.alpha[..., None] / 255.0)).astype(np.uint8), self.alpha])
        labels = np.where(self.alpha > 127, self.labels, 255).astype(np.uint8)
        near = cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
        return cv2.resize(rgba, (size, size), interpolation=cv2.INTER_AREA), near


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Face units of every texel centre: x and y, `(size, size)`, float32."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) * 2 / size - 1
    x, y = np.meshgrid(axis, axis)
    return x, y


def bump(x: np.ndarray, y: np.ndarray, cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    """A Gaussian hill of height 1 at (cx, cy) with radii rx and ry."""
    return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)


def fine_noise(shape: tuple[int, int], rng: np.random.Generator, texels: float) -> np.ndarray:
    """Smooth noise with mean 0 and deviation 1; `texels` is its grain."""
    small = (max(2, round(shape[0] / texels)), max(2, round(shape[1] / texels)))
    noise = rng.standard_normal(small).astype(np.float32)
    return cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
