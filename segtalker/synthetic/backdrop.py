"""Soft backgrounds: walls with light on them, out-of-focus rooms, lights at night."""

import colorsys

import cv2
import numpy as np

from segtalker.synthetic.canvas import fine_noise


def paint_backdrop(height: int, width: int, seed: int) -> np.ndarray:
    """A background, `(H, W, 3)`, uint8."""
    rng = np.random.default_rng((seed, 6))
    hue, dark = float(rng.uniform()), float(rng.uniform(0.25, 0.75))
    wall = np.array(colorsys.hsv_to_rgb(hue, float(rng.uniform(0.05, 0.35)), dark))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / min(height, width)
    slope = rng.uniform(-0.35, 0.35, 2)
    image = wall * (1 + slope[0] * (x - 0.5) + slope[1] * (y - 0.5))[..., None]
    for paint in (_furniture, _lights)[: 1 + int(rng.integers(2))]:
        image = paint(image, rng)
    grain = 1 + 0.02 * fine_noise((height, width), rng, height / 30) + 0.008 * fine_noise((height, width), rng, 1.5)
    return (np.clip(image * grain[..., None], 0, 1) * 255).astype(np.uint8)


def _furniture(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred upright shapes: shelves, frames, a window."""
    height, width = image.shape[:2]
    scene = image.copy()
    for _ in range(int(rng.integers(3, 8))):
        left, top = rng.uniform(-0.1, 0.95) * width, rng.uniform(-0.1, 0.7) * height
        corner = (round(left + rng.uniform(0.08, 0.35) * width), round(top + rng.uniform(0.15, 0.6) * height))
        colour = np.clip(image.mean((0, 1)) * rng.uniform(0.5, 1.6) + rng.normal(0, 0.05, 3), 0, 1)
        cv2.rectangle(scene, (round(left), round(top)), corner, colour.tolist(), -1)
    return cv2.GaussianBlur(scene, (0, 0), height * rng.uniform(0.015, 0.05))


def _lights(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Round out-of-focus lights."""
    height, width = image.shape[:2]
    glow = np.zeros_like(image)
    for _ in range(int(rng.integers(6, 16))):
        centre = (round(rng.uniform(0, width)), round(rng.uniform(0, 0.8 * height)))
        colour = np.array(colorsys.hsv_to_rgb(float(rng.uniform(0.03, 0.18)), 0.5, 1.0)) * rng.uniform(0.1, 0.4)
        cv2.circle(glow, centre, round(height * rng.uniform(0.02, 0.07)), colour.tolist(), -1, cv2.LINE_AA)
    return image + cv2.GaussianBlur(glow, (0, 0), max(1.0, height / 160))
