"""The still layers of a person: hair behind, body, head; painted once, moved every frame."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from segtalker.regions import REGION_INDEX
from segtalker.synthetic.anatomy import EYE_LINE, brow_curve, face_outline, nose_outline
from segtalker.synthetic.body import paint_body
from segtalker.synthetic.canvas import Canvas, axis, blur
from segtalker.synthetic.hair import paint_back, paint_beard, paint_front
from segtalker.synthetic.person import Person
from segtalker.synthetic.skin import beard_area, paint_skin

_OVERSAMPLE = 2
_EARS, _BROWS, _EARRINGS = REGION_INDEX["ears"], REGION_INDEX["eyebrows"], REGION_INDEX["earrings"]


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
        head: face, ears, hair over it, earrings; eyes and mouth are drawn on it every frame.
        depth: how far each texel of the head lies in front of its turning axis, `(N, N)`, float32, face units.
    """

    hair: Layer
    body: Layer
    head: Layer
    depth: np.ndarray


def _layer(canvas: Canvas, size: int) -> Layer:
    return Layer(*canvas.premultiplied(size))


def _paint_ears(canvas: Canvas, person: Person) -> None:
    skin = np.array(person.skin) * (0.92, 0.84, 0.82)
    shell = np.array([
        (-0.045, -0.080), (-0.010, -0.128), (0.030, -0.128), (0.058, -0.090), (0.060, -0.035), (0.044, 0.020),
        (0.030, 0.065), (0.022, 0.105), (-0.002, 0.122), (-0.030, 0.100), (-0.045, 0.04),
    ])  # fmt: skip
    for side in (-1, 1):
        brightness = 1.0 if side == np.sign(person.light_x) else 0.86
        centre = np.array([side * (person.half_width + 0.006), EYE_LINE + 0.075])
        outline = centre + _rounded(shell) * (side, 1)
        ear = canvas.coverage(outline)
        canvas.paint(ear, skin * brightness, _EARS)
        rim, hollow = centre + _rounded(shell * 0.78) * (side, 1), centre + _rounded(shell * 0.48) * (side, 1)
        canvas.tint(canvas.coverage(rim + np.array((side * 0.004, 0)), 0.010) * 0.30 * ear, skin * (0.55, 0.42, 0.40))
        canvas.tint(canvas.coverage(hollow + np.array((0, 0.012)), 0.008) * 0.55 * ear, skin * (0.45, 0.30, 0.28))
        canvas.tint(canvas.line(outline[4:20] * (0.985, 1), 0.012, 0.005) * 0.35 * ear, np.clip(skin * 1.22, 0, 1))


def _rounded(knots: np.ndarray) -> np.ndarray:
    """A smooth closed curve near some knots, by cutting corners twice."""
    for _ in range(2):
        following = np.roll(knots, -1, axis=0)
        knots = np.stack([0.75 * knots + 0.25 * following, 0.25 * knots + 0.75 * following], 1).reshape(-1, 2)
    return knots


def _paint_earrings(canvas: Canvas, person: Person) -> None:
    turn, colour = np.linspace(0, 2 * np.pi, 32), np.array(person.earring_colour)
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    for side in (-1, 1):
        lobe = np.array([side * (person.half_width + 0.012), EYE_LINE + 0.180])
        if person.earrings == "hoop":
            ring = lobe + (0, 0.062) + circle * (0.044, 0.064)
            canvas.strand(ring, colour * 0.62, 0.026, _EARRINGS)
            canvas.strand(ring[14:34], np.clip(colour * 1.12, 0, 1), 0.012, _EARRINGS)
            continue
        drop = lobe + (0, 0.058) + circle * (0.034, 0.060) * np.stack([1 + 0.35 * circle[:, 1], 1 + 0 * turn], 1)
        canvas.paint(canvas.coverage(drop), colour * 0.80, _EARRINGS)
        canvas.tint(canvas.coverage(lobe + (0.008, 0.085) + circle * (0.018, 0.022), 0.008) * 0.6, colour * 0.45)
        canvas.tint(canvas.coverage(lobe + (-0.010, 0.048) + circle * (0.011, 0.018), 0.003), (1.0, 1.0, 0.97))


def _label_nose(canvas: Canvas, person: Person) -> None:
    canvas.labels[canvas.coverage(nose_outline(person)) > 0.5] = REGION_INDEX["nose"]


def _paint_brows(canvas: Canvas, person: Person) -> None:
    rng = np.random.default_rng((person.texture_seed, 4))
    fair = np.mean(person.hair) > 0.3
    colour = np.array(person.hair) * (0.66 if fair else 0.95)
    along = np.linspace(0, 1, 40)
    for side in (-1, 1):
        line = brow_curve(person, side, 40)
        width = 0.036 * person.brow_weight * np.clip(0.55 + 3 * along, 0, 1) * (1 - 0.68 * along**1.8)
        up = np.stack([0 * width, width / 2], 1)
        shape = canvas.coverage(np.concatenate([line - up, (line + up)[::-1]]), 0.004)
        canvas.paint(shape * 0.72, colour * 1.1 + 0.01)
        canvas.labels[shape > 0.45] = _BROWS
        at = rng.integers(0, 39, 260)
        start = line[at] + np.stack([0 * at, rng.uniform(-0.5, 0.5, 260) * width[at]], 1)
        rise = np.clip(0.9 - 1.5 * at / 39, -0.35, 1) * rng.uniform(0.5, 1.0, 260)
        sweep = np.stack([side * rng.uniform(0.012, 0.026, 260), -0.022 * rise], 1)
        for path, light in zip(np.stack([start, start + sweep], 1), rng.uniform(0.7, 1.35, 260), strict=True):
            canvas.strand(path, colour * light, 0.003, _BROWS)


def _paint_head(canvas: Canvas, person: Person) -> np.ndarray:
    """Paints the head and returns its depth."""
    skin, height = paint_skin(person, canvas.size)
    canvas.labels[:] = 255
    _paint_ears(canvas, person)
    face = canvas.coverage(face_outline(person))
    canvas.paint(face, skin, REGION_INDEX["skin"])
    rim = face * (1 - blur(face, canvas.size / 90))
    canvas.tint(rim * 0.55, np.array(person.skin) * (0.45, 0.30, 0.27))
    _label_nose(canvas, person)
    if person.beard:
        paint_beard(canvas, person, beard_area(person, canvas.size) * face)
    _paint_brows(canvas, person)
    paint_front(canvas, person)
    if person.earrings != "none":
        _paint_earrings(canvas, person)
    return blur(height, canvas.size / 60) * _within(canvas.size)


def _within(size: int) -> np.ndarray:
    """1 inside the texture, falling to 0 at its border, so that nothing is pulled in from outside."""
    fall = np.clip((1 - np.abs(axis(size))) / 0.1, 0, 1)
    return np.minimum(fall[:, None], fall[None])


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
    paint_body(body, person)
    depth = _paint_head(head, person)
    return Layers(
        hair=_layer(hair, size),
        body=_layer(body, size),
        head=_layer(head, size),
        depth=cv2.resize(depth, (size, size), interpolation=cv2.INTER_AREA),
    )
