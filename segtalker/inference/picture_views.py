"""The whole picture around a face's crop, scaled down: where a region of the crop lies in it and where it goes on."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from segtalker.faces.matting import refined_share

NOT_SEEN = 255  # outside of the crop: no region is known
_LONG_SIDE = 320  # px; GrabCut takes 0.2 s of one core at this size
_CROP_SIDE = 128  # px at least, of the crop in it
_LONGEST_SIDE = 640
_SOFTNESS = 0.03  # of the crop's side: how wide an edge may be


@dataclass(frozen=True)
class PictureView:
    """A picture and where its face's crop lies.

    Args:
        picture: RGB, `(H, W, 3)`, uint8.
        to_crop: see `segtalker.faces.crop_squares.square_transform`, `(2, 3)`.
        crop_size: px, side of the crop.
    """

    picture: np.ndarray
    to_crop: np.ndarray
    crop_size: int

    @property
    def scale(self) -> float:
        """Of the small picture, at most 1."""
        longest, side = max(self.picture.shape[:2]), self.crop_size / self.to_crop[0, 0]
        return min(1.0, max(_LONG_SIDE / longest, _CROP_SIDE / side), _LONGEST_SIDE / longest)

    @cached_property
    def small(self) -> np.ndarray:
        """The picture scaled down, `(h, w, 3)`, uint8."""
        if self.scale == 1.0:
            return self.picture
        width, height = (max(1, round(side * self.scale)) for side in self.picture.shape[1::-1])
        return cv2.resize(self.picture, (width, height), interpolation=cv2.INTER_AREA)

    @property
    def to_small(self) -> np.ndarray:
        """Pixels of the crop to pixels of the small picture, `(2, 3)`."""
        height, width = self.small.shape[:2]
        factors = np.array([width / self.picture.shape[1], height / self.picture.shape[0]])
        zoom, shift = self.to_crop[[0, 1], [0, 1]], self.to_crop[:, 2]
        return np.column_stack([np.diag(factors / zoom), (0.5 - shift / zoom) * factors - 0.5])

    @property
    def radius(self) -> int:
        """Px of the small picture: how wide a soft edge may be."""
        return max(1, round(_SOFTNESS * self.crop_size * self.to_small[0, 0]))

    def regions(self, mask: np.ndarray) -> np.ndarray:
        """A crop's regions in the small picture, `(h, w)`, uint8; `NOT_SEEN` outside of the crop."""
        size = self.small.shape[1::-1]
        return cv2.warpAffine(mask, self.to_small, size, flags=cv2.INTER_NEAREST, borderValue=(NOT_SEEN,) * 4)

    def map(self, values: np.ndarray) -> np.ndarray:
        """Values of a crop in the small picture, `(h, w)`, float32; 0 outside of the crop."""
        return cv2.warpAffine(values.astype(np.float32), self.to_small, self.small.shape[1::-1], flags=cv2.INTER_LINEAR)

    def soft(self, small_map: np.ndarray) -> np.ndarray:
        """A share of each pixel of the small picture at the picture's own resolution, along its edges: `(H, W)`."""
        return refined_share(self.picture, self.small, small_map.astype(np.float32), self.radius)
