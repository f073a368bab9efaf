"""Hair, strand by strand: a mass behind the head and one over it.

A place on the head is (s, k): s runs from -1 at the left temple over the middle to 1 at the right one, k from 0 at
the hairline to 1 at the outer edge of the hair. Strands are drawn as lines in these coordinates.
"""

from typing import NamedTuple

import numpy as np

from segtalker.regions import REGION_INDEX
from segtalker.synthetic.anatomy import CROWN, EYE_LINE, HAIRLINE
from segtalker.synthetic.canvas import Canvas, axis, blur, fine_noise, grid
from segtalker.synthetic.person import Person

HAIR = REGION_INDEX["hair"]
_STEPS = 14


class Style(NamedTuple):
    """How hair is worn.

    Args:
        flow: part (combed to both sides), back, down (over the forehead), curl or crop.
        top: height over the skull.
        side: width beyond the face.
        end: how far down it reaches; None for short hair.
        bare: share of the strands, from the face outwards, that is tucked behind the ears.
        wave: sideways swing of a strand.
        fringe: how far it hangs over the forehead.
    """

    flow: str
    top: float
    side: float
    end: float | None
    bare: float
    wave: float
    fringe: float


_STYLES = {
    "bob": Style("part", 0.075, 0.085, 0.36, 0.15, 0.006, 0.01),
    "long": Style("part", 0.065, 0.060, 0.92, 0.35, 0.010, 0.00),
    "wavy": Style("part", 0.090, 0.090, 0.68, 0.10, 0.026, 0.01),
    "bun": Style("back", 0.050, 0.014, None, 1.0, 0.003, 0.00),
    "curly": Style("curl", 0.135, 0.130, 0.26, 0.0, 0.0, 0.02),
    "fringe": Style("down", 0.075, 0.070, 0.60, 0.35, 0.008, 0.155),
    "side": Style("part", 0.085, 0.020, None, 1.0, 0.006, 0.00),
    "crew": Style("crop", 0.040, 0.012, None, 1.0, 0.0, -0.01),
    "quiff": Style("back", 0.100, 0.016, None, 1.0, 0.008, 0.00),
    "curls": Style("curl", 0.105, 0.040, None, 1.0, 0.0, 0.02),
    "tousled": Style("down", 0.095, 0.030, None, 1.0, 0.012, 0.095),
}


