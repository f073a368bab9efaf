"""What moves in a face: eyes and mouth, drawn on the head's texture for every frame, and glasses over them."""

from copy import copy
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from segtalker.regions import REGION_INDEX
from segtalker.synthetic.anatomy import EYE_LINE, Mouth, eye_outline
from segtalker.synthetic.person import Person

_SHIFT = 4
_LIP, _MOUTH = REGION_INDEX["lip"], REGION_INDEX["mouth"]
_EYES, _GLASSES = REGION_INDEX["eyes"], REGION_INDEX["glasses"]
_BROWS = REGION_INDEX["eyebrows"]
_OPEN_TEXELS = 1.2
_GLASSES_BOX = ((-0.46, EYE_LINE - 0.16), (0.46, EYE_LINE + 0.16))
_RIM, _NOTHING = 254, 255
_TOOTH_GAPS = (-0.72, -0.47, -0.23, 0.0, 0.23, 0.47, 0.72)  # of half the width of a row of teeth


@dataclass(frozen=True)
class Gaze:
    """Where a person looks and how open the eyes are.

    Args:
        x: -1 left to 1 right.
        y: -1 up to 1 down.
        openness: 0 closed to 1 open.
    """

    x: float
    y: float
    openness: float


class Patch:
    """A rectangle of a texture, worked on in place in float and written back.

    Args:
        rgba: the texture, `(N, N, 4)`, uint8.
        labels: `(N, N)`, uint8.
        low: upper left corner in face units.
        high: lower right corner in face units.
    """

    def __init__(
        self, rgba: np.ndarray, labels: np.ndarray, low: tuple[float, float], high: tuple[float, float]
    ) -> None:
        self.scale = rgba.shape[0] / 2
        left, top = (max(0, int((value + 1) * self.scale)) for value in low)
        right, bottom = (min(rgba.shape[0], int((value + 1) * self.scale) + 1) for value in high)
        self.corner = np.array([left, top])
        self.target = rgba[top:bottom, left:right, :3]
        self.labels = labels[top:bottom, left:right]
        # planes: painting runs along rows, three times as fast as over interleaved colours
        self.rgb: np.ndarray = np.ascontiguousarray(self.target.transpose(2, 0, 1)).astype(np.float32) / 255

    def over(self, colour: np.ndarray) -> "Patch":
        """A patch of the same place filled with one colour, to be painted and laid on this one."""
        other = copy(self)
        other.rgb = np.broadcast_to(_planes(colour), self.rgb.shape).copy()
        return other

    def texels(self, points: np.ndarray) -> np.ndarray:
        """Face units to texels of the patch, with fractional bits."""
        inside = (np.asarray(points) + 1) * self.scale - 0.5 - self.corner
        return np.round(inside * (1 << _SHIFT)).astype(np.int32)

    def coverage(self, outline: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """How much of each texel an outline covers, `(h, w)`, float32; blurred by `soft` face units."""
        mask = np.zeros(self.labels.shape, np.uint8)
        cv2.fillPoly(mask, [self.texels(outline)], 255, cv2.LINE_AA, _SHIFT)
        return self._softened(mask, soft)

    def line(self, path: np.ndarray, width: float, soft: float = 0.0) -> np.ndarray:
        """Coverage of a line, `(N, 2)`, or of several, `(L, N, 2)`."""
        mask, paths = np.zeros(self.labels.shape, np.uint8), self.texels(path)
        thickness = max(1, round(width * self.scale))
        cv2.polylines(mask, list(paths.reshape(-1, *paths.shape[-2:])), False, 255, thickness, cv2.LINE_AA, _SHIFT)
        return self._softened(mask, soft)

    def _softened(self, mask: np.ndarray, soft: float) -> np.ndarray:
        share = mask.astype(np.float32) / 255
        return np.asarray(cv2.GaussianBlur(share, (0, 0), soft * self.scale)) if soft else share

    def disc(self, centre: tuple[float, float], radius: tuple[float, float], soft: float = 0.0) -> np.ndarray:
        """Coverage of an ellipse."""
        turn = np.linspace(0, 2 * np.pi, 28)
        return self.coverage(np.array(centre) + np.stack([radius[0] * np.cos(turn), radius[1] * np.sin(turn)], 1), soft)

    def paint(self, coverage: np.ndarray, colour: np.ndarray | tuple[float, ...]) -> None:
        """Lays a colour where `coverage` says."""
        change = _planes(colour) - self.rgb
        change *= coverage
        self.rgb += change

    def label(self, coverage: np.ndarray, region: int) -> None:
        """Labels what is covered by more than half."""
        self.labels[coverage > 0.5] = region

    def write(self) -> None:
        """Puts the colours back into the texture."""
        np.clip(self.rgb * 255 + 0.5, 0, 255, out=self.rgb)
        self.target[...] = self.rgb.astype(np.uint8).transpose(1, 2, 0)


def _planes(colour: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """One colour or one a texel, as `(3, 1, 1)` or `(3, h, w)`, float32."""
    values = np.asarray(colour, np.float32)
    return values[:, None, None] if values.ndim == 1 else values


def draw_eye(rgba: np.ndarray, labels: np.ndarray, person: Person, side: int, gaze: Gaze) -> None:
    """Draws one eye; `side` is -1 (left in the image) or 1."""
    top, bottom = eye_outline(person, side, gaze.openness, 21)
    middle = side * person.eye_x
    reach = person.eye_size * 1.35
    patch = Patch(rgba, labels, (middle - reach, EYE_LINE - 0.12), (middle + reach, EYE_LINE + 0.08))
    skin = np.array(person.skin, np.float32)
    lid, _ = eye_outline(person, side, 1.25, 21)
    patch.paint(patch.coverage(np.concatenate([lid, bottom[::-1]]), 0.006) * 0.8, skin * 0.80)
    patch.paint(patch.line(lid, 0.007, 0.004) * 0.55, skin * 0.45)
    almond = np.concatenate([top, bottom[::-1]])
    opening = patch.coverage(almond)
    if gaze.openness > 0.08:
        _draw_eyeball(patch, person, middle, gaze, opening, top)
        patch.label(opening, _EYES)
    lash = patch.line(top, 0.013 if person.gender == "female" else 0.009, 0.002)
    patch.paint(lash * 0.9, (0.06, 0.04, 0.04))
    if person.gender == "female":
        flick = np.array([top[-4], top[-1] + np.array((side * 0.016, -0.012))])
        patch.paint(patch.line(flick, 0.006, 0.001) * 0.8, (0.06, 0.04, 0.04))
    patch.paint(patch.line(bottom, 0.005, 0.003) * 0.35, skin * 0.4)
    patch.write()


def _draw_eyeball(
    patch: Patch, person: Person, middle: float, gaze: Gaze, opening: np.ndarray, top: np.ndarray
) -> None:
    centre = (middle + 0.022 * gaze.x, EYE_LINE - 0.010 + 0.012 * gaze.y)
    radius = 0.043
    whole = patch.over(np.array((0.93, 0.916, 0.902)))
    iris = np.array(person.iris, np.float32)
    whole.paint(whole.disc(centre, (radius, radius)), iris * 0.55)
    whole.paint(whole.disc(centre, (radius * 0.86, radius * 0.86), 0.003), iris * 1.15)
    whole.paint(whole.disc((centre[0], centre[1] + 0.014), (radius * 0.6, radius * 0.45), 0.008) * 0.6, iris * 1.7)
    whole.paint(whole.disc(centre, (radius * 0.44, radius * 0.44)), (0.02, 0.02, 0.03))
    whole.paint(whole.line(top + np.array((0, 0.006)), 0.020, 0.008) * 0.45, (0.15, 0.10, 0.10))
    glint = (centre[0] + 0.013 * np.sign(person.light_x), centre[1] - 0.015)
    whole.paint(whole.disc(glint, (0.010, 0.010), 0.001), (1.0, 1.0, 1.0))
    patch.paint(opening, whole.rgb)


def draw_mouth(rgba: np.ndarray, labels: np.ndarray, person: Person, mouth: Mouth, shape: dict[str, float]) -> None:
    """Draws lips, teeth and tongue."""
    reach, y = person.mouth_width * 1.45, person.mouth_y
    patch = Patch(rgba, labels, (-reach, y - 0.16), (reach, y + 0.27))
    skin, lips = np.array(person.skin, np.float32), np.array(person.lips, np.float32)
    below = mouth.outer_bottom[5:-5] + np.array((0, 0.022))
    patch.paint(patch.line(below, 0.022, 0.012) * 0.38, skin * 0.52)
    outer, inner = patch.coverage(mouth.outer), patch.coverage(mouth.inner)
    _paint_lips(patch, person, mouth, lips, outer)
    patch.label(outer, _LIP)
    if mouth.opening * patch.scale > _OPEN_TEXELS:
        _paint_interior(patch, person, mouth, shape, inner)
        patch.label(inner, _MOUTH)
    else:
        patch.paint(patch.line((mouth.inner_top + mouth.inner_bottom) / 2, 0.007, 0.002) * 0.85, lips * 0.32)
    for end in (0, -1):
        corner = mouth.outer_top[end]
        patch.paint(patch.disc((corner[0], corner[1]), (0.012, 0.010), 0.005) * 0.45, skin * 0.40)
    patch.write()


def _paint_lips(patch: Patch, person: Person, mouth: Mouth, lips: np.ndarray, outer: np.ndarray) -> None:
    lip_patch = patch.over(lips)
    upper = np.concatenate([mouth.outer_top, mouth.inner_top[::-1]])
    lip_patch.paint(lip_patch.coverage(upper, 0.003) * 0.9, lips * 0.76)
    low_middle = (mouth.inner_bottom + mouth.outer_bottom) / 2
    lip_patch.paint(lip_patch.line(mouth.outer_bottom, 0.018, 0.008) * 0.5, lips * 0.70)
    lip_patch.paint(lip_patch.line(low_middle[6:-6], 0.014, 0.007) * 0.55, np.clip(lips * 1.30 + 0.10, 0, 1))
    light = round(len(low_middle) / 2 + 2.5 * np.sign(person.light_x))
    spot = low_middle[light]
    lip_patch.paint(lip_patch.disc((spot[0], spot[1]), (0.022, 0.006), 0.003) * 0.55, (1.0, 0.95, 0.93))
    lip_patch.paint(lip_patch.line(mouth.inner_top, 0.010, 0.004) * 0.5, lips * 0.45)
    edge = np.sqrt(outer) if person.gender == "female" else outer * 0.92
    patch.paint(edge, lip_patch.rgb)


def _paint_interior(patch: Patch, person: Person, mouth: Mouth, shape: dict[str, float], inner: np.ndarray) -> None:
    """The dark of the mouth with tongue and both rows of teeth, clipped by the lips."""
    dark = np.array((0.20, 0.05, 0.06), np.float32)
    cave = patch.over(dark)
    half, top, bottom = mouth.half_width, mouth.inner_top[:, 1].min(), mouth.inner_bottom[:, 1].max()
    rise = 0.030 + 0.050 * shape["tongue"]
    tongue = (0.0, bottom + 0.030 - rise)
    cave.paint(cave.disc(tongue, (half * 0.62, 0.045 + 0.01 * shape["tongue"]), 0.008), (0.70, 0.30, 0.32))
    cave.paint(
        cave.line(np.array([(0, tongue[1] - 0.03), (0, tongue[1] + 0.02)]), 0.006, 0.004) * 0.4, (0.45, 0.16, 0.18)
    )
    lower_rise = 0.004 + 0.034 * np.clip(1.6 * shape["teeth"] - 0.55, 0, 1)
    _paint_teeth(cave, half * 0.66, bottom - lower_rise * 0.6, bottom + 0.03, 0.90)
    drop = min(0.030 + 0.026 * shape["teeth"], mouth.opening * (0.5 + 0.5 * shape["teeth"]))
    _paint_teeth(cave, half * 0.80, top - 0.03, top + drop, 1.0)
    depth = cave.line(mouth.inner_top, 0.012, 0.007) * 0.42
    cave.paint(depth, dark * 0.6)
    corners = 1 - np.clip(cave.disc((0.0, (top + bottom) / 2), (half * 0.78, 0.12), 0.02), 0, 1)
    cave.paint(corners * 0.75, dark * 0.7)
    patch.paint(inner, cave.rgb)


def _paint_teeth(cave: Patch, half: float, top: float, bottom: float, light: float) -> None:
    s = np.linspace(-1, 1, 15)
    curve = 0.010 * (1 - s**2)
    row = np.concatenate([np.stack([s * half, top + 0 * s], 1), np.stack([s * half, bottom - 0.012 + curve], 1)[::-1]])
    cave.paint(cave.coverage(row, 0.0015), np.array((0.95, 0.93, 0.88)) * light)
    gaps = np.array([[(share * half, top), (share * half, bottom)] for share in _TOOTH_GAPS])
    cave.paint(cave.line(gaps, 0.003, 0.0012) * 0.38 * cave.coverage(row), (0.55, 0.46, 0.42))


@lru_cache(maxsize=4)
def _glasses(person: Person, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Glasses over nothing: colour scaled by coverage `(3, h, w)`, what shines through `(h, w)`, and labels."""
    blank = np.full((size, size), _NOTHING, np.uint8)
    rim_patch = Patch(np.zeros((size, size, 4), np.uint8), blank, *_GLASSES_BOX)
    through = np.ones(rim_patch.labels.shape, np.float32)
    turn = np.linspace(0, 2 * np.pi, 48)
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    shape = circle if person.glasses == "round" else np.sign(circle) * np.abs(circle) ** 0.55
    reach = np.array((0.122, 0.112) if person.glasses == "round" else (0.128, 0.092))
    rims, light = np.zeros_like(through), np.zeros_like(through)
    for side in (-1, 1):
        ring = np.array((side * person.eye_x, EYE_LINE + 0.012)) + shape * reach
        lens = rim_patch.coverage(ring)
        streak = rim_patch.line(ring.mean(0) + np.array([(-0.05, -0.06), (-0.085, 0.0)]), 0.016, 0.006)
        light += lens * (0.07 + 0.30 * streak)
        through *= 1 - lens * (0.08 + 0.25 * streak)
        rim_patch.label(lens, _GLASSES)
        temple = [(person.eye_x + reach[0], EYE_LINE - 0.01), (person.half_width + 0.005, EYE_LINE - 0.02)]
        for path in (np.concatenate([ring, ring[:1]]), np.array(temple) * (side, 1)):
            rims = np.maximum(rims, rim_patch.line(path, 0.021))
    bridge = np.array(
        [(-person.eye_x + reach[0], EYE_LINE), (0, EYE_LINE - 0.018), (person.eye_x - reach[0], EYE_LINE)]
    )
    rims = np.maximum(rims, rim_patch.line(bridge, 0.018))
    rim_patch.label(rims, _RIM)
    top = np.clip(rims - np.roll(rims, round(0.008 * size / 2), axis=0), 0, 1)
    colour = _planes(person.frame_colour) * (1 - top) + top * 0.62
    glasses_rgb = light * _planes((0.90, 0.96, 1.0)) * (1 - rims) + rims * colour
    return glasses_rgb.astype(np.float32), through * (1 - rims), rim_patch.labels


def draw_glasses(rgba: np.ndarray, labels: np.ndarray, person: Person) -> None:
    """Lays glasses over a face; eyes and brows seen through the lenses stay what they are."""
    glasses_rgb, through, regions = _glasses(person, rgba.shape[0])
    patch = Patch(rgba, labels, *_GLASSES_BOX)
    patch.rgb *= through
    patch.rgb += glasses_rgb
    lens = (regions == _GLASSES) & (patch.labels != _EYES) & (patch.labels != _BROWS)
    patch.labels[lens | (regions == _RIM)] = _GLASSES
    patch.write()
