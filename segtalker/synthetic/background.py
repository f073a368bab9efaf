"""Soft backgrounds, out of focus: a studio, a room, a garden, a street at night."""

import cv2
import numpy as np

from segtalker.synthetic.canvas import blur, fine_noise

_WALLS = (
    (0.62, 0.60, 0.57), (0.42, 0.47, 0.50), (0.55, 0.48, 0.42), (0.36, 0.40, 0.38), (0.70, 0.66, 0.60),
    (0.44, 0.42, 0.48),
)  # fmt: skip
_THINGS = (
    (0.55, 0.26, 0.20), (0.22, 0.30, 0.38), (0.72, 0.58, 0.34), (0.30, 0.38, 0.30), (0.80, 0.76, 0.68),
    (0.24, 0.20, 0.20),
)  # fmt: skip


class _Scene:
    """A picture under construction; places are shares of its height and width."""

    def __init__(self, height: int, width: int, rng: np.random.Generator) -> None:
        self.height, self.width, self.rng = height, width, rng
        self.image = np.zeros((height, width, 3), np.float32)
        self.y, self.x = np.mgrid[0:height, 0:width].astype(np.float32) / (height, width)[:1]
        self.x *= height / width

    def colour(self, palette: tuple, spread: float) -> np.ndarray:
        base_colour = np.array(palette[int(self.rng.integers(len(palette)))])
        return np.clip(base_colour * self.rng.uniform(1 - spread, 1 + spread) + self.rng.normal(0, 0.02, 3), 0, 1)

    def box(self, left: float, top: float, right: float, bottom: float, colour: np.ndarray) -> None:
        corners = [(round(x * self.width), round(y * self.height)) for x, y in ((left, top), (right, bottom))]
        cv2.rectangle(self.image, corners[0], corners[1], colour.tolist(), -1)

    def spot(self, x: float, y: float, radius: float, colour: np.ndarray) -> None:
        centre = (round(x * self.width), round(y * self.height))
        cv2.circle(self.image, centre, max(1, round(radius * self.height)), colour.tolist(), -1, cv2.LINE_AA)

    def glow(self, x: float, y: float, radius: float, colour: np.ndarray) -> None:
        ring = ((self.x - x) ** 2 + (self.y - y) ** 2) / radius**2
        self.image += np.exp(-ring)[..., None] * colour.astype(np.float32)

    def blur(self, share: float) -> None:
        self.image = blur(self.image, share * self.height)


def paint_backdrop(height: int, width: int, seed: int) -> np.ndarray:
    """A background, `(H, W, 3)`, uint8."""
    rng = np.random.default_rng((seed, 6))
    scene = _Scene(height, width, rng)
    _SCENES[seed % len(_SCENES)](scene, rng)
    scene.glow(0.5, 0.4, 0.55, scene.image.mean((0, 1)) * 0.18)
    edge = 1 - 0.28 * ((scene.x - 0.5) ** 2 + (scene.y - 0.45) ** 2)
    grain = 1 + 0.012 * fine_noise((height, width), rng, 1.5)
    return (np.clip(scene.image * (edge * grain)[..., None], 0, 1) * 255).astype(np.uint8)


def _studio(scene: _Scene, rng: np.random.Generator) -> None:
    wall = scene.colour(_WALLS, 0.35)
    scene.image[:] = wall * 0.75
    scene.glow(float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.2, 0.6)), float(rng.uniform(0.35, 0.6)), wall * 0.55)
    mottle = fine_noise((scene.height, scene.width), rng, scene.height / 7)
    scene.image *= 1 + 0.045 * mottle[..., None]


def _room(scene: _Scene, rng: np.random.Generator) -> None:
    scene.image[:] = scene.colour(_WALLS, 0.25)
    side = float(rng.choice((0.0, 1.0)))
    left = 0.02 if side else 0.62
    scene.box(left, 0.06, left + 0.34, 0.62, np.array((0.80, 0.84, 0.88)))
    for bar in (0.115, 0.225):
        scene.box(left + bar - 0.006, 0.06, left + bar + 0.006, 0.62, np.array((0.62, 0.60, 0.58)))
    shelf = 0.60 if side else -0.02
    for top in (0.10, 0.34, 0.58):
        scene.box(shelf, top + 0.19, shelf + 0.42, top + 0.21, np.array((0.30, 0.22, 0.16)))
        at = shelf + 0.01
        while at < shelf + 0.38:
            thick, tall = float(rng.uniform(0.014, 0.04)), float(rng.uniform(0.09, 0.17))
            scene.box(at, top + 0.19 - tall, at + thick, top + 0.19, scene.colour(_THINGS, 0.3))
            at += thick + float(rng.choice((0.002, 0.002, 0.05)))
    scene.blur(float(rng.uniform(0.012, 0.022)))
    scene.glow(left + 0.17, 0.34, 0.34, np.array((0.13, 0.13, 0.12)))


def _garden(scene: _Scene, rng: np.random.Generator) -> None:
    low, high = np.array((0.80, 0.87, 0.90)), np.array((0.55, 0.70, 0.84))
    scene.image[:] = high + (low - high) * np.clip(scene.y * 1.8, 0, 1)[..., None]
    leaf = np.array((0.30, 0.40, 0.20)) * rng.uniform(0.8, 1.15)
    for _ in range(170):
        x, y = float(rng.uniform(-0.05, 1.05)), float(rng.uniform(0.22, 1.05) ** 0.8)
        light = float(rng.uniform(0.55, 1.5)) * (1.15 - 0.35 * y)
        scene.spot(x, y, float(rng.uniform(0.02, 0.075)), leaf * light * rng.uniform(0.85, 1.15, 3))
    scene.blur(float(rng.uniform(0.016, 0.028)))
    _bokeh(scene, rng, np.array((0.85, 0.92, 0.60)), 10)


def _night(scene: _Scene, rng: np.random.Generator) -> None:
    tone = np.array(((0.13, 0.15, 0.24), (0.20, 0.14, 0.17), (0.11, 0.18, 0.21))[int(rng.integers(3))])
    scene.image[:] = tone * (0.8 + 0.7 * scene.y)[..., None]
    for _ in range(6):
        left = float(rng.uniform(-0.1, 1.0))
        scene.box(
            left, float(rng.uniform(0.05, 0.5)), left + float(rng.uniform(0.1, 0.3)), 1.0, tone * rng.uniform(0.5, 1.5)
        )
    scene.blur(0.03)
    for hue in ((1.0, 0.72, 0.36), (1.0, 0.86, 0.62), (0.45, 0.66, 0.95), (0.95, 0.42, 0.42)):
        _bokeh(scene, rng, np.array(hue), 5)


def _bokeh(scene: _Scene, rng: np.random.Generator, colour: np.ndarray, count: int) -> None:
    """Discs of out-of-focus lights."""
    still, lights = scene.image, np.zeros_like(scene.image)
    for _ in range(count):
        scene.image = np.zeros_like(lights)
        place = float(rng.uniform(0, 1)), float(rng.uniform(0, 0.8))
        scene.spot(*place, float(rng.uniform(0.018, 0.055)), colour * float(rng.uniform(0.10, 0.38)))
        lights += scene.image
    scene.image = still + blur(lights, max(0.6, scene.height / 220))


_SCENES = (_studio, _room, _garden, _night)