class _Head:
    """Turns (s, k) into face units."""

    def __init__(self, person: Person) -> None:
        self.person, self.style = person, _STYLES[person.style]
        self.recess = 0.0 if person.gender == "female" else 0.035

    def hairline(self, s: np.ndarray) -> np.ndarray:
        turn = s * np.pi / 2
        y = HAIRLINE + 0.36 * (1 - np.cos(turn)) ** 1.5 - self.recess * np.exp(-(((np.abs(s) - 0.52) / 0.2) ** 2))
        y = y + self.style.fringe * np.clip(np.cos(turn), 0, 1) ** 0.7 * (1 + 0.25 * s * np.sign(self.person.parting))
        return np.stack([self.person.half_width * 0.985 * np.sin(turn), y], -1)

    def edge(self, s: np.ndarray) -> np.ndarray:
        turn = s * np.pi / 2
        x = (self.person.half_width + self.style.side) * np.sign(s) * np.abs(np.sin(turn)) ** 0.82
        lean = 1 - 0.22 * s * np.sign(self.person.parting)
        y = EYE_LINE - (EYE_LINE - CROWN + self.style.top * lean) * np.clip(np.cos(turn), 0, 1) ** 0.86
        return np.stack([x, y], -1)

    def at(self, s: np.ndarray, k: np.ndarray) -> np.ndarray:
        """Points, `(..., 2)`."""
        inner = self.hairline(s)
        return inner + (self.edge(s) - inner) * k[..., None]

    def cap(self, inset: float) -> np.ndarray:
        """The closed outline of the hair over the skull, `(N, 2)`."""
        s = np.linspace(1, -1, 60)
        return np.concatenate([self.at(s, np.full(60, inset)), self.at(s[::-1], np.full(60, 1 - inset))])

    def side_panel(self, side: int, first: float, end: float) -> np.ndarray:
        """The closed outline of what falls beside the face."""
        k = np.linspace(first, 1, 8)
        paths = self.falling(side, k, np.full(8, end))
        return np.concatenate([paths[0], paths[:, -1], paths[-1][::-1]])

    def falling(self, side: int, k: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Strands that leave the temple and hang down, `(n, steps, 2)`."""
        start = self.at(np.full(len(k), float(side)), k)
        t = np.linspace(0, 1, _STEPS)
        y = start[:, 1:] + (ends[:, None] - start[:, 1:]) * t
        inward = 0.05 if self.style.end is not None and self.style.end < 0.5 else 0.015
        swing = 0.030 * np.sin(np.pi * np.clip(t * 1.1, 0, 1)) - inward * t**3
        x = np.abs(start[:, :1]) * 0.985 + swing * (0.4 + 0.6 * k[:, None])
        return np.stack([side * x, y], -1)


def _noise(values: np.ndarray, grain: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise over a line, for locks of strands that go together."""
    table = rng.standard_normal(round(3 * grain) + 4)
    return np.interp((values + 1) * grain, np.arange(len(table)), table)


def _colours(person: Person, locks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Strand colours, `(n, 3)`: by lock, with some lighter and some warmer ones."""
    light = 1 + 0.15 * locks + rng.normal(0, 0.15, len(locks))
    base = np.array(person.hair) + 0.015
    saturation = 1 - base.min() / base.max()
    warm = np.array((1.0, 0.97, 0.92)) ** (min(1.0, 3 * saturation) * rng.normal(0.4, 0.7, (len(locks), 1)))
    glossy = 0.05 * (rng.uniform(size=(len(locks), 1)) < 0.12)
    return np.clip(base * np.clip(light, 0.5, 1.6)[:, None] * warm + glossy, 0, 1)


def _draw(canvas: Canvas, paths: np.ndarray, colours: np.ndarray, width: float) -> None:
    for path, colour in zip(paths, colours, strict=True):
        canvas.strand(path, colour, width, HAIR)


def _waved(paths: np.ndarray, amount: float, phases: np.ndarray, turns: float) -> np.ndarray:
    t = np.linspace(0, 1, paths.shape[1])
    wavy_paths = paths.copy()
    wavy_paths[..., 0] += amount * np.sqrt(t) * np.sin(2 * np.pi * turns * t + phases[:, None])
    return wavy_paths


def paint_back(canvas: Canvas, person: Person) -> None:
    """Hair behind head, neck and shoulders."""
    head, rng = _Head(person), np.random.default_rng((person.texture_seed, 1))
    style = head.style
    if person.style == "bun":
        _paint_bun(canvas, person, rng)
    dark = np.array(person.hair) * 0.42
    canvas.paint(canvas.coverage(head.cap(0.02) * (0.97, 1)), dark, HAIR)
    if style.end is None:
        nape = np.array([(0.90, EYE_LINE - 0.2), (0.93, 0.05), (0.62, 0.30)]) * (person.half_width, 1)
        canvas.paint(canvas.coverage(np.concatenate([nape, nape[::-1] * (-1, 1)])), dark, HAIR)
        return
    outer = head.falling(1, np.array([1.0]), np.array([style.end]))[0] * (1.0, 1)
    canvas.paint(canvas.coverage(np.concatenate([outer, outer[::-1] * (-1, 1)])), dark, HAIR)
    if style.flow == "curl":
        area = np.concatenate([outer, outer[::-1] * (-1, 1)])
        _paint_curls(canvas, person, rng, rng.uniform(area.min(0), area.max(0), (420, 2)), 0.85)
        return
    s = rng.uniform(-1, 1, 620)
    starts = np.stack([s * outer[:, 0].max(), np.full(620, EYE_LINE - 0.1)], 1)
    stops = np.stack([s * outer[-1, 0] * 1.02, style.end + rng.uniform(-0.05, 0.025, 620)], 1)
    paths = starts[:, None] + (stops - starts)[:, None] * np.linspace(0, 1, _STEPS)[:, None]
    colours = _colours(person, _noise(s, 25, rng), rng) * (0.50 + 0.36 * np.abs(s[:, None]) ** 3)
    _draw(canvas, _waved(paths, style.wave * 1.2, 5 * s, 1.6), colours, 0.006)


def _paint_bun(canvas: Canvas, person: Person, rng: np.random.Generator) -> None:
    centre, radius = np.array([0.03 * np.sign(person.parting), CROWN - 0.085]), 0.125
    turn = np.linspace(0, 2 * np.pi, 48)
    ring = centre + radius * np.stack([np.cos(turn) * 1.12, np.sin(turn) * 0.95], 1)
    canvas.paint(canvas.coverage(ring), np.array(person.hair) * 0.5, HAIR)
    scale, begin = rng.uniform(0.1, 1.02, 300), rng.uniform(0, 2 * np.pi, 300)
    arc = begin[:, None] + np.linspace(0, 1.7, 10)
    curl = (
        np.stack([np.cos(arc) * 1.12, np.sin(arc) * 0.95], -1) * (scale[:, None] * np.linspace(1, 0.88, 10))[..., None]
    )
    light = 0.75 + 0.45 * np.clip(-np.sin(begin + 0.8) * scale, -0.5, 1)
    _draw(canvas, centre + radius * curl, _colours(person, _noise(scale, 20, rng), rng) * light[:, None], 0.005)


def paint_front(canvas: Canvas, person: Person) -> None:
    """Hair over skull, temples and forehead, with locks beside the face for the longer styles."""
    head, rng = _Head(person), np.random.default_rng((person.texture_seed, 2))
    patch = Canvas(canvas.size)
    inset = 0.10 if head.style.flow in ("crop", "curl") else 0.05
    patch.paint(patch.coverage(head.cap(inset), 0.006), np.array(person.hair) * 0.50, HAIR)
    if head.style.end is not None:
        for side in (-1, 1):
            panel = head.side_panel(side, head.style.bare + 0.05, head.style.end - 0.05)
            patch.paint(patch.coverage(panel, 0.004), np.array(person.hair) * 0.46, HAIR)
    _FLOWS[head.style.flow](patch, head, rng)
    if head.style.end is None:
        _paint_sideburns(patch, head, rng)
    patch.shade(_light(person, head.style, patch.size, rng))
    fall = 0.030 if head.style.fringe > 0.05 else 0.020
    shadow = blur(np.roll(patch.alpha, round(fall * canvas.size / 2), axis=0), canvas.size / 130) / np.float32(255)
    canvas.shade(1 - 0.34 * shadow * (canvas.labels != 255))
    canvas.lay(patch)


def _light(person: Person, style: Style, size: int, rng: np.random.Generator) -> np.ndarray:
    """Light on the mass: a bright band where it turns to the light, darker below and away from the light."""
    x, y = axis(size)[None], axis(size)[:, None]
    side = np.sign(person.light_x)
    up = np.clip(EYE_LINE - y, 0, None) / (EYE_LINE - CROWN + style.top)
    ring = np.hypot((x - 0.05 * side) / (person.half_width + style.side + 0.03), up)
    streak = fine_noise((1, size), rng, size / 160)
    band = np.exp(-(((ring - 0.80 + 0.012 * streak) / 0.085) ** 2)) * (0.75 + 0.25 * streak)
    band *= np.clip(0.60 + 0.9 * side * x, 0, 1)
    low = np.exp(-(((y - 0.18 - 0.4 * x**2 + 0.01 * streak) / 0.10) ** 2)) * (0.25 + 0.08 * streak)
    gloss = 0.62 if np.mean(person.hair) < 0.25 else 0.42
    edge = 1 - 0.30 * np.clip((ring - 0.93) / 0.1, 0, 1)
    return ((0.86 + gloss * (band + low * (np.abs(x) > 0.3)) + 0.22 * side * x) * edge).astype(np.float32)


def _flow_part(patch: Canvas, head: _Head, rng: np.random.Generator) -> None:
    person, style, count = head.person, head.style, 1300
    k = np.sort(rng.uniform(-0.02, 1.015, count))[::-1]
    side = rng.choice((-1.0, 1.0), count)
    t = np.linspace(0, 1, _STEPS)
    begin = person.parting * (1 - 0.25 * k)[:, None]
    s = begin + (side[:, None] - begin) * t**0.9
    lift = 0.05 * np.sin(np.pi * np.clip(t, 0, 1)) * (k < 0.75)[:, None] * (1 if style.end is None else 0.5)
    paths = head.at(s, np.clip(k[:, None] + lift, None, 1.02))
    locks = _noise(k * side, 22, rng)
    if style.end is not None:
        ends = style.end * (1 - 0.16 * rng.uniform(size=count) ** 2) - 0.03 * (1 - k)
        hang = np.concatenate([head.falling(int(one), k[i : i + 1], ends[i : i + 1]) for i, one in enumerate(side)])
        tucked_strands = k < style.bare
        hang[tucked_strands] = paths[tucked_strands, -1:]
        paths = np.concatenate([paths, hang[:, 1:]], 1)
    waves = _waved(paths, style.wave, 7 * k + 2 * side, 2.2)
    _draw(patch, waves, _colours(person, locks, rng) * (0.72 + 0.33 * np.clip(k * 1.6, 0, 1))[:, None], 0.005)
    line = head.at(np.full(6, person.parting), np.linspace(0.02, 0.55, 6))
    patch.tint(patch.line(line, 0.006, 0.005) * 0.45, np.array(person.skin) * 0.7)


def _flow_back(patch: Canvas, head: _Head, rng: np.random.Generator) -> None:
    person, style, count = head.person, head.style, 1300
    s0 = rng.uniform(-1, 1, count)
    t = np.linspace(0, 1, _STEPS)
    sweep = 0.0 if person.style == "bun" else 0.30 * np.sign(person.parting)
    s = s0[:, None] * (1 - 0.30 * t) + sweep * t * (1 - np.abs(s0[:, None])) ** 0.5
    k = rng.uniform(-0.03, 0.35, count)[:, None] * (1 - t) + t * rng.uniform(0.75, 1.03, count)[:, None]
    paths = head.at(s, k)
    if style.top > 0.08:
        # a quiff rises before it lies back
        paths[..., 1] -= 0.035 * np.sin(np.pi * t) * np.clip(1 - np.abs(s0[:, None]) * 1.3, 0, 1)
    colours = _colours(person, _noise(s0, 26, rng), rng)
    _draw(patch, _waved(paths, style.wave, 9 * s0, 1.0), colours, 0.005)


def _flow_down(patch: Canvas, head: _Head, rng: np.random.Generator) -> None:
    person, style, count = head.person, head.style, 1250
    s1 = rng.uniform(-1.0, 1.0, count)
    root, t = 0.30 * person.parting, np.linspace(0, 1, _STEPS)
    s = root + (s1 - root)[:, None] * (0.42 + 0.58 * t**0.8)
    first, last = rng.uniform(0.35, 1.02, count), rng.uniform(-0.06, 0.30, count) * (rng.uniform(size=count) < 0.9)
    k = first[:, None] + (last - first)[:, None] * t**1.2
    order = np.argsort(-last)
    locks = _noise(s1, 20, rng)
    jag = 0.020 * _noise(s1, 16, rng) * (style.end is None)
    paths = head.at(s, k)
    paths[..., 1] += jag[:, None] * t**3
    if style.end is not None:
        _hang(patch, head, rng)
    colours = _colours(person, locks, rng) * (0.86 + 0.20 * first)[:, None]
    _draw(patch, _waved(paths, style.wave, 8 * s1, 1.2)[order], colours[order], 0.005)


def _hang(patch: Canvas, head: _Head, rng: np.random.Generator) -> None:
    assert head.style.end is not None
    for side in (-1, 1):
        k = np.sort(rng.uniform(head.style.bare, 1.01, 320))[::-1]
        paths = head.falling(side, k, head.style.end + rng.uniform(-0.06, 0.01, 320))
        colours = _colours(head.person, _noise(k, 22, rng), rng) * (0.70 + 0.30 * k)[:, None]
        _draw(patch, _waved(paths, head.style.wave, 7 * k, 1.6), colours, 0.005)


def _flow_curl(patch: Canvas, head: _Head, rng: np.random.Generator) -> None:
    style, count = head.style, 620
    places = head.at(rng.uniform(-1, 1, count), np.sqrt(rng.uniform(0.003, 1.05, count)))
    if style.end is not None:
        k = rng.uniform(0.10, 1.03, 420)
        side = rng.choice((-1, 1), 420)
        hang = np.concatenate([head.falling(1, k[i : i + 1], np.array([style.end])) for i in range(420)])
        beside = hang[np.arange(420), rng.integers(0, _STEPS, 420)] * np.stack([side, np.ones(420)], 1)
        places = np.concatenate([places, beside])
    _paint_curls(patch, head.person, rng, places, 1.0)


def _paint_curls(canvas: Canvas, person: Person, rng: np.random.Generator, places: np.ndarray, light: float) -> None:
    """Small rings of a few strands each, lit from above."""
    size = rng.uniform(0.018, 0.034, len(places))
    begin = rng.uniform(0, 2 * np.pi, len(places))
    turn = np.linspace(0, 4.6, 12)
    colours = _colours(person, rng.standard_normal(len(places)), rng) * light
    for strand in range(4):
        arc = begin[:, None] + turn + 0.5 * strand
        grow = (0.55 + 0.15 * strand) * (1 + 0.12 * turn / 4.6)
        ring = np.stack([np.cos(arc), 0.85 * np.sin(arc)], -1) * size[:, None, None] * grow[None, :, None]
        _draw(canvas, places[:, None] + ring, colours * (0.62 + 0.20 * strand), 0.0055)


def _flow_crop(patch: Canvas, head: _Head, rng: np.random.Generator) -> None:
    count = 3000
    s, k = rng.uniform(-1, 1, count), rng.uniform(-0.02, 0.97, count)
    t = np.linspace(0, 1, 3)
    lean = 0.03 * np.sign(head.person.parting)
    paths = head.at(s[:, None] * (1 + 0.02 * t) + lean * t, k[:, None] + (0.04 + 0.11 * (1 - np.abs(s))[:, None]) * t)
    colours = _colours(head.person, _noise(s, 40, rng), rng)
    _draw(patch, paths, colours, 0.004)
    # the sides are cut closer: skin shines through
    x = np.abs(axis(patch.size))[None]
    fade = np.clip((x - 0.72 * head.person.half_width) / (0.2 * head.person.half_width), 0, 1)
    patch.tint(0.30 * fade * np.ones((patch.size, 1), np.float32), np.array(head.person.skin) * 0.62)


def _paint_sideburns(patch: Canvas, head: _Head, rng: np.random.Generator) -> None:
    """The hair before the ears that tapers off."""
    if head.person.gender == "female":
        return
    side = rng.choice((-1, 1), 260)
    x = head.person.half_width * rng.uniform(0.915, 1.0, 260)
    y = EYE_LINE - 0.10 + rng.uniform(0, 1, 260) ** 1.4 * 0.16
    start = np.stack([side * x, y], 1)
    paths = np.stack([start, start + np.stack([-side * 0.004, np.full(260, 0.03)], 1)], 1)
    _draw(patch, paths, _colours(head.person, rng.standard_normal(260), rng) * 0.85, 0.004)


_FLOWS = {"part": _flow_part, "back": _flow_back, "down": _flow_down, "curl": _flow_curl, "crop": _flow_crop}


def paint_beard(canvas: Canvas, person: Person, area: np.ndarray) -> None:
    """Short hairs where a beard grows; it belongs to the skin."""
    rng = np.random.default_rng((person.texture_seed, 7))
    x, y = grid(canvas.size)
    colour = np.array(person.hair) * (0.95, 0.88, 0.84)
    soft = blur(area, canvas.size / 160)
    canvas.tint(soft * 0.62 * person.beard, colour * 0.9)
    inside = np.argwhere(area > 0.35)
    places = inside[rng.integers(len(inside), size=round(2600 * person.beard))]
    start = np.stack([x[0, places[:, 1]], y[places[:, 0], 0]], 1)
    drift = np.stack(
        [0.012 * np.sign(start[:, 0]) * rng.uniform(0, 1, len(start)), rng.uniform(0.012, 0.026, len(start))], 1
    )
    light = 1 + 0.25 * np.sign(person.light_x) * start[:, :1] / person.half_width
    colours = _colours(person, rng.standard_normal(len(start)), rng) * light
    before = canvas.rgb.copy(), canvas.alpha.copy()
    for path, tint in zip(np.stack([start, start + drift], 1), colours, strict=True):
        canvas.strand(path, tint, 0.003)
    inner = canvas.alpha > before[1]
    canvas.rgb[inner], canvas.alpha = before[0][inner], before[1]
