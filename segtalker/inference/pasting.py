"""A rendered video that keeps the source's own pixels where nothing has to change: all but the hidden mouth area."""

from collections.abc import Iterator

import numpy as np

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import face_transforms, hidden_share
from segtalker.inference.talker import Face, Images


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
        frames, rendered_part = (images.read(numbers).astype(np.float32) for images in (face.frames, rendered_frames))
        share = hidden_share(places[part], frames.shape[1:3], fade)[..., None]
        yield from np.rint(frames + share * (rendered_part - frames)).astype(np.uint8)
