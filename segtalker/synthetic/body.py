"""Neck, shoulders and clothes; clothes count as background."""

import numpy as np

from segtalker.regions import REGION_INDEX
from segtalker.synthetic.canvas import Canvas, blur, covered_box, fine_noise, grid
from segtalker.synthetic.person import Person

_CLOTH, _NECK = REGION_INDEX["background"], REGION_INDEX["neck"]
_DIPS = {"crew": 0.685, "vee": 0.84, "shirt": 0.73, "blazer": 0.86, "hoodie": 0.70, "turtle": 0.60}


def neck_half_width(person: Person) -> float:
    """Half the width of the neck at its narrowest."""
    return person.half_width * (0.55 if person.gender == "female" else 0.68)


def paint_body(canvas: Canvas, person: Person) -> None:
    """Paints everything below the head."""
    rng = np.random.default_rng((person.texture_seed, 5))
    _paint_neck(canvas, person)
    cloth = _cloth(canvas, person, rng)
    half = neck_half_width(person)
    if person.outfit in ("blazer", "hoodie"):
        _paint_shirt_front(canvas, person, half)
    opening = _opening(person, half)
    outline = np.concatenate([_shoulder(half)[::-1], opening, _shoulder(half) * (-1, 1), [(-1.0, 1.1), (1.0, 1.1)]])
    rim = blur(canvas.line(opening, 0.05), canvas.size / 90)
    canvas.tint(rim * 0.45, np.array(person.skin) * 0.35)
    canvas.paint(canvas.coverage(outline), cloth, _CLOTH)
    _DETAILS[person.outfit](canvas, person, cloth, opening, half)


def _shoulder(half: float) -> np.ndarray:
    """The line from the side of the neck over the shoulder to the arm, `(N, 2)`."""
    knots = np.array(
        [(half * 1.04, 0.60), (half + 0.10, 0.685), (0.48, 0.755), (0.72, 0.80), (0.88, 0.87), (0.95, 1.1)]
    )
    t = np.linspace(0, 5, 40)
    smooth = np.stack([np.interp(t, np.arange(6), knots[:, at]) for at in (0, 1)], 1)
    smooth[2:-2] = sum(smooth[2 + shift : len(smooth) - 2 + shift] for shift in range(-2, 3)) / 5
    return smooth


def _opening(person: Person, half: float) -> np.ndarray:
    """The neckline from the right to the left, `(N, 2)`."""
    s = np.linspace(1, -1, 31)
    dip = _DIPS[person.outfit]
    top = 0.63 if person.outfit != "turtle" else 0.555
    wide = half * (1.16 if person.outfit in ("crew", "hoodie") else 1.07)
    sharp = 1 - np.abs(s) if person.outfit in ("vee", "blazer", "shirt") else 1 - s**2
    return np.stack([s * wide, top + (dip - top) * sharp], 1)


def _paint_neck(canvas: Canvas, person: Person) -> None:
    half = neck_half_width(person)
    right = np.array([(half * 1.02, 0.20), (half, 0.50), (half * 1.02, 0.60), (half * 1.12, 0.68), (half * 1.2, 1.0)])
    neck = canvas.coverage(np.concatenate([right, right[::-1] * (-1, 1)]))
    box = covered_box(neck)
    x, y = (places[box] for places in grid(canvas.size))
    across = x / half
    round_shade = 1 - 0.30 * np.clip(np.abs(across), 0, 1.3) ** 2.4 + 0.15 * np.sign(person.light_x) * across
    # the shadow of the chin falls away from the light
    edge = person.chin + 0.155 - 0.04 * np.sign(person.light_x) * across - 0.05 * across**2
    shadow = 1 - 0.46 / (1 + np.exp((y - edge) / 0.022))
    cord = 0.05 * np.exp(-(((np.abs(x) - half * (0.75 - 1.1 * (y - 0.5))) / 0.03) ** 2)) * (y > 0.5)
    bones = 0.07 * np.exp(-(((y - 0.745 - 0.10 * np.abs(x)) / 0.018) ** 2)) * (np.abs(x) > 0.045)
    light = np.clip(round_shade + cord + bones, 0, 1.15)[..., None] * np.clip(shadow, 0, 1)[..., None] ** np.array(
        (0.85, 1.1, 1.2)
    )
    skin = np.zeros((*neck.shape, 3), np.float32)
    skin[box] = np.array(person.skin) * (0.93, 0.90, 0.88) * light
    canvas.paint(neck, skin, _NECK)


