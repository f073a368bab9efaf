"""A changed crop put back into the picture it was cut from."""

import cv2
import numpy as np

_FEATHER = 0.05  # of the crop's side: how softly the changed part ends


def soft_share(changed_pixels: np.ndarray) -> np.ndarray:
    """How much of each pixel of a crop has changed: all where it is said to, fading around it.

    Args:
        changed_pixels: `(h, w)`, bool.

    Returns:
        `(h, w)`, float32 in [0, 1].
    """
    reach = _reach(changed_pixels.shape[1])
    kernel = (2 * reach + 1, 2 * reach + 1)
    dilated_area = cv2.dilate(changed_pixels.astype(np.float32), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, kernel))
    return cv2.GaussianBlur(dilated_area, kernel, 0)


def border_share(height: int, width: int) -> np.ndarray:
    """How much of each pixel of a crop to put back at most, fading to nothing at its border: `(h, w)`, float32."""
    rows, columns = np.arange(height), np.arange(width)
    to_edge = np.minimum(np.minimum(rows, height - 1 - rows)[:, None], np.minimum(columns, width - 1 - columns))
    return (to_edge / _reach(width)).clip(0.0, 1.0).astype(np.float32)


def _reach(width: int) -> int:
    return max(1, round(_FEATHER * width))


def paste_back(picture: np.ndarray, crop: np.ndarray, share: np.ndarray, to_crop: np.ndarray) -> np.ndarray:
    """Blends a crop into its picture.

    Args:
        picture: RGB, `(H, W, 3)`, uint8; not changed.
        crop: RGB, `(h, w, 3)`, uint8.
        share: of each pixel of the crop, 0 at its border, `(h, w)`, float32 in [0, 1].
        to_crop: affine map from pixels of the picture to pixels of the crop, `(2, 3)`, without rotation.

    Returns:
        `(H, W, 3)`, uint8.
    """
    scale, size = to_crop[0, 0], np.array(crop.shape[1::-1])
    low = np.maximum(np.floor((-0.5 - to_crop[:, 2]) / scale), 0).astype(int)
    high = np.minimum(np.ceil((size - 0.5 - to_crop[:, 2]) / scale) + 1, picture.shape[1::-1]).astype(int)
    (left, top), (right, bottom) = low, high
    local = to_crop.copy()
    local[:, 2] += to_crop[:, :2] @ low
    extent, flags = (int(right - left), int(bottom - top)), cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(crop, local, extent, flags=flags | cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(share, local, extent, flags=flags | cv2.INTER_LINEAR)[..., None]
    result = picture.copy()
    place = result[top:bottom, left:right]
    place[:] = (place * (1.0 - alpha) + patch * alpha).round().astype(np.uint8)
    return result
