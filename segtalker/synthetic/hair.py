"""Hair: a mass of strands behind the head and one over it."""

import numpy as np

from segtalker.regions import REGION_INDEX
from segtalker.synthetic.anatomy import CROWN, EYE_LINE, HAIRLINE
from segtalker.synthetic.canvas import Canvas, fine_noise, grid
from segtalker.synthetic.person import Person

HAIR = REGION_INDEX["hair"]
# per style: volume over the skull, lowest point behind, waviness, fringe depth, parting in shares of the half width
_STYLES = {
    "bob": (0.085, 0.34, 0.010, 0.05, -0.35),
    "long": (0.075, 0.80, 0.022, 0.02, 0.10),
    "bun": (0.040, 0.00, 0.004, 0.00, 0.00),
    "curly": (0.150, 0.16, 0.045, 0.05, 0.00),
    "fringe": (0.080, 0.02, 0.010, 0.17, 0.25),
    "short": (0.065, -0.02, 0.008, 0.03, 0.45),
    "side": (0.080, -0.02, 0.010, 0.06, 0.60),
    "crew": (0.040, -0.02, 0.004, 0.00, 0.00),
}


def _colours(person: Person, count: int, rng: np.random.Generator) -> np.ndarray:
    """Strand colours, `(count, 3)`: the base, lighter and darker, a few warm."""
    light = rng.normal(1.0, 0.22, (count, 1))
    warm = np.array([1.0, 0.96, 0.9]) ** rng.normal(0, 1.2, (count, 1))
    return np.clip(np.array(person.hair) * light * warm + 0.02, 0, 1)


def _skull(person: Person, volume: float, angle: np.ndarray) -> np.ndarray:
    """Points over the skull; angle 0 is the right temple, pi/2 the crown, pi the left temple."""
    x = (person.half_width + volume * 0.75) * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.78
    y = EYE_LINE - (EYE_LINE - CROWN + volume) * np.sin(angle)
    return np.stack([x, y], -1)


def _strand_shade(x: np.ndarray, y: np.ndarray, person: Person) -> np.ndarray:
    """Light on the mass: a bright band where it turns to the light, dark towards the ends."""
    band = np.exp(-(((y - (CROWN + 0.16) - 0.3 * x**2) / 0.07) ** 2))
    side = 1 + 0.22 * x * np.sign(person.light_x) / 0.5
    return (0.80 + 0.42 * band) * side


def _wave(path: np.ndarray, amount: float, phase: float, turns: float) -> np.ndarray:
    t = np.linspace(0, 1, len(path))
    waved = path.copy()
    waved[:, 0] += amount * t * np.sin(2 * np.pi * turns * t + phase)
    return waved


def paint_back(canvas: Canvas, person: Person) -> None:
    """Hair behind head, neck and shoulders."""
    volume, end, wave, _, _ = _STYLES[person.style]
    rng = np.random.default_rng((person.texture_seed, 1))
    if person.style == "bun":
        _paint_bun(canvas, person, rng)
    angle = np.linspace(0, np.pi, 40)
    top = _skull(person, volume, angle)
    width = person.half_width + volume * (0.95 if end > 0.1 else 0.45)
    side = np.linspace(EYE_LINE, end, 12)[1:]
    flare = (
        1 + 0.10 * (side - EYE_LINE) / max(end - EYE_LINE, 0.1) - (0.25 if end < 0.1 else 0.0) * np.linspace(0, 1, 11)
    )
    left = np.stack([-width * flare, side], 1)
    outline = np.concatenate([top, left, left[::-1] * (-1, 1)])
    x, _ = grid(canvas.size)
    dark = np.array(person.hair) * 0.55
    canvas.paint(canvas.coverage(outline), dark * np.ones((*x.shape, 1)), HAIR)
    count = 900 if end > 0.1 else 260
    colours = _colours(person, count, rng) * 0.78
    for index in range(count):
        share = rng.uniform(-1, 1)
        start = np.array([share * width * 0.96, EYE_LINE - 0.25 + 0.2 * abs(share)])
        reach = end + rng.uniform(-0.05, 0.03) - 0.04 * share**2
        stop = np.array([share * width * flare[-1] * 0.99, reach])
        path = start + (stop - start) * np.linspace(0, 1, 14)[:, None]
        canvas.strand(_wave(path, wave * 1.3, rng.uniform(0, 6.3), 1.5 + share), colours[index], 0.006, HAIR)
    canvas.shade(np.clip(1.05 - 0.45 * np.clip(0.62 - np.abs(x) / width, 0, 1), 0, 1.2))


