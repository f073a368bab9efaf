"""What shows behind a talking face: the source's own surroundings, or another picture.

The background region holds clothes too (see `segtalker.regions`), and a network that never sees them twice the same
paints them washed out; so they are taken from the source frame, never generated.
"""

from typing import Protocol

import cv2
import numpy as np

from segtalker.faces.mouth_box import face_transforms
from segtalker.inference.talk_inputs import read_background_picture
from segtalker.regions import BACKGROUND, REGION_INDEX

_NECK = REGION_INDEX["neck"]
# the body in face coordinates, see `segtalker.faces.mouth_box`
_COLLAR = 0.3  # share of the neck's columns that end above where the shoulders are taken to begin
_RISE = 0.3  # how far clothes reach above the end of the neck
_SLOPE = 0.3  # of the shoulders
_HIDDEN_NECK_END = 1.6  # where no neck is seen
_HIDDEN_NECK_HALF_WIDTH = 0.7
_MIN_NECK = 0.01  # of the image, for the neck to count as seen
_CUT_ROUNDS = 3
_RIM = 0.008  # of the picture's side
_LASTING = 0.5  # share of frames
_SWAY = 0.02  # of the picture's side


class Background(Protocol):
    """Gives what shows where a talking mask says background."""

    def behind(self, frames: np.ndarray, masks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Pictures without a face.

        Args:
            frames: of the source, RGB, `(T, H, W, 3)`, uint8.
            masks: their regions, `(T, H, W)`, uint8.
            landmarks: theirs, `(T, 68, 2)`, pixels.

        Returns:
            RGB, `(T, H, W, 3)`, uint8.
        """

    def outlines(self, masks: np.ndarray) -> np.ndarray:
        """Where faces end in front of it: talking masks, `(T, H, W)` uint8, or a little less of them."""


def fill(image: np.ndarray, known_pixels: np.ndarray) -> np.ndarray:
    """Continues a picture into its unknown part, coarser with distance (pull-push).

    Args:
        image: `(H, W, 3)`, uint8.
        known_pixels: `(H, W)`, bool; these pixels stay as they are.

    Returns:
        `(H, W, 3)`, uint8.
    """
    colours: list[np.ndarray] = [image.astype(np.float32) * known_pixels[..., None]]
    weights: list[np.ndarray] = [known_pixels.astype(np.float32)]
    while min(weights[-1].shape) > 1:
        size = (max(1, weights[-1].shape[1] // 2), max(1, weights[-1].shape[0] // 2))
        colours.append(cv2.resize(colours[-1], size, interpolation=cv2.INTER_AREA))
        weights.append(cv2.resize(weights[-1], size, interpolation=cv2.INTER_AREA))
    picture = colours[-1] / np.maximum(weights[-1], 1e-6).reshape(*colours[-1].shape[:2], 1)
    for colour, weight in zip(colours[-2::-1], weights[-2::-1], strict=True):
        around = cv2.resize(picture, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        picture = colour + around * (1 - weight[..., None])
    return picture.round().clip(0, 255).astype(np.uint8)


class SourceBackground:
    """The source's own surroundings. Where its face was, they are continued, so that a face with a narrower outline
    shows neither the old one nor its truth."""

    def behind(self, frames: np.ndarray, masks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """See `Background`."""
        background_pixels = masks == BACKGROUND
        return np.stack([fill(frame, pixels) for frame, pixels in zip(frames, background_pixels, strict=True)])

    def outlines(self, masks: np.ndarray) -> np.ndarray:
        """See `Background`."""
        return masks


class PictureBackground:
    """Another picture, with the source's clothes kept in front of it.

    Args:
        picture: RGB, `(H, W, 3)`, uint8, of the frames' size.
    """

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture

    def behind(self, frames: np.ndarray, masks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """See `Background`."""
        own = SourceBackground().behind(frames, masks, landmarks)
        places = face_transforms(landmarks, smooth_frames=1)
        clothes = lasting(np.stack([cut_clothes(*source) for source in zip(frames, masks, places, strict=True)]))
        return np.stack([self._dressed(*layers) for layers in zip(own, clothes, strict=True)])

    def outlines(self, masks: np.ndarray) -> np.ndarray:
        """See `Background`. The rim of a face, painted as if before the old wall, is cut off."""
        reach = max(1, round(_RIM * masks.shape[2]))
        kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        wide_background = np.stack([cv2.dilate((mask == BACKGROUND).astype(np.uint8), kernel) for mask in masks])
        return np.where(wide_background == 1, np.uint8(BACKGROUND), masks)

    def _dressed(self, own: np.ndarray, clothes: np.ndarray) -> np.ndarray:
        share = cv2.GaussianBlur(clothes.astype(np.float32), (3, 3), 0)[..., None]
        return (own * share + self.picture * (1 - share)).round().astype(np.uint8)


def lasting(clothes: np.ndarray) -> np.ndarray:
    """Leaves out what is taken for clothes in few of the frames: clothes stay where they are, but for some sway.

    Args:
        clothes: `(T, H, W)`, bool.
    """
    often = (clothes.mean(axis=0) >= _LASTING).astype(np.uint8)
    reach = max(1, round(_SWAY * clothes.shape[2]))
    return clothes & (cv2.dilate(often, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) == 1)


def cut_clothes(frame: np.ndarray, mask: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Tells clothes from what is behind them: both are background to the face parser.

    GrabCut (Rother et al. 2004) with what the face says of the body: what follows below the neck is clothes,
    shoulders slope down from there, and what lies above them is behind the person. It is a guess by colour: a wall of
    the shirt's colour fools it.

    Args:
        frame: RGB, `(H, W, 3)`, uint8.
        mask: regions, `(H, W)`, uint8.
        place: face coordinates to pixels, `(2, 3)`.

    Returns:
        `(H, W)`, bool; also true on the face where it hides clothes, so that a fading outline shows no halo.
    """
    is_background = mask == BACKGROUND
    x, y = _face_coordinates(mask.shape, place)
    under_neck = _below(mask == _NECK) & is_background
    if under_neck.any():
        neck_end = float(np.quantile(y[under_neck & ~np.roll(under_neck, 1, axis=0)], _COLLAR))
        half_width = float(np.quantile(np.abs(x[under_neck]), 1 - _COLLAR / 2))
        surely = under_neck
    elif (mask == _NECK).mean() < _MIN_NECK:
        neck_end, half_width = _HIDDEN_NECK_END, _HIDDEN_NECK_HALF_WIDTH
        surely = is_background & (y > neck_end) & (np.abs(x) < half_width)
    else:
        surely = np.zeros_like(is_background)
    if not surely.any():
        return surely
    shoulders = y - (neck_end - _RISE) - _SLOPE * np.maximum(0.0, np.abs(x) - half_width)
    labels = np.where(shoulders > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[(y < neck_end - 2 * _RISE) | (~is_background & (shoulders <= 0))] = cv2.GC_BGD
    labels[surely] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    behind, clothes = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(fill(frame, is_background), labels, (0, 0, 0, 0), behind, clothes, _CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    return (labels & 1).astype(bool)


def _face_coordinates(shape: tuple[int, ...], place: np.ndarray) -> np.ndarray:
    """Face coordinates (x, y) of every pixel, `(2, H, W)`; see `segtalker.faces.mouth_box`."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    to_face = np.linalg.inv(np.vstack([place, [0.0, 0.0, 1.0]]))[:2]
    return np.einsum("ij,jhw->ihw", to_face, np.stack([columns, rows, np.ones_like(rows)]))


def _below(region: np.ndarray) -> np.ndarray:
    """Pixels below the lowest of a region in their column, `(H, W)`, bool."""
    at_or_above = np.cumsum(region[::-1], axis=0)[::-1] > 0
    return region.any(axis=0) & ~at_or_above


def read_background(value: str, size: int) -> PictureBackground:
    """A background from `#rrggbb` or an image file, cut to a square in its middle.

    Args:
        value: as given on a command line.
        size: side of the frames, pixels.

    Raises:
        BadInputError: neither a colour nor a readable image.
    """
    picture = read_background_picture(value)
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = picture[top : top + side, left : left + side]
    shrinks = side > size
    return PictureBackground(
        cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    )
