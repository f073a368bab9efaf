"""What shows behind a painted face: the source's own surroundings.

The background region holds clothes too (see `segtalker.regions`), and a network that never sees them twice the same
paints them washed out; so they are taken from the source frame, never generated.
"""

from typing import Protocol

import numpy as np

from segtalker.faces.matting import fill
from segtalker.regions import BACKGROUND


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
