"""Drawing with soft edges on textures in face units."""

import cv2
import numpy as np

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

    def coverage(self, outline: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """How much of each texel a closed outline covers.

        Args:
            outline: `(N, 2)`, face units.
            soft: width of a blur over the edge, face units.

        Returns:
            `(size, size)`, float32 in [0, 1].
        """
        mask = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(mask, [self.texels(outline)], 255, cv2.LINE_AA, _SHIFT)
        return self._softened(mask, soft)

    def line(self, path: np.ndarray, width: float, soft: float = 0.0) -> np.ndarray:
        """How much of each texel a line covers, see `coverage`."""
        mask = np.zeros((self.size, self.size), np.uint8)
        cv2.polylines(mask, [self.texels(path)], False, 255, self._thickness(width), cv2.LINE_AA, _SHIFT)
        return self._softened(mask, soft)

    def _softened(self, mask: np.ndarray, soft: float) -> np.ndarray:
        share = mask.astype(np.float32) / 255
        if soft and mask.any():
            sigma = soft * self.size / 2
            box = covered_box(mask, margin=round(5 * sigma) + 2)  # a blur reaches four sigmas
            share[box] = blur(share[box], sigma)
        return share

    def _thickness(self, width: float) -> int:
        return max(1, round(width * self.size / 2))

    def paint(self, coverage: np.ndarray, colour: np.ndarray | tuple[float, ...], label: int | None = None) -> None:
        """Lays a colour, one for all or one a texel, float in [0, 1], where `coverage` says."""
        box = covered_box(coverage)
        share, tint = coverage[box][..., None], np.asarray(colour, np.float32)
        tint = np.clip((tint[box] if tint.ndim == 3 else tint) * 255, 0, 255)
        self.rgb[box] = (self.rgb[box] * (1 - share) + tint * share + 0.5).astype(np.uint8)
        self.alpha[box] = np.maximum(self.alpha[box], (share[..., 0] * 255 + 0.5).astype(np.uint8))
        if label is not None:
            self.labels[box][share[..., 0] > 0.5] = label

    def tint(self, coverage: np.ndarray, colour: np.ndarray | tuple[float, ...]) -> None:
        """Lays a colour on what is there already; coverage and labels stay."""
        alpha = self.alpha.copy()
        self.paint(coverage, colour)
        self.alpha = alpha

    def shade(self, factor: np.ndarray) -> None:
        """Multiplies colours by a factor, `(size, size)`."""
        self.rgb = np.clip(self.rgb * factor[..., None] + 0.5, 0, 255).astype(np.uint8)

    def strand(self, path: np.ndarray, colour: np.ndarray, width: float, label: int | None = None) -> None:
        """Draws a line through a path, `width` in face units, onto colour, coverage and, if given, labels."""
        points, thickness = [self.texels(path)], self._thickness(width)
        cv2.polylines(self.rgb, points, False, (np.clip(colour, 0, 1) * 255).tolist(), thickness, cv2.LINE_AA, _SHIFT)
        cv2.polylines(self.alpha, points, False, 255, thickness, cv2.LINE_AA, _SHIFT)
        if label is not None:
            cv2.polylines(self.labels, points, False, label, thickness, cv2.LINE_8, _SHIFT)

    def lay(self, other: "Canvas") -> None:
        """Lays another canvas of the same size, with its labels, on this one."""
        box = covered_box(other.alpha)
        share = other.alpha[box][..., None] / np.float32(255)
        self.rgb[box] = (self.rgb[box] * (1 - share) + other.rgb[box] * share + 0.5).astype(np.uint8)
        self.alpha[box] = np.maximum(self.alpha[box], other.alpha[box])
        there = other.alpha[box] > 127
        self.labels[box][there] = other.labels[box][there]

    def premultiplied(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """RGBA with the colour scaled by the coverage, `(size, size, 4)`, and labels, both uint8, at another size."""
        rgba = np.dstack([(self.rgb * (self.alpha[..., None] / np.float32(255))).astype(np.uint8), self.alpha])
        labels = np.where(self.alpha > 127, self.labels, 255).astype(np.uint8)
        near = cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
        return cv2.resize(rgba, (size, size), interpolation=cv2.INTER_AREA), near


def covered_box(coverage: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    """The smallest rectangle with all that is covered and so many texels around it."""
    rows, columns = np.flatnonzero(coverage.any(1)), np.flatnonzero(coverage.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return tuple(slice(max(at[0] - margin, 0), at[-1] + 1 + margin) for at in (rows, columns))  # type: ignore[return-value]


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, `sigma` in texels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.3)))


def axis(size: int) -> np.ndarray:
    """Face units of texel centres along one side, `(size,)`, float32."""
    return (np.arange(size, dtype=np.float32) + 0.5) * 2 / size - 1


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Face units of every texel centre: x and y, `(size, size)`, float32."""
    x, y = np.meshgrid(axis(size), axis(size))
    return x, y


def bump(size: int, cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    """A Gaussian hill of height 1 at (cx, cy) with radii rx and ry: `(size, size)`, float32."""
    at = axis(size)
    return np.outer(np.exp(-(((at - cy) / ry) ** 2)), np.exp(-(((at - cx) / rx) ** 2)))


def bumps(size: int, cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    """The same hill on both sides of the face."""
    return bump(size, cx, cy, rx, ry) + bump(size, -cx, cy, rx, ry)


def fine_noise(shape: tuple[int, int], rng: np.random.Generator, texels: float) -> np.ndarray:
    """Smooth noise with mean 0 and deviation 1; `texels` is its grain."""
    small = (max(2, round(shape[0] / texels)), max(2, round(shape[1] / texels)))
    noise = rng.standard_normal(small).astype(np.float32)
    return cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
