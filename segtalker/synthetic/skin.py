"""The skin of a face: its relief, the light on it, its colours."""

import cv2
import numpy as np

from segtalker.synthetic.anatomy import CROWN, EYE_LINE, face_outline
from segtalker.synthetic.canvas import axis, blur, bump, bumps, fine_noise, grid
from segtalker.synthetic.person import Person

# light wraps around skin, red furthest: it has travelled through flesh
_WRAP = np.array([0.55, 0.36, 0.28], np.float32)
_STEEP = 0.95


def relief(person: Person, size: int) -> np.ndarray:
    """Height of the face above the image plane, `(size, size)`, float32, face units."""
    base, mouth = EYE_LINE + person.nose_length, person.mouth_y
    height = _skull(person, size)
    height += _nose(person, size)
    height += 0.030 * bumps(size, person.eye_x * 0.95, EYE_LINE - 0.105, 0.115, 0.040)
    height -= 0.052 * bumps(size, person.eye_x, EYE_LINE + 0.004, 0.088, 0.052)
    height += 0.020 * bumps(size, person.eye_x, EYE_LINE, 0.060, 0.036)
    height += 0.032 * bumps(size, 0.225, EYE_LINE + 0.165, 0.105, 0.085)
    height -= 0.006 * bumps(size, 0.245, EYE_LINE + 0.330, 0.075, 0.090)
    height += 0.030 * bump(size, 0, mouth, 0.17, 0.11)
    height -= 0.024 * bump(size, 0, mouth + 0.098, 0.10, 0.022)
    height -= 0.010 * bump(size, 0, (base + mouth) / 2, 0.014, 0.04)
    height -= 0.008 * bumps(size, person.mouth_width + 0.022, mouth + 0.004, 0.022, 0.026)
    return height + 0.026 * bump(size, 0, person.chin - 0.065, 0.095, 0.05)


def _skull(person: Person, size: int) -> np.ndarray:
    """A dome that falls off towards the outline of the face, steeply only near it."""
    x, y = grid(size)
    centre_y = (person.chin + CROWN) / 2
    outline = face_outline(person, 360) - (0, centre_y)
    turn = np.arctan2(outline[:, 1], outline[:, 0])
    order = np.argsort(turn)
    radius = np.linalg.norm(outline, axis=1)[order]
    here = np.interp(np.arctan2(y - centre_y, x), turn[order], radius, period=2 * np.pi)
    share = np.hypot(x, y - centre_y) / (here * 1.06)
    return (0.36 * np.sqrt(np.clip(1 - share**2.8, 0, 1))).astype(np.float32)


def _nose(person: Person, size: int) -> np.ndarray:
    at, base, width = axis(size), EYE_LINE + person.nose_length, person.nose_width
    slope = np.clip((at - EYE_LINE + 0.06) / (base - EYE_LINE + 0.03), 0, 1) * (at < base + 0.006)
    slope = blur(slope[:, None].astype(np.float32), size / 75)
    nose = 0.080 * slope * np.exp(-((at[None] / (0.032 + 0.030 * slope)) ** 2))
    nose += 0.058 * bump(size, 0, base - 0.012, width * 0.52, 0.046)
    return nose + 0.036 * bumps(size, width * 0.76, base + 0.002, width * 0.32, 0.030)


