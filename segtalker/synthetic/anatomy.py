"""Where things are in a face at rest: outlines and the 68 landmarks (iBUG order).

Points are (x, y) in the units of `person`, seen from the front, head upright, before any motion.
"""

import numpy as np

from segtalker.synthetic.articulation import Articulation
from segtalker.synthetic.person import Person

EYE_LINE = -0.08
CROWN = -0.62
HAIRLINE = -0.44
_SMILE_LIFT = 0.02


def face_outline(person: Person, points: int = 96) -> np.ndarray:
    """The closed outline of the face, `(points, 2)`: a superellipse, squarer below where the jaw is strong."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    cosine, sine = np.cos(angle), np.sin(angle)
    lower = sine > 0
    power = np.where(lower, person.jaw_power, 0.78)
    x = person.half_width * np.sign(cosine) * np.abs(cosine) ** power
    height = np.where(lower, person.chin - EYE_LINE, EYE_LINE - CROWN)
    # the jaw narrows towards the chin more than an ellipse does
    taper = 1 - 0.10 * np.clip(sine, 0, 1) ** 2
    return np.stack([x * taper, EYE_LINE + height * np.sign(sine) * np.abs(sine) ** np.where(lower, 0.94, 0.90)], 1)


def jaw_line(person: Person) -> np.ndarray:
    """Landmarks 0-16, `(17, 2)`: the jaw from one ear over the chin to the other."""
    outline = face_outline(person, 720)
    half = outline[:361][::-1]
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(half, axis=0), axis=1))])
    wanted = np.linspace(0, along[-1], 17)
    return np.stack([np.interp(wanted, along, half[:, axis]) for axis in (0, 1)], 1)


def brow_curve(person: Person, side: int, points: int) -> np.ndarray:
    """The middle line of a brow from its inner to its outer end, `(points, 2)`; `side` is -1 or 1."""
    t = np.linspace(0, 1, points)
    inner, outer = person.eye_x - 0.085, person.eye_x + 0.105
    x = inner + (outer - inner) * t
    y = EYE_LINE - person.brow_height - 0.028 * np.sin(np.pi * np.clip(t * 1.15, 0, 1)) + 0.018 * t**2
    return np.stack([side * x, y], 1)


def eye_outline(person: Person, side: int, openness: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid from the inner to the outer corner, each `(points, 2)`; `openness` in [0, 1]."""
    t = np.linspace(0, 1, points)
    x = person.eye_x - person.eye_size + 2 * person.eye_size * t
    corner = EYE_LINE - person.eye_tilt * (2 * t - 1)
    bulge = np.sin(np.pi * t) ** 0.75
    low = corner + 0.024 * bulge
    high = low - (0.024 + 0.048) * bulge * openness * (1.06 - 0.12 * t)
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
        self.opening = (0.155 * shape["jaw"] + 0.03 * shape["round"] * (1 - shape["jaw"])) * free
        self.opening *= 1 - 0.75 * shape["bite"]
        gap = self.opening * bow**0.8
        thick = 0.036 * person.lip_full * (1 - 0.5 * shape["press"]) * (1 + 0.28 * shape["round"])
        cupid = (1 - s**2) ** 0.7 * (
            1 - 0.30 * np.exp(-((s / 0.14) ** 2)) + 0.10 * np.exp(-(((np.abs(s) - 0.3) / 0.2) ** 2))
        )
        lower = (1 - s**2) ** 0.62 * 1.30 * (1 - 0.35 * shape["bite"])
        self.inner_top = np.stack([x, corner - 0.30 * gap], 1)
        self.inner_bottom = np.stack([x, corner + 0.70 * gap - 0.012 * shape["bite"] * bow], 1)
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
