"""Who is seen: the traits of a person who does not exist.

Lengths are in units of half the frame's height, x to the right, y down, from the centre of the frame.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Colour = tuple[float, float, float]
T = TypeVar("T")

_SKINS: tuple[Colour, ...] = (
    (0.98, 0.86, 0.79), (0.93, 0.76, 0.64), (0.95, 0.80, 0.70), (0.86, 0.67, 0.51), (0.76, 0.55, 0.41),
    (0.62, 0.42, 0.30), (0.46, 0.30, 0.22),
)  # fmt: skip
_BLACK, _GREY = (0.085, 0.070, 0.068), (0.58, 0.56, 0.55)
_DARK_HAIRS: tuple[Colour, ...] = (_BLACK, (0.15, 0.10, 0.08), (0.22, 0.14, 0.10), (0.30, 0.17, 0.11))
_FAIR_HAIRS: tuple[Colour, ...] = (
    (0.27, 0.17, 0.11), (0.40, 0.27, 0.17), (0.68, 0.51, 0.31), (0.47, 0.22, 0.12), (0.79, 0.67, 0.47), _GREY,
    (0.15, 0.10, 0.08),
)  # fmt: skip
_DARK_IRISES: tuple[Colour, ...] = ((0.26, 0.16, 0.09), (0.36, 0.24, 0.12))
_FAIR_IRISES: tuple[Colour, ...] = ((0.28, 0.43, 0.58), (0.36, 0.46, 0.32), (0.42, 0.30, 0.16), (0.45, 0.52, 0.56))
_CLOTHES: tuple[Colour, ...] = (
    (0.16, 0.24, 0.36), (0.62, 0.25, 0.22), (0.85, 0.82, 0.76), (0.22, 0.38, 0.34), (0.36, 0.38, 0.42),
    (0.78, 0.60, 0.26), (0.45, 0.56, 0.68), (0.38, 0.22, 0.34), (0.20, 0.20, 0.22), (0.70, 0.46, 0.42),
    (0.48, 0.52, 0.36),
)  # fmt: skip
FEMALE_STYLES = ("bob", "long", "bun", "curly", "fringe", "wavy")
MALE_STYLES = ("side", "crew", "quiff", "curls", "tousled")
FEMALE_CLOTHES = ("crew", "vee", "blazer", "turtle", "shirt")
MALE_CLOTHES = ("shirt", "crew", "blazer", "hoodie", "turtle")


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
    parting: float
    half_width: float
    chin: float
    jaw_width: float
    chin_width: float
    eye_x: float
    eye_size: float
    eye_height: float
    eye_tilt: float
    brow_height: float
    brow_weight: float
    brow_arch: float
    nose_length: float
    nose_width: float
    mouth_y: float
    mouth_width: float
    lip_full: float
    cheek: float
    freckles: float
    stubble: float
    beard: float
    glasses: str
    frame_colour: Colour
    earrings: str
    earring_colour: Colour
    outfit: str
    light_x: float
    light_y: float
    texture_seed: int


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))  # type: ignore[return-value]


def _jitter(colour: Colour, rng: np.random.Generator, amount: float) -> Colour:
    values = np.clip(np.array(colour) * (1 + rng.uniform(-amount, amount, 3)), 0, 1)
    return tuple(float(value) for value in values)  # type: ignore[return-value]


def _pick(rng: np.random.Generator, items: tuple[T, ...]) -> T:
    return items[int(rng.integers(len(items)))]


def _deal(seed: int, number: int, items: tuple[T, ...], trait: int) -> T:
    """Items dealt like cards: among any few people in a row every item comes about as often as the others."""
    deck, place = divmod(number, len(items))
    return items[int(np.random.default_rng((seed, trait, deck)).permutation(len(items))[place])]


def _colours(seed: int, subject: int, female: bool, rng: np.random.Generator) -> dict[str, Colour]:
    skin = _jitter(_deal(seed, subject, _SKINS, 1), rng, 0.03)
    dark = 1 - float(np.mean(skin))
    lips = _mix(skin, (0.78, 0.28, 0.31) if female else (0.68, 0.36, 0.32), 0.70 if female else 0.62)
    return {
        "skin": skin,
        "lips": _mix(lips, (0.36, 0.13, 0.14), 0.45 * dark),
        "hair": _jitter(_pick(rng, _DARK_HAIRS if dark > 0.38 else _FAIR_HAIRS), rng, 0.04),
        "iris": _jitter(_pick(rng, _DARK_IRISES if dark > 0.38 else _FAIR_IRISES), rng, 0.08),
        "clothes": _jitter(_deal(seed, subject, _CLOTHES, 7), rng, 0.08),
        "frame_colour": _jitter((0.13, 0.11, 0.11) if rng.uniform() < 0.6 else (0.42, 0.20, 0.13), rng, 0.2),
        "earring_colour": _jitter((0.96, 0.78, 0.33) if rng.uniform() < 0.6 else (0.84, 0.88, 0.94), rng, 0.04),
    }


def _shape(female: bool, rng: np.random.Generator) -> dict[str, float]:
    ranges = {
        "half_width": (0.350, 0.378) if female else (0.366, 0.398),
        "chin": (0.50, 0.535) if female else (0.525, 0.565),
        "jaw_width": (0.76, 0.83) if female else (0.83, 0.91),
        "chin_width": (0.26, 0.34) if female else (0.34, 0.44),
        "eye_x": (0.156, 0.172),
        "eye_size": (0.084, 0.094) if female else (0.078, 0.088),
        "eye_height": (0.92, 1.12) if female else (0.80, 0.98),
        "eye_tilt": (-0.004, 0.014),
        "brow_height": (0.112, 0.132) if female else (0.098, 0.116),
        "brow_weight": (0.70, 0.95) if female else (1.0, 1.35),
        "brow_arch": (0.7, 1.2) if female else (0.3, 0.7),
        "nose_length": (0.235, 0.268) if female else (0.250, 0.285),
        "nose_width": (0.066, 0.082) if female else (0.076, 0.096),
        "mouth_y": (0.318, 0.334),
        "mouth_width": (0.160, 0.182),
        "lip_full": (1.0, 1.35) if female else (0.78, 1.05),
        "cheek": (0.4, 1.0),
        "parting": (-0.55, 0.55),
        "light_y": (-0.62, -0.38),
    }
    return {name: float(rng.uniform(*limits)) for name, limits in ranges.items()}


def draw_person(seed: int, subject: int) -> Person:
    """The person with this number; the same seed gives the same person.

    Args:
        seed: of the dataset.
        subject: its number.
    """
    rng = np.random.default_rng((seed, subject, 0))
    female, pair = subject % 2 == 0, subject // 2
    colours = _colours(seed, subject, female, rng)
    beard = 0.0 if female else _deal(seed, pair, (0.0, 0.9, 0.0, 0.6), 8)
    fair = float(np.mean(colours["skin"]))
    return Person(
        gender="female" if female else "male",
        style=_deal(seed, pair, FEMALE_STYLES if female else MALE_STYLES, 2 + female),
        outfit=_deal(seed, pair, FEMALE_CLOTHES if female else MALE_CLOTHES, 9 + female),
        glasses=_deal(seed, subject, ("none", "round", "none", "square", "none"), 4),
        earrings=_deal(seed, pair, ("drop", "hoop", "none") if female else ("none", "none", "drop"), 5 + female),
        freckles=float(max(0.0, rng.uniform(-0.9, 1.0)) * np.clip(2 * fair - 0.8, 0, 1)),
        stubble=0.0 if female or beard else float(max(0.0, rng.uniform(-0.4, 1.0))),
        beard=beard,
        light_x=float(rng.choice((-1, 1)) * rng.uniform(0.35, 0.7)),
        texture_seed=int(rng.integers(2**31)),
        **colours,  # type: ignore[arg-type]
        **_shape(female, rng),  # type: ignore[arg-type]
    )