def _paint_bun(canvas: Canvas, person: Person, rng: np.random.Generator) -> None:
    centre, radius = np.array([0.04, CROWN - 0.09]), 0.15
    turn = np.linspace(0, 2 * np.pi, 40)
    outline = centre + radius * np.stack([np.cos(turn) * 1.1, np.sin(turn)], 1)
    canvas.paint(canvas.coverage(outline), np.array(person.hair) * 0.8, HAIR)
    for colour in _colours(person, 160, rng):
        scale, begin = rng.uniform(0.15, 1.0), rng.uniform(0, 6.3)
        arc = begin + np.linspace(0, 1.6, 10)
        canvas.strand(centre + radius * scale * np.stack([np.cos(arc) * 1.1, np.sin(arc)], 1), colour, 0.005, HAIR)


def _hairline(person: Person, share: np.ndarray, fringe: float, parting: float) -> np.ndarray:
    """Where hair ends on the forehead for shares of the half width from -1 to 1, `(N, 2)`."""
    x = share * person.half_width * 0.99
    drop = np.abs(share) ** 3.2 * 0.30
    sweep = fringe * (1 - 0.55 * np.exp(-(((share - parting) / 0.35) ** 2)))
    return np.stack([x, HAIRLINE + drop + sweep * (1 - np.abs(share) ** 4)], -1)


def paint_front(canvas: Canvas, person: Person) -> None:
    """Hair over skull, temples and forehead, with locks beside the face for the longer styles."""
    volume, end, wave, fringe, parting = _STYLES[person.style]
    rng = np.random.default_rng((person.texture_seed, 2))
    share = np.linspace(1, -1, 50)
    angle = np.linspace(-0.12, np.pi + 0.12, 60)[::-1]
    line = _hairline(person, share, fringe, parting)
    outline = np.concatenate([line, _skull(person, volume, angle)])
    patch = Canvas(canvas.size)
    patch.paint(patch.coverage(outline), np.array(person.hair) * 0.62, HAIR)
    _paint_cap(patch, person, rng, (volume, wave, fringe, parting))
    if end > 0.1:
        _paint_locks(patch, person, rng, (volume, end, wave))
    x, y = grid(canvas.size)
    light = _strand_shade(x, y, person) * (1 + 0.04 * fine_noise(x.shape, rng, canvas.size / 160))
    # a soft shadow of the hair on the forehead
    shadow = np.roll(patch.alpha.astype(np.float32) / 255, round(0.012 * canvas.size), axis=0)
    canvas.shade(1 - 0.25 * shadow * (canvas.labels != HAIR))
    patch.shade(light)
    canvas.paint(patch.alpha.astype(np.float32) / 255, patch.rgb.astype(np.float32) / 255, HAIR)


def _paint_cap(patch: Canvas, person: Person, rng: np.random.Generator, style: tuple) -> None:
    """Strands from the parting over the skull to the hairline."""
    volume, wave, fringe, parting = style
    count = 1100
    for colour in _colours(person, count, rng):
        share = rng.uniform(-1, 1)
        root = _skull(
            person, volume * rng.uniform(0.1, 0.95), np.array([np.pi / 2 - (0.25 * parting + 0.75 * share) * 1.35])
        )
        tip = _hairline(person, np.array([np.clip(share + 0.22 * (share - parting), -1, 1)]), fringe, parting)
        middle = (root + tip) / 2 + np.array([[0.30 * (share - parting) * 0.25, -0.03]])
        t = np.linspace(0, 1, 12)[:, None]
        path = root * (1 - t) ** 2 + 2 * middle * t * (1 - t) + tip * t**2
        path[:, 1] = np.minimum(path[:, 1], tip[0, 1] + rng.uniform(-0.015, 0.012))
        patch.strand(_wave(path, wave, rng.uniform(0, 6.3), 2.0), colour, 0.005, HAIR)


def _paint_locks(patch: Canvas, person: Person, rng: np.random.Generator, style: tuple) -> None:
    """Hair that falls beside the face and covers the ears."""
    volume, end, wave = style
    inner, outer = person.half_width * 0.90, person.half_width + volume * 0.95
    for colour in _colours(person, 700, rng):
        side, share = rng.choice((-1, 1)), rng.uniform(0, 1)
        start = _skull(person, volume * share, np.array([0.75 - 0.45 * share]))[0] * (side, 1)
        reach = min(end, 0.62) + rng.uniform(-0.06, 0.0)
        x = inner + (outer - inner) * share
        knots = np.array(
            [start, (side * (x + 0.01), EYE_LINE + 0.05), (side * (x + 0.01), 0.2), (side * x * 0.97, reach)]
        )
        t = np.linspace(0, 1, 18)
        path = np.stack([np.interp(t, np.linspace(0, 1, 4), knots[:, axis]) for axis in (0, 1)], 1)
        patch.strand(_wave(path, wave, 6.3 * share * 2, 2.0), colour * (0.75 + 0.3 * share), 0.006, HAIR)
