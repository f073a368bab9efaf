"""Painting on a mask: what the image editor shows, and what its strokes mean."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from segtalker.regions import NUM_REGIONS, PALETTE, REGIONS, colourise

EDITOR_SIDE = 384  # px, of the picture that is painted on: what a stroke takes grows with its area
Canvas = Literal["both", "mask", "picture"]
REGION_COLOURS = {name: "#" + bytes(PALETTE[index]).hex() for index, name in enumerate(REGIONS)}
_MASK_SHARE = 0.55  # of the mask's colours over the picture, where both are shown
_OPAQUE = 128  # alpha from which a pixel counts as painted: the edges of strokes are soft


def canvas(crop: np.ndarray, mask: np.ndarray, shown: Canvas) -> np.ndarray:
    """What is painted on.

    Args:
        crop: RGB, `(H, W, 3)`, uint8.
        mask: its regions, `(H, W)`, uint8.
        shown: the mask's colours, the picture, or both.

    Returns:
        RGB, `(EDITOR_SIDE, EDITOR_SIDE, 3)`, uint8.
    """
    size = (EDITOR_SIDE, EDITOR_SIDE)
    colours = colourise(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT))
    picture = cv2.resize(crop, size, interpolation=cv2.INTER_CUBIC)
    share = {"mask": 1.0, "both": _MASK_SHARE, "picture": 0.0}[shown]
    return cv2.addWeighted(colours, share, picture, 1.0 - share, 0.0)


def painted_mask(mask: np.ndarray, layers: Sequence[np.ndarray]) -> np.ndarray | None:
    """A mask with strokes over it.

    Args:
        mask: regions, `(H, W)`, uint8.
        layers: strokes in the palette's colours, the later ones on top, RGBA, `(h, w, 4)`, uint8.

    Returns:
        Regions, `(H, W)`, uint8; None where nothing was changed.
    """
    edited = mask.copy()
    for layer in layers:
        nearest = _nearest_regions(layer[..., :3])
        nearest[layer[..., 3] < _OPAQUE] = NUM_REGIONS
        strokes = cv2.resize(nearest, mask.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        edited = np.where(strokes < NUM_REGIONS, strokes, edited)
    return None if (edited == mask).all() else edited


def _nearest_regions(colours: np.ndarray) -> np.ndarray:
    """The regions whose colours are nearest, `(h, w)` uint8 of `(h, w, 3)` uint8."""
    distances = [
        np.square(colours.astype(np.int32) - colour).sum(axis=-1, dtype=np.int32) for colour in PALETTE.astype(np.int32)
    ]
    return np.stack(distances).argmin(axis=0).astype(np.uint8)