def _cloth(canvas: Canvas, person: Person, rng: np.random.Generator) -> np.ndarray:
    """Colour of the cloth with weave, folds and light, `(N, N, 3)`."""
    x, y = grid(canvas.size)
    side = np.sign(person.light_x)
    light = 0.93 + 0.16 * side * x - 0.34 * np.clip(np.abs(x) - 0.5, 0, 1) ** 1.5 - 0.20 * np.clip(y - 0.78, 0, 1)
    light -= 0.26 * np.exp(-(((np.hypot(x, (y - 0.60) * 1.3)) / 0.26) ** 2))
    for _ in range(9):
        reach = rng.choice((-1, 1))
        start = np.array((reach * rng.uniform(0.2, 0.7), rng.uniform(0.74, 0.86)))
        bend = start + np.array((-reach * rng.uniform(-0.05, 0.12), 0.09))
        fold = np.array([start, bend, bend + np.array((-reach * rng.uniform(0.0, 0.12), 0.16))])
        dark = canvas.line(fold, 0.018, rng.uniform(0.014, 0.03))
        light -= rng.uniform(0.10, 0.22) * dark - 0.12 * np.roll(dark, round(-side * 0.02 * canvas.size), axis=1)
    weave = 1 + 0.035 * fine_noise(x.shape, rng, 2.5)
    if person.outfit in ("turtle", "vee"):
        weave += 0.05 * np.sin(x * 190) * np.cos(y * 60)
    return (np.array(person.clothes) * (light * weave)[..., None]).astype(np.float32)


def _band(canvas: Canvas, opening: np.ndarray, colour: np.ndarray, width: float) -> None:
    canvas.paint(canvas.line(opening, width), colour, _CLOTH)
    canvas.tint(canvas.line(opening + np.array((0, width * 0.62)), 0.008, 0.004) * 0.5, colour * 0.45)
    canvas.tint(
        canvas.line(opening - np.array((0, width * 0.15)), width * 0.3, 0.006) * 0.35, np.clip(colour * 1.35, 0, 1)
    )


def _crew(canvas: Canvas, person: Person, cloth: np.ndarray, opening: np.ndarray, half: float) -> None:
    _band(canvas, opening, np.array(person.clothes) * 0.84, 0.040)


def _turtle(canvas: Canvas, person: Person, cloth: np.ndarray, opening: np.ndarray, half: float) -> None:
    low = opening * (1.10, 1) + (0, 0.085)
    roll = np.concatenate([opening, low[::-1]])
    x, _ = grid(canvas.size)
    ribs = 1 + 0.09 * np.sin(x * 150)
    shade = (0.98 - 0.45 * np.clip(np.abs(x) / (half * 1.2), 0, 1) ** 2.5) * ribs
    canvas.paint(canvas.coverage(roll), np.array(person.clothes) * shade[..., None], _CLOTH)
    canvas.tint(canvas.line(low, 0.014, 0.008) * 0.6, np.array(person.clothes) * 0.4)


def _collar(canvas: Canvas, colour: np.ndarray, half: float, tip: tuple[float, float]) -> None:
    """Both wings of a shirt's collar."""
    for side in (-1, 1):
        wing = np.array([(half * 1.08, 0.585), (half * 1.30, 0.675), tip, (0.012, 0.735), (half * 0.85, 0.655)])
        wing = wing * (side, 1)
        canvas.tint(canvas.coverage(wing + np.array((0, 0.014)), 0.012) * 0.5, colour * 0.3)
        canvas.paint(canvas.coverage(wing), colour * (1.06 if side > 0 else 0.98), _CLOTH)
        canvas.tint(canvas.line(wing[1:4], 0.006, 0.002) * 0.5, colour * 0.6)


