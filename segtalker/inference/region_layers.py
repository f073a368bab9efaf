"""Painted regions as layers, so that their edges are as fine as the picture they are laid into.

A network paints one region a pixel, so the borders of its small crop are stairs when it is enlarged. Here each region
is continued a little beyond its border, enlarged for itself, and laid with the others by soft shares.
"""

import cv2
import numpy as np

from segtalker.faces.matting import fill
from segtalker.regions import BACKGROUND, LIP, MOUTH

_SOFTNESS = 0.8  # px of the crop: what rounds the stairs of a mask
_STEEPNESS = 0.6  # of an edge, a pixel of the crop once enlarged
_OLD_BORDER = 2  # px of the crop: how far from where a region ended its texture is mixed with what was beside it
_SPEECH = 4  # px of the crop around lips and mouth, where masks differ because of what is said


def without_old_borders(crop: np.ndarray, source_mask: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Closes the line that is left where a region ended before it was reshaped.

    Codes hold the mixed pixels of a region's border; painted in the middle of a larger region they show. So does the
    source's own rim where a face ends earlier than it did.

    Args:
        crop: painted, RGB, `(H, W, 3)`, uint8.
        source_mask: regions before, `(H, W)`, uint8.
        mask: regions now, `(H, W)`, uint8.

    Returns:
        `(H, W, 3)`, uint8.
    """
    speaking = _near(np.isin(source_mask, (LIP, MOUTH)) | np.isin(mask, (LIP, MOUTH)), _SPEECH)
    result = crop
    for region in np.unique(mask[(mask != source_mask) & ~speaking]):
        own = mask == region
        gained = own & (source_mask != region)
        border = own & _near(gained, _OLD_BORDER) & _near(own & ~gained, _OLD_BORDER) & ~speaking
        known_pixels = own & ~border
        if known_pixels.any():
            result = np.where(border[..., None], fill(crop, known_pixels), result)
    return result


def _near(pixels: np.ndarray, reach: int) -> np.ndarray:
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.dilate(pixels.astype(np.uint8), kernel) == 1


def region_colours(crop: np.ndarray, mask: np.ndarray, regions: tuple[int, ...]) -> np.ndarray:
    """A crop in which some regions go on beyond their borders, without the mixed pixels of the border itself.

    Args:
        crop: RGB, `(H, W, 3)`, uint8.
        mask: its regions, `(H, W)`, uint8.
        regions: wanted.

    Returns:
        `(H, W, 3)`, uint8.
    """
    own = np.isin(mask, regions)
    # painted borders are hard, but for the fade to what is behind
    inner = own & ~_near(~own if BACKGROUND in regions else mask == BACKGROUND, 1)
    return fill(crop, inner if inner.any() else own)


def smooth_share(own: np.ndarray, factor: int) -> np.ndarray:
    """Some pixels of a mask enlarged, their outline rounded: `(H, W)` bool to `(H f, W f)`, float32 in [0, 1]."""
    blurred = cv2.GaussianBlur(own.astype(np.float32), (0, 0), _SOFTNESS, borderType=cv2.BORDER_REPLICATE)
    large = cv2.resize(blurred, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return ((large - 0.5) * (1.0 + _STEEPNESS * factor) + 0.5).clip(0.0, 1.0)


def enlarged_crop(crop: np.ndarray, mask: np.ndarray, factor: int) -> np.ndarray:
    """A painted crop at several times its size, its regions' borders smooth.

    Args:
        crop: RGB, `(H, W, 3)`, uint8.
        mask: its regions, `(H, W)`, uint8.
        factor: how many times.

    Returns:
        `(H f, W f, 3)`, uint8.
    """
    height, width = mask.shape[0] * factor, mask.shape[1] * factor
    total, weights = np.zeros((height, width, 3), np.float32), np.full((height, width, 1), 1e-6, np.float32)
    for region in np.unique(mask):
        share = smooth_share(mask == region, factor)[..., None]
        colours = region_colours(crop, mask, (int(region),))
        large = cv2.resize(colours, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        total += share * large
        weights += share
    return np.rint(total / weights).clip(0, 255).astype(np.uint8)


def enlarged_transform(to_crop: np.ndarray, factor: int) -> np.ndarray:
    """A map into a crop as one into the crop enlarged, `(2, 3)`."""
    large = to_crop * factor
    large[:, 2] += (factor - 1) / 2
    return large
