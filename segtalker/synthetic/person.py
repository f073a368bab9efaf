"""Who is seen: the traits of a person who does not exist.

Lengths are in units of half the frame's height, x to the right, y down, from the centre of the frame.
"""

import colorsys
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]

_SKINS = (
    (0.98, 0.85, 0.76), (0.95, 0.79, 0.68), (0.90, 0.72, 0.58), (0.82, 0.62, 0.47), (0.70, 0.49, 0.35),
    (0.55, 0.37, 0.26), (0.42, 0.28, 0.20),
)  # fmt: skip
_HAIRS = (
    (0.09, 0.07, 0.06), (0.20, 0.13, 0.09), (0.36, 0.22, 0.13), (0.52, 0.34, 0.18), (0.74, 0.55, 0.30),
    (0.85, 0.72, 0.48), (0.60, 0.25, 0.12), (0.62, 0.60, 0.58),
)  # fmt: skip
_IRISES = ((0.30, 0.20, 0.12), (0.38, 0.28, 0.14), (0.25, 0.40, 0.55), (0.30, 0.45, 0.32), (0.42, 0.48, 0.52))
FEMALE_STYLES = ("bob", "long", "bun", "curly", "fringe")
MALE_STYLES = ("short", "side", "curly", "crew", "fringe")
FEMALE_EARRINGS = ("drop", "hoop", "none")
MALE_EARRINGS = ("none", "none", "drop")


@dataclass(frozen=True)
class Person:
    """Everything that stays with a person from clip to clip."""

    gender: str
    skin: Colour
    lips: Colour
    hair: Colour
    iris: Colour
    clothes: Colour
    style: str
    half_width: float
    chin: float
    jaw_power: float
    eye_x: float
    eye_size: float
    eye_tilt: float
    brow_height: float
    brow_weight: float
    nose_length: float
    nose_width: float
    mouth_y: float
    mouth_width: float
    lip_full: float
    cheek: float
    freckles: float
    stubble: float
    glasses: str
    frame_colour: Colour
    earrings: str
    earring_colour: Colour
    collar: str
    light_x: float
    light_y: float
    texture_seed: int


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))  # type: ignore[return-value]


def _jitter(colour: Colour, rng: np.random.Generator, amount: float) -> Colour:
    values = np.clip(np.array(colour) * (1 + rng.uniform(-amount, amount, 3)), 0, 1)
    return tuple(float(value) for value in values)  # type: ignore[return-value]


def _pick(rng: np.random.Generator, items: tuple) -> object:
    return items[rng.integers(len(items))]


def _deal(seed: int, number: int, items: tuple, trait: int) -> object:
    """Items dealt like cards: among any few people in a row every item comes about as often as the others."""
    deck, place = divmod(number, len(items))
    return items[np.random.default_rng((seed, trait, deck)).permutation(len(items))[place]]


def draw_person(seed: int, subject: int) -> Person:
    """The person with this number; the same seed gives the same person.

    Args:
        seed: of the dataset.
        subject: its number.
    """
    rng = np.random.default_rng((seed, subject, 0))
    female = subject % 2 == 0
    skin = _jitter(_deal(seed, subject, _SKINS, 1), rng, 0.04)  # type: ignore[arg-type]
    dark = 1 - float(np.mean(skin))
    hair = _pick(rng, _HAIRS[:4] if dark > 0.45 else _HAIRS)
    lips = _mix(skin, (0.72, 0.25, 0.28) if female else (0.62, 0.33, 0.30), 0.68 if female else 0.5)
    hue = (0.61803 * subject + 0.1 * float(rng.uniform())) % 1.0
    return Person(
        gender="female" if female else "male",
        skin=skin,
        lips=_mix(lips, (0.35, 0.12, 0.13), 0.45 * dark),
        hair=_jitter(hair, rng, 0.08),  # type: ignore[arg-type]
        iris=_jitter(_IRISES[rng.integers(2)] if dark > 0.4 else _pick(rng, _IRISES), rng, 0.1),  # type: ignore[arg-type]
        clothes=colorsys.hsv_to_rgb(hue, float(rng.uniform(0.25, 0.7)), float(rng.uniform(0.3, 0.8))),
        style=str(_deal(seed, subject // 2, FEMALE_STYLES if female else MALE_STYLES, 2 + female)),
        half_width=float(rng.uniform(0.345, 0.375) if female else rng.uniform(0.36, 0.395)),
        chin=float(rng.uniform(0.50, 0.54) if female else rng.uniform(0.52, 0.57)),
        jaw_power=float(rng.uniform(0.72, 0.86) if female else rng.uniform(0.62, 0.76)),
        eye_x=float(rng.uniform(0.150, 0.168)),
        eye_size=float(rng.uniform(0.078, 0.090)),
        eye_tilt=float(rng.uniform(-0.01, 0.014)),
        brow_height=float(rng.uniform(0.095, 0.125)),
        brow_weight=float(rng.uniform(0.7, 1.0) if female else rng.uniform(1.0, 1.45)),
        nose_length=float(rng.uniform(0.235, 0.275)),
        nose_width=float(rng.uniform(0.068, 0.098)),
        mouth_y=float(rng.uniform(0.315, 0.335)),
        mouth_width=float(rng.uniform(0.160, 0.185)),
        lip_full=float(rng.uniform(0.95, 1.35) if female else rng.uniform(0.75, 1.05)),
        cheek=float(rng.uniform(0.2, 1.0)),
        freckles=float(max(0.0, rng.uniform(-0.8, 1.0)) * (1 - dark)),
        stubble=0.0 if female else float(max(0.0, rng.uniform(-0.5, 1.0))),
        glasses=str(_deal(seed, subject, ("none", "round", "none", "square", "none"), 4)),
        frame_colour=_jitter((0.12, 0.10, 0.10) if rng.uniform() < 0.6 else (0.45, 0.18, 0.12), rng, 0.2),
        earrings=str(
            _deal(seed, subject // 2, ("drop", "hoop", "none") if female else ("none", "none", "drop"), 5 + female)
        ),
        earring_colour=_jitter((0.93, 0.76, 0.32) if rng.uniform() < 0.6 else (0.80, 0.84, 0.90), rng, 0.05),
        collar=str(rng.choice(("crew", "shirt", "vee"))),
        light_x=float(rng.choice((-1, 1)) * rng.uniform(0.25, 0.6)),
        light_y=float(rng.uniform(-0.65, -0.35)),
        texture_seed=int(rng.integers(2**31)),
    )
