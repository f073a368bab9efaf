"""A rendered video that keeps the source's own pixels where nothing has to change: all but the hidden mouth area."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import face_transforms, hidden_share
from segtalker.faces.paste_back import soft_share
from segtalker.inference.talk_model import Face, Images
from segtalker.regions import LIP, MOUTH


@dataclass(frozen=True)
class EditedArea:
    """What of a source's frames is painted anew: what edits name.

    Args:
        regions: whose look an edit changed.
        reshaped: whether an edit changed the mask itself.
    """

    regions: Sequence[int]
    reshaped: bool

    def share(self, index: int, source_mask: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """How much of each pixel is painted: `(H, W)`, float32 in [0, 1]; elsewhere it is the source's.

        Args:
            index: of the source's frame.
            source_mask: its regions, `(H, W)`, uint8.
            mask: the painted regions, likewise.
        """
        edited = np.isin(source_mask, self.regions) | np.isin(mask, self.regions)
        if self.reshaped:
            edited |= source_mask != mask
        return soft_share(edited) if edited.any() else np.zeros(mask.shape, np.float32)


@dataclass(frozen=True)
class PaintedArea(EditedArea):
    """The mouth, and what edits name.

    Args:
        places: of the faces, see `segtalker.faces.mouth_box.face_transforms`, `(T, 2, 3)`.
        fade: see `segtalker.faces.mouth_box.hidden_share`.
        lip_reach: how far from the lips is painted, in distances of the eyes, fading over the outer half; None for
            all of the mouth area, chin and jaw included.
    """

    places: np.ndarray
    fade: float
    lip_reach: float | None

    def share(self, index: int, source_mask: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """See `EditedArea`; outside the mouth area a talking mask is the source's, but for edits."""
        place = self.places[index]
        mouth = hidden_share(place[None], mask.shape, self.fade)[0]
        if self.lip_reach is not None:
            mouth = np.minimum(mouth, lip_share((source_mask, mask), self.lip_reach * np.hypot(*place[:, 0])))
        return np.maximum(mouth, super().share(index, source_mask, mask))


def lip_share(masks: Sequence[np.ndarray], reach_px: float) -> np.ndarray:
    """All of the lips and the mouth interior of several masks and what is close to them, fading away from there.

    Args:
        masks: region indices, each `(H, W)`, uint8.
        reach_px: where nothing is left, pixels from the lips; half as far away nothing has faded yet.

    Returns:
        `(H, W)`, float32 in [0, 1]; 0 where no mask has a mouth.
    """
    is_mouth = np.any([np.isin(mask, (LIP, MOUTH)) for mask in masks], axis=0)
    if not is_mouth.any():
        return np.zeros(is_mouth.shape, np.float32)
    distance = cv2.distanceTransform((~is_mouth).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (2.0 - 2.0 * distance / reach_px).clip(0.0, 1.0).astype(np.float32)


def lay_over(frames: np.ndarray, painted_frames: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Frames with painted ones over them, `(..., H, W, 3)`, uint8; exactly the frames' where the share is 0.

    Args:
        frames: `(..., H, W, 3)`, uint8.
        painted_frames: likewise.
        share: of the painted ones, `(..., H, W)`, float32 in [0, 1].
    """
    below, above = frames.astype(np.float32), painted_frames.astype(np.float32)
    return np.rint(below + share[..., None] * (above - below)).astype(np.uint8)


def paste_mouths(
    face: Face, rendered_frames: Images, clock: Clock, fade: float, batch_size: int
) -> Iterator[np.ndarray]:
    """Lays the mouth area of rendered frames over the source's.

    The area is the one that is hidden from TSG: outside it a talking mask is the source's.

    Args:
        face: the source.
        rendered_frames: as many as the source has, of its size, `(T, H, W, 3)`, uint8.
        clock: of the source, by which its landmarks are steadied.
        fade: see `segtalker.faces.mouth_box.hidden_share`.
        batch_size: frames at once.

    Yields:
        RGB, `(H, W, 3)`, uint8; the source's own outside the area and its fade.
    """
    places = face_transforms(np.asarray(face.landmarks), clock.smooth_frames)
    for first in range(0, len(face.frames), batch_size):
        part = slice(first, min(len(face.frames), first + batch_size))
        numbers = range(part.start, part.stop)
        frames, rendered_part = (images.read(numbers) for images in (face.frames, rendered_frames))
        yield from lay_over(frames, rendered_part, hidden_share(places[part], frames.shape[1:3], fade))
