"""The still layers of a person: background, hair behind, body, head; painted once, moved every frame."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from segtalker.regions import REGION_INDEX
from segtalker.synthetic.anatomy import CROWN, EYE_LINE, brow_curve, face_outline, nose_outline
from segtalker.synthetic.canvas import Canvas, bump, fine_noise, grid
from segtalker.synthetic.hair import paint_back, paint_front
from segtalker.synthetic.person import Person

_OVERSAMPLE = 2


@dataclass(frozen=True)
class Layer:
    """One layer: premultiplied RGBA `(N, N, 4)` and labels `(N, N)`, 255 where it is empty, both uint8."""

    rgba: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Layers:
    """A painted person.

    Args:
        hair: what is behind everything.
        body: neck and clothes.
        head: face, ears, hair over it, glasses, earrings; eyes and mouth are drawn on it every frame.
        depth: how far each texel of the head lies in front of its turning axis, `(N, N)`, float32, face units.
    """

    hair: Layer
    body: Layer
    head: Layer
    depth: np.ndarray


def _layer(canvas: Canvas, size: int) -> Layer:
    return Layer(*canvas.premultiplied(size))


def relief(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of the face above the image plane, face units."""
    middle, half = (person.chin + CROWN) / 2, (person.chin - CROWN) / 2
    round_x, round_y = x / (person.half_width * 1.10), (y - middle) / (half * 1.10)
    height = 0.34 * np.sqrt(np.clip(1 - round_x**2 - round_y**2, 0, 1))
    base = EYE_LINE + person.nose_length
    slope = np.clip((y - EYE_LINE + 0.05) / (base - EYE_LINE), 0, 1) * (y < base + 0.02)
    ridge = cv2.GaussianBlur(slope.astype(np.float32), (0, 0), max(1.0, x.shape[0] / 120))
    height += 0.075 * ridge * np.exp(-((x / (0.035 + 0.03 * ridge)) ** 2))
    height += 0.055 * bump(x, y, 0, base - 0.01, 0.045, 0.05)
    for side in (-1, 1):
        height += 0.030 * bump(x, y, side * person.nose_width * 0.8, base + 0.0, 0.03, 0.032)
        height -= 0.040 * bump(x, y, side * person.eye_x, EYE_LINE + 0.005, 0.085, 0.055)
        height += 0.022 * bump(x, y, side * person.eye_x, EYE_LINE - 0.10, 0.12, 0.045)
        height += 0.025 * bump(x, y, side * 0.22, EYE_LINE + 0.17, 0.11, 0.11)
    height += 0.030 * bump(x, y, 0, person.mouth_y, 0.17, 0.11)
    height -= 0.020 * bump(x, y, 0, person.mouth_y + 0.095, 0.10, 0.022)
    return height + 0.022 * bump(x, y, 0, person.chin - 0.06, 0.09, 0.05)


