"""A rendered video that keeps the source's own pixels where nothing has to change: all but the hidden mouth area."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import face_transforms, hidden_share
from segtalker.faces.paste_back import soft_share
from segtalker.inference.talker import Face, Images


@dataclass(frozen=True)
class PaintedArea:
    """What of a source's frames is painted anew: the mouth area, and what edits name.

    Args:
        places: of the faces, see `segtalker.faces.mouth_box.face_transforms`, `(T, 2, 3)`.
        fade: see `segtalker.faces.mouth_box.hidden_share`.
        regions: whose look an edit changed.
        reshaped: whether an edit changed the mask itself.
    """

    places: np.ndarray
    fade: float
    regions: list[int]
    reshaped: bool

    def share(self, index: int, source_mask: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """How much of each pixel is painted: `(H, W)`, float32 in [0, 1]; elsewhere it is the source's.

        Args:
            index: of the source's frame.
            source_mask: its regions, `(H, W)`, uint8.
            mask: the talking mask, likewise. Outside the mouth area it is the source's, but for edits.
        """
        mouth = hidden_share(self.places[[index]], mask.shape, self.fade)[0]
        edited = np.isin(source_mask, self.regions) | np.isin(mask, self.regions)
        if self.reshaped:
            edited |= source_mask != mask
        return np.maximum(mouth, soft_share(edited)) if edited.any() else mouth


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
