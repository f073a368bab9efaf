"""Which pixels of a frame are compared: all of them, those inside the face box, those of the hidden mouth area.

A method that pastes its mouth into the true frame is right wherever it changes nothing, so a number of the whole frame
says little of what it made. The areas are placed by the reference's landmarks: the same pixels for every method.
"""

from functools import cached_property

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segtalker.faces.mouth_box import face_pixels, hidden_pixels

Window = tuple[int, int, int]  # of a layer: side, stride and padding, px of its input


class Areas:
    """Some areas of consecutive frames.

    Args:
        masks: where each area is, `(A, T, H, W)`, bool or uint8 in {0, 1}.
    """

    def __init__(self, masks: np.ndarray) -> None:
        assert masks.ndim == 4, masks.shape
        self.masks = np.ascontiguousarray(masks).view(np.uint8)
        self._shares: dict[tuple[Window, ...], Tensor] = {}

    @classmethod
    def whole(cls, frames: np.ndarray) -> "Areas":
        """One area, all of each frame `(T, H, W[, 3])`."""
        return cls(np.ones((1, *frames.shape[:3]), np.uint8))

    @classmethod
    def of_faces(cls, places: np.ndarray, height: int, width: int) -> "Areas":
        """The areas of `segtalker.metrics.registry.AREAS`, in their order.

        Args:
            places: of the faces, see `segtalker.faces.mouth_box.face_transforms`, `(T, 2, 3)`.
            height: of a frame, px.
            width: likewise.
        """
        face, hidden = (find(places, (height, width)) for find in (face_pixels, hidden_pixels))
        return cls(np.stack([np.ones_like(face), face, hidden]))

    def __getitem__(self, frames: slice) -> "Areas":
        return Areas(self.masks[:, frames])

    def last(self, count: int) -> "Areas":
        """Of the last `count` frames."""
        return self[self.masks.shape[1] - count :]

    def inner(self, margin: int) -> "Areas":
        """Without a margin of so many pixels on each side of the frame."""
        return Areas(self.masks[:, :, margin:-margin, margin:-margin])

    def within(self, masks: np.ndarray) -> "Areas":
        """Only the pixels that are in `masks` too, `(T, H, W)`, bool."""
        return Areas(self.masks & masks.view(np.uint8))

    @cached_property
    def counts(self) -> np.ndarray:
        """Pixels of each area, `(T, A)`, int."""
        return np.count_nonzero(self.masks, axis=(2, 3)).T

    def means(self, values: np.ndarray) -> np.ndarray:
        """Mean of what is given for each pixel, in double precision.

        Args:
            values: `(T, H, W)` or `(T, H, W, C)`, C at most 4, any type OpenCV knows.

        Returns:
            `(T, A)`, float64; NaN where a frame has nothing of an area.
        """
        assert values.shape[:3] == self.masks.shape[1:], (values.shape, self.masks.shape)
        channels = values.shape[3] if values.ndim == 4 else 1
        sums = [[sum(cv2.mean(*pair)[:channels]) for pair in zip(values, area, strict=True)] for area in self.masks]
        return np.where(self.counts, np.reshape(sums, self.masks.shape[:2]).T / channels, np.nan)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Likewise the sum; 0 where a frame has nothing of an area."""
        return np.nan_to_num(self.means(values)) * self.counts

    def shares(self, windows: tuple[Window, ...]) -> Tensor:
        """How much of the areas each place of a network's feature map stands for.

        Args:
            windows: of the layers up to the map that make it smaller, in order. The same windows taken to the areas
                lie where the layers look; an even division of the frame would be off by half a window.

        Returns:
            `(T, A, h, w)`, float32 in [0, 1].
        """
        if not windows:
            return torch.from_numpy(self.masks).transpose(0, 1).float()
        if windows not in self._shares:
            kernel, stride, padding = windows[-1]
            self._shares[windows] = F.avg_pool2d(
                self.shares(windows[:-1]), kernel, stride, padding, count_include_pad=False
            )
        return self._shares[windows]

    def map_means(self, maps: Tensor, windows: tuple[Window, ...]) -> Tensor:
        """`means` of maps of another size, see `shares`: `(T, h, w)`, float32, to `(T, A)`, float32."""
        shares = self.shares(windows).to(maps)
        assert shares.shape[2:] == maps.shape[1:], (shares.shape, maps.shape)
        # NaN where nothing is covered: 0 / 0
        return torch.matmul(shares.flatten(2), maps.flatten(1)[..., None])[..., 0] / shares.sum(dim=(2, 3))