def _light(height: np.ndarray, person: Person) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Light `(N, N, 3)`, broad sheen and sharp gloss `(N, N)` on a relief."""
    smooth = blur(height, height.shape[0] / 220)
    dy, dx = np.gradient(smooth, 2.0 / height.shape[0])
    normal = np.dstack([-dx, -dy, np.full_like(dx, _STEEP)])
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    key = np.array([person.light_x, person.light_y, 0.80])
    key /= np.linalg.norm(key)
    facing = (normal @ key)[..., None]
    diffuse = np.clip((facing + _WRAP) / (1 + _WRAP), 0, 1)
    fill = np.clip(normal @ np.array([-0.75 * np.sign(person.light_x), 0.1, 0.6]), 0, 1)
    sky = 0.5 - 0.5 * normal[..., 1]
    colour = (
        0.70 * diffuse + fill[..., None] * np.array([0.12, 0.125, 0.14]) + sky[..., None] * np.array([0.20, 0.20, 0.21])
    )
    colour += 0.19 * normal[..., 2:]
    halfway = key + np.array([0, 0, 1])
    mirror = np.clip(normal @ (halfway / np.linalg.norm(halfway)), 0, 1)
    # light that went through skin is red: shadows lose blue and green first
    warm = np.clip(colour, 0, 1.4) ** np.array((0.74, 1.04, 1.16))
    return warm.astype(np.float32), mirror**10, mirror**42


def _albedo(person: Person, size: int) -> np.ndarray:
    """Colour of the skin without light, `(N, N, 3)`."""
    base = EYE_LINE + person.nose_length
    red = 0.125 * person.cheek * bumps(size, 0.215, EYE_LINE + 0.185, 0.115, 0.085)
    red += 0.10 * bump(size, 0, base - 0.01, 0.075, 0.05) + 0.04 * bump(size, 0, person.chin - 0.05, 0.1, 0.05)
    warm = 0.05 * bump(size, 0, EYE_LINE - 0.27, 0.30, 0.13)
    dark_rings = 0.09 * bumps(size, person.eye_x - 0.01, EYE_LINE + 0.050, 0.065, 0.022)
    dark_rings += 0.07 * bumps(size, person.eye_x, EYE_LINE - 0.060, 0.085, 0.025)
    colour = np.ones((size, size, 3), np.float32) * np.array(person.skin, np.float32)
    for share, drain in ((red, (-0.10, 0.85, 0.70)), (warm, (0, 0.3, 1.0)), (dark_rings, (0.75, 1.0, 0.75))):
        colour *= 1 - share[..., None] * np.array(drain, np.float32)
    return colour


def beard_area(person: Person, size: int) -> np.ndarray:
    """Where a beard grows: `(size, size)`, float32 in [0, 1]."""
    x, y = grid(size)
    mouth, jaw = person.mouth_y, person.half_width
    # cheeks above a line from the ears to the corners of the mouth stay bare
    line = mouth - 0.085 - 0.16 * np.clip((np.abs(x) - 0.16) / (jaw - 0.16), 0, 1) ** 1.5
    cheeks = np.clip((y - line) / 0.06, 0, 1)
    under_nose = bump(size, 0, mouth - 0.055, 0.155, 0.032)
    lips = bump(size, 0, mouth + 0.005, person.mouth_width * 0.98, 0.052)
    beneath = bump(size, 0, mouth + 0.075, 0.05, 0.03)
    bare = bumps(size, 0.10, mouth + 0.072, 0.035, 0.022) * 0.5
    area = np.maximum(cheeks * (y > mouth - 0.30), under_nose * 1.3)
    return np.clip(area - 1.5 * lips - bare + 0.3 * beneath, 0, 1).astype(np.float32)


def paint_skin(person: Person, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The face's colour `(size, size, 3)`, float in [0, 1], and its relief `(size, size)`, both float32."""
    rng = np.random.default_rng((person.texture_seed, 3))
    half = size // 2
    height = relief(person, half)
    light, sheen, gloss = _light(height, person)
    base = EYE_LINE + person.nose_length
    oily = 0.35 + 0.65 * (bump(half, 0, base - 0.03, 0.05, 0.09) + bump(half, 0, EYE_LINE - 0.25, 0.2, 0.1))
    dark = 1 - float(np.mean(person.skin))
    shine = (0.05 + 0.07 * dark) * sheen + (0.13 + 0.05 * dark) * gloss * np.clip(oily, 0, 1)
    colour = _albedo(person, half) * _occlusion(person, half)[..., None] * light + shine[..., None]
    colour = cv2.resize(colour.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    pores = 1 + 0.020 * fine_noise((size, size), rng, 2.2) + 0.016 * fine_noise((size, size), rng, size / 36)
    colour *= pores[..., None]
    if person.stubble:
        shadow = 0.26 * person.stubble * beard_area(person, size) * (1 + 0.4 * fine_noise((size, size), rng, 1.8))
        colour *= 1 - shadow[..., None] * np.array((1.0, 0.92, 0.82), np.float32)
    _freckle(colour, person, rng)
    return np.clip(colour, 0, 1), cv2.resize(height, (size, size), interpolation=cv2.INTER_LINEAR)


def _occlusion(person: Person, size: int) -> np.ndarray:
    """What little light reaches the hollows of a face, `(N, N)` in [0, 1]."""
    base, width = EYE_LINE + person.nose_length, person.nose_width
    dark = 0.14 * bumps(size, person.eye_x - 0.045, EYE_LINE - 0.030, 0.060, 0.030)
    dark += 0.10 * bumps(size, 0.052, EYE_LINE - 0.005, 0.022, 0.045)
    dark += 0.15 * bump(size, 0, base + 0.044, width * 0.95, 0.020)
    dark += 0.20 * bumps(size, width * 1.12, base + 0.004, 0.012, 0.026)
    dark += 0.07 * bumps(size, width * 1.55, base + 0.048, 0.030, 0.042)
    dark += 0.14 * bump(size, 0, person.mouth_y + 0.092, 0.085, 0.018)
    holes = bumps(size, width * 0.46, base + 0.022, width * 0.27, 0.0115)
    return np.clip(1 - dark, 0, 1) * (1 - 0.60 * np.clip(holes * 1.2, 0, 1))


def _freckle(colour: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    size = colour.shape[0]
    count = round(300 * person.freckles)
    spots = np.zeros((size, size), np.float32)
    places = rng.normal((0, EYE_LINE + 0.15), (0.17, 0.075), (count, 2))
    marks = rng.uniform((-0.28, -0.38), (0.28, 0.46), (3, 2))
    for index, (x, y) in enumerate(np.concatenate([places, marks])):
        centre = (round((x + 1) * size * 8), round((y + 1) * size * 8))
        radius = max(10, round(rng.uniform(0.0025, 0.0065) * size * 8))
        strength = float(rng.uniform(0.3, 1)) if index < count else 1.4
        cv2.circle(spots, centre, radius, strength, -1, cv2.LINE_AA, 4)
    colour *= 1 - 0.30 * blur(spots, size / 1100)[..., None] * np.array((0.5, 0.9, 1.0), np.float32)
