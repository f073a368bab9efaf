"""Regions of another shape, by words: grown, shrunk, shifted, scaled, rounded.

Each talking mask is reshaped for itself, so an eyebrow that is scaled rises with the brow and lips that are fuller
speak. Lengths are in percent of the face's width, which is taken as 2.2 distances of the eyes: the same in every
picture, at every resolution, however far the mouth is open or the head is turned.

What grows lies over what is behind it (`_ORDER`), never over what is in front; what it leaves goes to the nearest
other region. Towards the border of the crop changes fade, for what lies outside is not reshaped.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.edits import ShapeEdit, region_indices
from segtalker.regions import REGION_INDEX

FACE_WIDTH = 2.2  # distances of the eyes
_ORDER = (
    "background", "neck", "ears", "skin", "earrings", "hair", "nose", "eyebrows", "lip", "mouth", "eyes", "glasses",
)  # fmt: skip
_DEPTH = np.array([_ORDER.index(name) for name in REGION_INDEX], np.uint8)
_BORDER = 0.06  # of the crop's side: within it changes fade
_NOWHERE = 255  # no region


def reshape(
    masks: np.ndarray, landmarks: np.ndarray, shapes: Sequence[ShapeEdit], done: set[ShapeEdit] | None = None
) -> np.ndarray:
    """Reshapes regions in every mask.

    Args:
        masks: regions, `(T, H, W)`, uint8.
        landmarks: of the same frames, `(T, 68, 2)`, pixels.
        shapes: in the order in which they are done.
        done: gets those that changed a mask.

    Returns:
        `(T, H, W)`, uint8.
    """
    if not shapes:
        return masks
    places = face_transforms(landmarks, smooth_frames=1)
    new_masks = []
    for mask, place in zip(masks, places, strict=True):
        percent_px = FACE_WIDTH * float(np.hypot(*place[:, 0])) / 100.0
        for shape in shapes:
            new_mask = _reshaped(mask, shape, percent_px)
            if done is not None and shape not in done and not np.array_equal(new_mask, mask):
                done.add(shape)
            mask = new_mask
        new_masks.append(mask)
    return np.stack(new_masks)


def _reshaped(mask: np.ndarray, shape: ShapeEdit, percent_px: float) -> np.ndarray:
    regions = region_indices(shape.region)
    own = np.isin(mask, regions)
    if not own.any():
        return mask
    return _OPERATIONS[shape.operation](mask, own, shape.amounts, percent_px)


def _grown(mask: np.ndarray, own: np.ndarray, amounts: tuple[float, ...], percent_px: float) -> np.ndarray:
    reach = amounts[0] * percent_px * _border_fade(mask.shape)
    distance, nearest = _nearest(mask, own)
    return _laid(mask, np.where(~own & (distance - 0.5 < reach), nearest, np.uint8(_NOWHERE)))


def _shrunk(mask: np.ndarray, own: np.ndarray, amounts: tuple[float, ...], percent_px: float) -> np.ndarray:
    reach = amounts[0] * percent_px * _border_fade(mask.shape)
    distance, nearest = _nearest(mask, ~own)
    return np.where(own & (distance - 0.5 < reach), nearest, mask)


def _smoothed(mask: np.ndarray, own: np.ndarray, amounts: tuple[float, ...], percent_px: float) -> np.ndarray:
    sigma = max(amounts[0] * percent_px, 1e-3)
    stays = cv2.GaussianBlur(own.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) > 0.5
    _, nearest_own = _nearest(mask, own)
    _, nearest_other = _nearest(mask, ~own)
    smaller = np.where(own & ~stays, nearest_other, mask)
    return _laid(smaller, np.where(stays & ~own, nearest_own, np.uint8(_NOWHERE)))


def _shifted(mask: np.ndarray, own: np.ndarray, amounts: tuple[float, ...], percent_px: float) -> np.ndarray:
    right, down = (amount * percent_px for amount in amounts)
    return _moved(mask, own, np.array([[1.0, 0.0, right], [0.0, 1.0, down]]))


def _scaled(mask: np.ndarray, own: np.ndarray, amounts: tuple[float, ...], _percent_px: float) -> np.ndarray:
    """Each connected part around its own middle, so that both eyebrows stay where they are."""
    factor_x, factor_y = amounts[0], amounts[-1]
    count, parts, _, middles = cv2.connectedComponentsWithStats(own.astype(np.uint8), connectivity=8)
    for part in range(1, count):
        x, y = middles[part]
        about = np.array([[factor_x, 0.0, x - factor_x * x], [0.0, factor_y, y - factor_y * y]])
        mask = _moved(mask, parts == part, about)
    return mask


_Operation = Callable[[np.ndarray, np.ndarray, tuple[float, ...], float], np.ndarray]
_OPERATIONS: dict[str, _Operation] = {
    "grow": _grown,
    "shrink": _shrunk,
    "shift": _shifted,
    "scale": _scaled,
    "smooth": _smoothed,
}


def _moved(mask: np.ndarray, own: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Takes some pixels elsewhere; the hole is closed by its surroundings."""
    _, around = _nearest(mask, ~own)
    labels = np.where(own, mask, np.uint8(_NOWHERE))
    moved = cv2.warpAffine(labels, affine, labels.shape[::-1], flags=cv2.INTER_NEAREST, borderValue=(_NOWHERE,) * 4)
    return _laid(np.where(own, around, mask), moved)


def _laid(mask: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """A mask with regions over it, `(H, W)`, uint8, where they are not behind what is there; 255 is nothing."""
    covers = layer != _NOWHERE
    covers[covers] = _DEPTH[layer[covers]] >= _DEPTH[mask[covers]]
    return np.where(covers, layer, mask)


def _nearest(mask: np.ndarray, chosen_pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the nearest of some pixels is, and its region: `(H, W)` float32 pixels, `(H, W)` uint8.

    Where there are none, infinitely far.
    """
    if not chosen_pixels.any():
        return np.full(mask.shape, np.inf, np.float32), mask
    distance, labels = cv2.distanceTransformWithLabels(
        (~chosen_pixels).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    regions = np.zeros(int(labels.max()) + 1, np.uint8)
    regions[labels[chosen_pixels]] = mask[chosen_pixels]
    return distance, regions[labels]


def _border_fade(shape: tuple[int, ...]) -> np.ndarray:
    """1 inside, falling to 0 at the border: `(H, W)`."""
    rows, columns = np.arange(shape[0]), np.arange(shape[1])
    to_edge = np.minimum(np.minimum(rows, shape[0] - 1 - rows)[:, None], np.minimum(columns, shape[1] - 1 - columns))
    return (to_edge / max(1.0, _BORDER * shape[1])).clip(0.0, 1.0)
