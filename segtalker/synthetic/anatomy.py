"""Where things are in a face at rest: outlines and the 68 landmarks (iBUG order).

Points are (x, y) in the units of `person`, seen from the front, head upright, before any motion.
"""

from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline

from segtalker.synthetic.person import Person
from segtalker.synthetic.visemes import Articulation

EYE_LINE = -0.08
CROWN = -0.62
HAIRLINE = -0.44
_SMILE_LIFT = 0.030


@lru_cache(maxsize=64)
def _outline(person: Person) -> tuple[CubicSpline, float]:
    """The outline as a closed curve from the right over the chin, and where on it the left side is reached."""
    down, up = person.chin - EYE_LINE, EYE_LINE - CROWN
    slope = person.jaw_width + (person.chin_width - person.jaw_width) * 0.56
    lower = [(0.985, 0.24), (0.935, 0.45), (person.jaw_width, 0.66), (slope, 0.85), (person.chin_width, 0.965)]
    upper = [(0.985, 0.33), (0.87, 0.68), (0.54, 0.93)]
    right = [(1.0, 0.0), *lower, (0.0, 1.0)]
    half = np.array([(x * person.half_width, EYE_LINE + y * down) for x, y in right])
    crown = np.array([(x * person.half_width, EYE_LINE - y * up) for x, y in [*upper, (0.0, 1.0)]])
    mirror = np.array((-1, 1))
    knots = np.concatenate([half, half[-2::-1] * mirror, crown * mirror, crown[-2::-1], half[:1]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    return CubicSpline(along, knots, bc_type="periodic"), float(along[2 * len(half) - 2])


def face_outline(person: Person, points: int = 128) -> np.ndarray:
    """The closed outline of the face, `(points, 2)`."""
    curve, _ = _outline(person)
    return curve(np.linspace(0, curve.x[-1], points, endpoint=False))


@lru_cache(maxsize=64)
def jaw_line(person: Person) -> np.ndarray:
    """Landmarks 0-16, `(17, 2)`: the jaw from one ear over the chin to the other."""
    curve, left = _outline(person)
    half = curve(np.linspace(left, 0, 400))
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(half, axis=0), axis=1))])
    distances = np.linspace(0, along[-1], 17)
    return np.stack([np.interp(distances, along, half[:, axis]) for axis in (0, 1)], 1)


def brow_curve(person: Person, side: int, points: int) -> np.ndarray:
    """The middle line of a brow from its inner to its outer end, `(points, 2)`; `side` is -1 or 1."""
    t = np.linspace(0, 1, points)
    inner, outer = person.eye_x - 0.092, person.eye_x + 0.112
    arch = np.exp(-(((t - 0.62) / 0.34) ** 2))
    y = EYE_LINE - person.brow_height + 0.012 - 0.034 * person.brow_arch * arch + 0.012 * t**2
    return np.stack([side * (inner + (outer - inner) * t), y], 1)