def _shirt(canvas: Canvas, person: Person, cloth: np.ndarray, opening: np.ndarray, half: float) -> None:
    colour = np.array(person.clothes)
    canvas.tint(canvas.line(np.array([(0.012, 0.73), (0.012, 1.0)]), 0.008, 0.004) * 0.5, colour * 0.5)
    for y in (0.80, 0.91):
        canvas.tint(canvas.line(np.array([(0.0, y), (0.001, y)]), 0.020), np.clip(colour * 0.6 + 0.35, 0, 1))
    _collar(canvas, np.clip(colour * 1.08 + 0.02, 0, 1), half, (half * 0.55, 0.815))


def _vee(canvas: Canvas, person: Person, cloth: np.ndarray, opening: np.ndarray, half: float) -> None:
    _band(canvas, opening, np.array(person.clothes) * 0.86, 0.034)


def _paint_shirt_front(canvas: Canvas, person: Person, half: float) -> None:
    """What shows inside a jacket."""
    s = np.linspace(1, -1, 21)
    dip = 0.72 if person.outfit == "blazer" else 0.665
    neckline = np.stack([s * half * 1.02, 0.635 + (dip - 0.635) * (1 - s**2)], 1)
    front = np.concatenate([neckline, [(-half, 1.0), (half, 1.0)]])
    tint = np.array((0.93, 0.92, 0.90) if np.mean(person.clothes) < 0.55 else (0.22, 0.24, 0.28))
    x, _ = grid(canvas.size)
    canvas.paint(canvas.coverage(front), tint * (0.92 - 0.25 * (np.abs(x) / half) ** 2)[..., None], _CLOTH)
    canvas.tint(canvas.line(neckline, 0.012, 0.003) * 0.5, tint * 0.6)


def _blazer(canvas: Canvas, person: Person, cloth: np.ndarray, opening: np.ndarray, half: float) -> None:
    for side in (-1, 1):
        lapel = np.array([
            (half * 1.10, 0.60), (half * 1.45, 0.70), (half * 1.75, 0.785), (half * 1.35, 0.80), (half * 1.55, 0.83),
            (half * 0.35, 1.02), (0.0, 0.87), (half * 0.92, 0.68),
        ]) * (side, 1)  # fmt: skip
        canvas.tint(
            canvas.coverage(lapel + np.array((side * 0.01, 0.012)), 0.014) * 0.5, np.array(person.clothes) * 0.25
        )
        canvas.paint(canvas.coverage(lapel), np.clip(cloth * (1.16 if side > 0 else 1.06), 0, 1), _CLOTH)
        canvas.tint(canvas.line(lapel[1:6], 0.005, 0.002) * 0.5, np.array(person.clothes) * 0.45)


def _hoodie(canvas: Canvas, person: Person, cloth: np.ndarray, opening: np.ndarray, half: float) -> None:
    colour = np.array(person.clothes)
    for side in (-1, 1):
        hood = np.array([
            (half * 1.00, 0.545), (half * 1.42, 0.60), (half * 1.62, 0.68), (half * 1.2, 0.77), (0.02, 0.83),
            (0.0, 0.74), (half * 0.75, 0.69),
        ]) * (side, 1)  # fmt: skip
        canvas.tint(canvas.coverage(hood + np.array((0, 0.014)), 0.016) * 0.5, colour * 0.3)
        canvas.paint(canvas.coverage(hood, 0.004), np.clip(cloth * 1.12, 0, 1), _CLOTH)
        canvas.tint(canvas.line(hood[3:7], 0.010, 0.005) * 0.5, colour * 0.45)
        cord = np.array([(side * half * 0.35, 0.775), (side * half * 0.40, 0.86), (side * half * 0.34, 0.95)])
        canvas.paint(canvas.line(cord, 0.016), np.clip(colour * 0.5 + 0.45, 0, 1), _CLOTH)


_DETAILS = {"crew": _crew, "turtle": _turtle, "shirt": _shirt, "vee": _vee, "blazer": _blazer, "hoodie": _hoodie}