def _light(height: np.ndarray, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse light (about 0.5-1.15) and highlight (0-1) on a relief."""
    step = 2.0 / height.shape[0]
    smooth = cv2.GaussianBlur(height, (0, 0), height.shape[0] / 200)
    dy, dx = np.gradient(smooth, step)
    normal = np.dstack([-dx, -dy, np.full_like(dx, 0.75)])
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    light = np.array([person.light_x, person.light_y, 0.85])
    light /= np.linalg.norm(light)
    facing = normal @ light
    halfway = light + np.array([0, 0, 1])
    shine = np.clip(normal @ (halfway / np.linalg.norm(halfway)), 0, 1) ** 28
    return 0.52 + 0.62 * np.clip(facing * 0.6 + 0.4, 0, 1) ** 1.2, shine


def _skin(person: Person, height: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Colour of the face, `(N, N, 3)`, float in [0, 1]."""
    rng = np.random.default_rng((person.texture_seed, 3))
    diffuse, shine = _light(height, person)
    blush = sum(bump(x, y, side * 0.21, EYE_LINE + 0.19, 0.10, 0.075) for side in (-1, 1)) * 0.10 * person.cheek
    blush = blush + 0.07 * bump(x, y, 0, EYE_LINE + person.nose_length - 0.01, 0.07, 0.05)
    tired = 0.05 * (
        bump(x, y, -person.eye_x, EYE_LINE + 0.05, 0.07, 0.025) + bump(x, y, person.eye_x, EYE_LINE + 0.05, 0.07, 0.025)
    )
    beard = person.stubble * 0.16 * np.clip(
        bump(x, y, 0, person.mouth_y + 0.10, 0.30, 0.14) + bump(x, y, 0, person.mouth_y - 0.075, 0.16, 0.03)
        - 1.4 * bump(x, y, 0, person.mouth_y, 0.13, 0.045), 0, 1,
    )  # fmt: skip
    pores = 1 + 0.012 * fine_noise(x.shape, rng, 1.6) + 0.018 * fine_noise(x.shape, rng, x.shape[0] / 40)
    beard = beard * (1 + 0.5 * fine_noise(x.shape, rng, 1.3))
    colour = np.array(person.skin)[None, None] * np.ones((*x.shape, 1))
    colour = colour * (1 - blush[..., None] * np.array([0.1, 0.9, 0.75]) - tired[..., None] * np.array([0.8, 1.0, 0.7]))
    colour = colour * (1 - beard[..., None] * np.array([1.0, 0.95, 0.85]))
    # light that went through skin is red: shadows lose blue and green first
    tone = np.clip(diffuse * pores, 0, 1.3)[..., None] ** np.array([0.82, 1.05, 1.15])
    lit = colour * tone + 0.10 * shine[..., None]
    return np.clip(_freckled(lit, person, x, y, rng), 0, 1)


def _freckled(colour: np.ndarray, person: Person, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spots = np.zeros(x.shape, np.float32)
    count = round(260 * person.freckles)
    for fx, fy, size in zip(rng.normal(0, 0.17, count), rng.normal(EYE_LINE + 0.14, 0.07, count),
                            rng.uniform(0.003, 0.007, count), strict=True):  # fmt: skip
        centre = tuple(round((value + 1) * x.shape[0] / 2 * 16) for value in (fx, fy))
        cv2.circle(
            spots, centre, max(8, round(size * x.shape[0] / 2 * 16)), float(rng.uniform(0.3, 1)), -1, cv2.LINE_AA, 4
        )
    soft = np.asarray(cv2.GaussianBlur(spots, (0, 0), 0.8))[..., None]
    return colour * (1 - 0.30 * soft * np.array([0.5, 0.9, 1.0]))


def _paint_ears(canvas: Canvas, person: Person, colour: np.ndarray) -> None:
    turn = np.linspace(0, 2 * np.pi, 40)
    for side in (-1, 1):
        centre = np.array([side * (person.half_width + 0.012), EYE_LINE + 0.085])
        outer = centre + np.stack([0.062 * np.cos(turn), (0.125 - 0.02 * np.sin(turn)) * np.sin(turn)], 1)
        inner = centre + np.array([side * 0.012, -0.01]) + np.stack([0.030 * np.cos(turn), 0.075 * np.sin(turn)], 1)
        canvas.paint(canvas.coverage(outer), colour * 0.92, REGION_INDEX["ears"])
        hollow = cv2.GaussianBlur(canvas.coverage(inner), (0, 0), canvas.size / 160)
        canvas.shade(1 - 0.32 * hollow)


def _paint_earrings(canvas: Canvas, person: Person) -> None:
    turn = np.linspace(0, 2 * np.pi, 32)
    for side in (-1, 1):
        lobe = np.array([side * (person.half_width + 0.020), EYE_LINE + 0.205])
        if person.earrings == "hoop":
            ring = lobe + np.array([0, 0.05]) + np.stack([0.042 * np.cos(turn), 0.058 * np.sin(turn)], 1)
            canvas.strand(
                np.concatenate([ring, ring[:1]]), np.array(person.earring_colour), 0.022, REGION_INDEX["earrings"]
            )
            continue
        drop = (
            lobe
            + np.array([0, 0.055])
            + np.stack([(0.030 + 0.012 * np.sin(turn)) * np.cos(turn), 0.062 * np.sin(turn)], 1)
        )
        canvas.paint(canvas.coverage(drop), person.earring_colour, REGION_INDEX["earrings"])
        glint = lobe + np.array([-0.008, 0.045]) + np.stack([0.010 * np.cos(turn), 0.016 * np.sin(turn)], 1)
        canvas.paint(canvas.coverage(glint), (1.0, 1.0, 0.96), REGION_INDEX["earrings"])


def _paint_nose(canvas: Canvas, person: Person, x: np.ndarray, y: np.ndarray) -> None:
    inside = canvas.coverage(nose_outline(person))
    canvas.labels[(inside > 0.5)] = REGION_INDEX["nose"]
    base = EYE_LINE + person.nose_length
    under = bump(x, y, 0, base + 0.038, person.nose_width * 0.9, 0.018)
    wings = sum(bump(x, y, s * person.nose_width * 1.06, base - 0.004, 0.014, 0.03) for s in (-1, 1))
    holes = sum(bump(x, y, s * person.nose_width * 0.45, base + 0.018, 0.024, 0.011) for s in (-1, 1))
    canvas.shade(1 - 0.20 * under - 0.14 * wings - 0.62 * np.clip(holes, 0, 1))


def _paint_brows(canvas: Canvas, person: Person) -> None:
    rng = np.random.default_rng((person.texture_seed, 4))
    colour = np.array(person.hair) * (0.62 if np.mean(person.hair) > 0.3 else 0.9)
    for side in (-1, 1):
        line = brow_curve(person, side, 30)
        width = 0.034 * person.brow_weight * (1 - 0.55 * np.linspace(0, 1, 30) ** 1.5)
        shape = np.concatenate(
            [line - np.stack([0 * width, width / 2], 1), (line + np.stack([0 * width, width / 2], 1))[::-1]]
        )
        canvas.paint(canvas.coverage(shape) * 0.80, colour * 1.15 + 0.02, REGION_INDEX["eyebrows"])
        for _ in range(190):
            at = rng.integers(0, 29)
            start = line[at] + (0, rng.uniform(-0.5, 0.5) * width[at])
            sweep = np.array([side * rng.uniform(0.012, 0.03), rng.uniform(-0.018, 0.002) * (1 - at / 26)])
            canvas.strand(
                np.array([start, start + sweep]), colour * rng.uniform(0.75, 1.3), 0.003, REGION_INDEX["eyebrows"]
            )


def _paint_body(canvas: Canvas, person: Person) -> None:
    """Neck, shoulders and collar; clothes count as background."""
    rng = np.random.default_rng((person.texture_seed, 5))
    x, y = grid(canvas.size)
    half = person.half_width * (0.56 if person.gender == "female" else 0.68)
    neck = np.array(
        [(-half, 0.25), (-half, 0.62), (-half * 1.5, 0.74), (0, 1.0), (half * 1.5, 0.74), (half, 0.62), (half, 0.25)]
    )
    across = 1 - 0.35 * np.clip(np.abs(x) / half, 0, 1.4) ** 2 + 0.16 * np.sign(person.light_x) * x / half
    under = 1 - 0.42 * np.clip((person.chin + 0.17 - y) / 0.20, 0, 1)
    canvas.paint(
        canvas.coverage(neck),
        np.array(person.skin) * 0.88 * np.clip(across * under, 0, 1.1)[..., None],
        REGION_INDEX["neck"],
    )
    dip = {"crew": 0.70, "vee": 0.86, "shirt": 0.76}[person.collar]
    wide = half * (1.25 if person.collar != "vee" else 1.05)
    slope = np.linspace(0, 1, 20)
    shoulder = np.stack([wide + (1.05 - wide) * slope, 0.66 + 0.16 * slope**1.6], 1)
    opening = np.stack([np.linspace(wide, -wide, 15), 0.66 + (dip - 0.66) * (1 - np.linspace(1, -1, 15) ** 2)], 1)
    if person.collar == "vee":
        opening[:, 1] = 0.66 + (dip - 0.66) * (1 - np.abs(np.linspace(1, -1, 15)))
    outline = np.concatenate([shoulder[::-1], opening, shoulder * (-1, 1), [(-1.1, 1.1), (1.1, 1.1)]])
    weave = 1 + 0.05 * fine_noise(x.shape, rng, 2.5) + 0.04 * np.sin(x * 260) * np.sin(y * 260)
    folds = 1 - 0.20 * np.clip(np.abs(x) - 0.35, 0, 1) + 0.08 * np.sin(9 * x + 4 * y + rng.uniform(0, 6))
    canvas.paint(
        canvas.coverage(outline), np.array(person.clothes) * (weave * folds)[..., None], REGION_INDEX["background"]
    )
    hem = np.array(person.clothes) * (1.35 if person.collar == "shirt" else 0.72)
    canvas.strand(opening, hem, 0.045 if person.collar == "shirt" else 0.022)


def _paint_head(canvas: Canvas, person: Person) -> np.ndarray:
    """Paints the head and returns its depth."""
    x, y = grid(canvas.size)
    height = relief(person, x, y).astype(np.float32)
    skin = _skin(person, height, x, y)
    _paint_ears(canvas, person, skin.mean((0, 1)) * 0 + np.array(person.skin) * 0.86)
    canvas.paint(canvas.coverage(face_outline(person)), skin, REGION_INDEX["skin"])
    _paint_nose(canvas, person, x, y)
    _paint_brows(canvas, person)
    paint_front(canvas, person)
    if person.earrings != "none":
        _paint_earrings(canvas, person)
    return cv2.GaussianBlur(height, (0, 0), canvas.size / 60)


@lru_cache(maxsize=4)
def paint_person(person: Person, size: int) -> Layers:
    """Paints a person's still layers.

    Args:
        person: who.
        size: N, texels of a side.
    """
    fine = size * _OVERSAMPLE
    hair, body, head = Canvas(fine), Canvas(fine), Canvas(fine)
    paint_back(hair, person)
    _paint_body(body, person)
    depth = _paint_head(head, person)
    return Layers(
        hair=_layer(hair, size),
        body=_layer(body, size),
        head=_layer(head, size),
        depth=cv2.resize(depth, (size, size), interpolation=cv2.INTER_AREA),
    )