def eye_outline(person: Person, side: int, openness: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid from the inner to the outer corner, each `(points, 2)`; `openness` in [0, 1]."""
    t = np.linspace(0, 1, points)
    x = person.eye_x - person.eye_size + 2 * person.eye_size * t
    corner = EYE_LINE + 0.004 - person.eye_tilt * (2 * t - 1)
    low = corner + 0.022 * np.sin(np.pi * t**1.15) ** 0.85
    bow = np.sin(np.pi * t**0.88) ** 0.78
    high = low - (low - corner + 0.045 * person.eye_height * bow) * openness
    return np.stack([side * x, high], 1), np.stack([side * x, low], 1)


def nose_outline(person: Person) -> np.ndarray:
    """The nose seen from the front, closed, `(N, 2)`."""
    base = EYE_LINE + person.nose_length
    width = person.nose_width
    half = np.array(
        [
            (0.028, EYE_LINE - 0.015), (0.030, EYE_LINE + 0.06), (0.040, base - 0.085), (width * 0.82, base - 0.055),
            (width * 1.06, base - 0.015), (width * 0.98, base + 0.012), (width * 0.62, base + 0.022),
            (width * 0.25, base + 0.034),
        ]
    )  # fmt: skip
    return np.concatenate([half, half[::-1] * (-1, 1)])


def nose_points(person: Person) -> np.ndarray:
    """Landmarks 27-35, `(9, 2)`: the bridge, then the base."""
    base = EYE_LINE + person.nose_length
    bridge = [(0.0, y) for y in np.linspace(EYE_LINE, base - 0.03, 4)]
    shares = ((-0.8, 0.008), (-0.4, 0.02), (0.0, 0.03), (0.4, 0.02), (0.8, 0.008))
    return np.array(bridge + [(share * person.nose_width, base + drop) for share, drop in shares])


class Mouth:
    """The lips of one frame as four curves from corner to corner, each `(points, 2)`.

    Args:
        person: whose.
        shape: articulators of the frame, in the order of `Articulation`'s fields.
        smile: -1 to 1, how far the corners are lifted.
        points: of each curve.
    """

    def __init__(self, person: Person, shape: dict[str, float], smile: float, points: int = 25) -> None:
        free = 1 - shape["press"]
        s = np.linspace(-1, 1, points)
        bow = 1 - np.abs(s) ** 2.2
        half = person.mouth_width * (0.70 + 0.42 * shape["width"]) * (1 - 0.20 * shape["round"])
        x = s * half
        corner = person.mouth_y - _SMILE_LIFT * smile * np.abs(s) ** 2 - 0.010 * shape["width"] * np.abs(s) ** 2
        self.opening = (0.140 * shape["jaw"] + 0.03 * shape["round"] * (1 - shape["jaw"])) * free
        self.opening *= 1 - 0.75 * shape["bite"]
        gap = self.opening * bow**0.8
        # the upper lip rises only when the mouth opens wide
        rise = 0.06 + 0.20 * shape["jaw"]
        thick = 0.036 * person.lip_full * (1 - 0.5 * shape["press"]) * (1 + 0.28 * shape["round"])
        cupid = (1 - s**2) ** 0.7 * (
            1 - 0.30 * np.exp(-((s / 0.14) ** 2)) + 0.10 * np.exp(-(((np.abs(s) - 0.3) / 0.2) ** 2))
        )
        lower = (1 - s**2) ** 0.62 * 1.30 * (1 - 0.35 * shape["bite"])
        self.inner_top = np.stack([x, corner - rise * gap], 1)
        self.inner_bottom = np.stack([x, corner + (1 - rise) * gap - 0.012 * shape["bite"] * bow], 1)
        self.outer_top = self.inner_top - np.stack([np.zeros_like(x), thick * cupid], 1)
        self.outer_bottom = self.inner_bottom + np.stack([np.zeros_like(x), thick * lower], 1)
        self.half_width = half

    @property
    def outer(self) -> np.ndarray:
        """The closed outer edge of the lips."""
        return np.concatenate([self.outer_top, self.outer_bottom[::-1]])

    @property
    def inner(self) -> np.ndarray:
        """The closed edge of the opening."""
        return np.concatenate([self.inner_top, self.inner_bottom[::-1]])

    def landmarks(self) -> np.ndarray:
        """Landmarks 48-67, `(20, 2)`: 12 on the outer edge, 8 on the inner."""
        last = len(self.outer_top) - 1
        outer = np.round(np.linspace(0, last, 7)).astype(int)
        inner = np.round(np.linspace(0, last, 9)).astype(int)[[1, 3, 4, 5, 7]]
        return np.concatenate(
            [
                self.outer_top[outer],
                self.outer_bottom[outer[-2:0:-1]],
                self.inner_top[inner],
                self.inner_bottom[inner[-2:0:-1]],
            ]
        )


def landmarks(person: Person, mouth: Mouth, openness: float) -> np.ndarray:
    """All 68 points, `(68, 2)`, the subject's right side (left in the image) first."""
    brows = [brow_curve(person, -1, 5)[::-1], brow_curve(person, 1, 5)]
    eyes = []
    for side in (-1, 1):
        top, bottom = eye_outline(person, side, openness, 7)
        order = np.array([0, 2, 4, 6])
        if side < 0:
            top, bottom = top[::-1], bottom[::-1]
        eyes.append(np.concatenate([top[order], bottom[order[-2:0:-1]]]))
    return np.concatenate([jaw_line(person), *brows, nose_points(person), *eyes, mouth.landmarks()])


def shape_at(articulation: Articulation, frame: int) -> dict[str, float]:
    """The articulators of one frame by name."""
    return {name: float(values[frame]) for name, values in vars(articulation).items()}
