"""Frames of a video from painted crops: the face's square alone, or put back into the source's whole pictures."""

from collections.abc import Iterator

import numpy as np

from segtalker.faces.crop_squares import square_transform
from segtalker.faces.paste_back import border_share, paste_back, soft_share
from segtalker.inference.pasting import PaintedArea, lay_over
from segtalker.inference.portrait import Portrait
from segtalker.inference.talk_model import TalkingChunk
from segtalker.regions import BACKGROUND


def cropped_frames(
    face: Portrait, chunks: Iterator[TalkingChunk], _count: int, area: PaintedArea | None
) -> Iterator[np.ndarray]:
    """The face's square, painted inside an area, or all of it; see `pasted_frames`."""
    for chunk in chunks:
        for index, mask, crop in zip(chunk.source, chunk.masks, chunk.frames, strict=True):
            if not face.seen[index]:
                yield face.frames.read([int(index)])[0]
            elif area is None:
                yield crop
            else:
                share = area.share(int(index), face.masks.read([int(index)])[0], mask)
                yield lay_over(face.frames.read([int(index)])[0], crop, share)


def pasted_frames(
    face: Portrait, chunks: Iterator[TalkingChunk], count: int, area: PaintedArea | None
) -> Iterator[np.ndarray]:
    """Whole pictures, painted inside an area; or all that is or was face, with a soft edge around it.

    Those that show no face stay as they are.

    Args:
        face: the source.
        chunks: its talking face.
        count: frames wanted.
        area: what is painted, None for all of the face.

    Yields:
        RGB, `(H, W, 3)`, uint8.
    """
    pictures, size = face.walk(count), len(face.masks.read([0])[0])
    border = border_share(size, size)
    for chunk in chunks:
        for index, mask, crop in zip(chunk.source, chunk.masks, chunk.frames, strict=True):
            picture, before = next(pictures), face.masks.read([int(index)])[0]
            if not face.seen[index]:
                yield picture
                continue
            if area is None:
                share = soft_share((mask != BACKGROUND) | (before != BACKGROUND))
            else:
                share = area.share(int(index), before, mask)
            transform = square_transform(face.squares[index], size)
            yield paste_back(picture, crop, np.minimum(share, border), transform)
