"""Random changes of a face image and its region map, so that a few faces stand for many."""

from dataclasses import dataclass

import cv2
import numpy as np

from segtalker.regions import LIP, MOUTH

_GIVING_WAY = 2.5  # half heights of the mouth, from its middle to where the face stays at rest
_FADE_BESIDE = 0.6  # half widths of the mouth, from its corners to where the cheeks stay at rest


@dataclass(frozen=True)
class Augmentation:
    """How far images are changed; all shares are of the image side.

    Args:
        flip: probability of mirroring.
        rotation_deg: largest turn.
        scale: largest relative change of size.
        shift: largest shift.
        colour: largest relative change of brightness, contrast, saturation and each channel.
        blur: probability of a slight blur or noise.
    """

    flip: float
    rotation_deg: float
    scale: float
    shift: float
    colour: float
    blur: float


def random_affine(rng: np.random.Generator, side: int, how: Augmentation) -> np.ndarray:
    """A random similarity about the centre, perhaps mirrored: `(2, 3)`, float64, source to result."""
    angle = np.deg2rad(rng.uniform(-how.rotation_deg, how.rotation_deg))
    scale = np.exp(rng.uniform(-how.scale, how.scale))
    mirror = -1.0 if rng.random() < how.flip else 1.0
    turn = scale * np.array([[mirror * np.cos(angle), -np.sin(angle)], [mirror * np.sin(angle), np.cos(angle)]])
    centre = np.full(2, (side - 1) / 2)
    offset = centre + rng.uniform(-how.shift, how.shift, 2) * side - turn @ centre
    return np.column_stack((turn, offset))


def compose(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """One affine map that does `first`, `then`: `(2, 3)`."""
    turn = then[:, :2] @ first[:, :2]
    return np.column_stack((turn, then[:, :2] @ first[:, 2] + then[:, 2]))


def mouth_stretch(labels: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """A smooth map after which lips and mouth interior are `factor` times as high, the face around them at rest.

    Args:
        labels: region map, `(H, W)`; the mouth is centred and measured in it.
        factor: > 0.

    Returns:
        Where each pixel of the result comes from, x and y, each `(H, W)`, float32, pixels.
    """
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in labels.shape[::-1]))
    rows, columns = np.nonzero(np.isin(labels, (LIP, MOUTH)))
    if not len(rows):
        return x, y
    middle, half = (rows.min() + rows.max()) / 2, (np.ptp(rows) + 1) / 2
    centre, half_width = (columns.min() + columns.max()) / 2, (np.ptp(columns) + 1) / 2
    # as far as the chin and the nose the rows between give way; the map must rise, or the picture would fold
    reach = _GIVING_WAY * half * max(factor, 1.0)
    distance = np.abs(y - middle)
    inside, outside = half * factor, half
    source = np.where(
        distance < inside,
        distance / factor,
        outside + (distance - inside) * (reach - outside) / (reach - inside),
    )
    shift = np.where(distance < reach, np.sign(y - middle) * (source - distance), 0.0)
    beside = np.clip((np.abs(x - centre) / half_width - 1.0) / _FADE_BESIDE, 0.0, 1.0)
    return x, (y + shift * (0.5 + 0.5 * np.cos(np.pi * beside))).astype(np.float32)


def warp(
    image: np.ndarray,
    labels: np.ndarray,
    affine: np.ndarray,
    bend: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Warps an image `(H, W, 3)` and its region map `(H, W)`; the border is mirrored in both.

    Args:
        image: RGB.
        labels: region map.
        affine: source to result, `(2, 3)`.
        bend: what is done before it: where each pixel comes from, see `mouth_stretch`.
    """
    size = (image.shape[1], image.shape[0])
    border = cv2.BORDER_REFLECT_101
    if bend is not None:
        # both maps in one, so that the image is interpolated once
        x, y = (cv2.warpAffine(axis, affine, size, flags=cv2.INTER_LINEAR, borderMode=border) for axis in bend)
        return (
            cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=border),
            cv2.remap(labels, x, y, cv2.INTER_NEAREST, borderMode=border),
        )
    return (
        cv2.warpAffine(image, affine, size, flags=cv2.INTER_LINEAR, borderMode=border),
        cv2.warpAffine(labels, affine, size, flags=cv2.INTER_NEAREST, borderMode=border),
    )


def halve(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the size: an image `(H, W, 3)` by the mean of blocks, its region map `(H, W)` by one of each block."""
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return (
        cv2.resize(image, size, interpolation=cv2.INTER_AREA),
        cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT),
    )


def random_colours(rng: np.random.Generator, amount: float) -> tuple[np.ndarray, np.ndarray]:
    """A random colour change `image @ matrix + offset` for values in [-1, 1]: `(3, 3)` and `(3,)`, float32."""
    contrast = np.exp(rng.uniform(-amount, amount))
    channels = np.exp(rng.uniform(-amount, amount, 3) * 0.5)
    saturation = np.exp(rng.uniform(-amount, amount) * 1.5)
    grey = np.full((3, 3), 1.0 / 3.0)
    matrix = (saturation * np.eye(3) + (1.0 - saturation) * grey) * channels * contrast
    return matrix.astype(np.float32), rng.uniform(-amount, amount, 3).mean().astype(np.float32) * np.ones(3, np.float32)


def to_unit(image: np.ndarray) -> np.ndarray:
    """RGB uint8 to float32 in [-1, 1], same shape."""
    return image.astype(np.float32) / 127.5 - 1.0


def recolour(image: np.ndarray, change: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Applies `random_colours` to `(H, W, 3)` float32 in [-1, 1]; the result is clipped to that range."""
    return np.clip(image @ change[0] + change[1], -1.0, 1.0)


def degrade(rng: np.random.Generator, image: np.ndarray, probability: float) -> np.ndarray:
    """Perhaps blurs, perhaps adds noise to `(H, W, 3)` float32."""
    if rng.random() < probability:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.2))
    if rng.random() < probability:
        image = image + rng.normal(0.0, rng.uniform(0.0, 0.06), image.shape).astype(np.float32)
    return image


def to_tensor_layout(image: np.ndarray) -> np.ndarray:
    """`(H, W, 3)` to contiguous `(3, H, W)`."""
    return np.ascontiguousarray(image.transpose(2, 0, 1))
