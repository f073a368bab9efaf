"""An invisible mark in the brightness of a picture, which outlives metadata.

The mark is that of blind-watermark (DWT-SVD: the largest singular value of each 4 x 4 block of the Haar approximation
lies in the lower or upper half of its cell, a bit). It is laid into the picture's luma at 64 x 64 px, so 8 x 8 blocks
whatever the size of the picture, and the difference is brought back to the picture's own size: what a video is encoded
or scaled to later changes the mean brightness of such large blocks little. Other than the library:

- all blocks are worked on at once, which takes a tenth of the time;
- the nearest cell is taken, not the one below (2.4 dB less change), and kept while it is near, so that the mark does
  not flicker where a picture moves;
- bits are read as a degree in [-1, 1] and averaged over frames.

The 63 bits are a word of the BCH code (63, 16), minimum distance 23, of which the 4096 words are used that carry 12
bits; no two of them are complements, which a brighter picture could take for each other, and all are scrambled by one
constant, for a plain wall gives equal bits. All words are compared with
what is read (decoding of maximum likelihood), and the degree of agreement decides whether there is a mark at all.
A cut or turned picture is not recognised.
"""

import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

# importing the library sets how processes start, for this whole process, and fails where that is set already
with patch.object(multiprocessing, "set_start_method"):
    from blind_watermark.bwm_core import WaterMarkCore

PAYLOAD_BITS = 12
MAX_CHANGE = 4.0  # grey levels
_SIDE_PX, _BLOCK_PX = 64, 8  # of the luma that is marked; a block of 4 x 4 of its approximation
_STEP = 48.0  # of the singular value, a cell; 8 times a change of brightness
_KEPT = 0.75  # cells; as far as that from where it was before, a block keeps its place
_SMOOTHING_PX = 1.0  # at 64 px; edges of blocks fade
_PLANES = 3  # the library goes through Y, U and V
_SHIFTS = np.arange(-2.5, 2.5, 0.25)  # grey levels by which a picture may have become darker or brighter
_GENERATOR = int("6331141367235453", 8)  # of the BCH code (63, 16), Lin and Costello, table of primitive BCH codes
_CODE_BITS = 63
_SCRAMBLER = int.from_bytes(sha256(b"SegTalker").digest()[:8], "big") >> 1
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_AGREEMENT = 0.68  # cosine; see docs/provenance.md for what marked and unmarked pictures have


@dataclass(frozen=True)
class ReadMark:
    """What was read of a picture or video.

    Args:
        payload: the number in it, 12 bits; meaningless where there is no mark.
        agreement: cosine of what was read with the nearest word, in [-1, 1].
    """

    payload: int
    agreement: float

    @property
    def is_there(self) -> bool:
        """Whether there is a mark."""
        return self.agreement >= _AGREEMENT


@cache
def code_words() -> np.ndarray:
    """The scrambled word of each payload: `(4096, 63)`, uint8 in {0, 1}."""
    payloads = np.arange(1 << PAYLOAD_BITS, dtype=np.uint64)
    words = np.full_like(payloads, _SCRAMBLER)
    for place in range(PAYLOAD_BITS):
        words ^= np.where(payloads >> np.uint64(place) & np.uint64(1), np.uint64(_GENERATOR << place), np.uint64(0))
    return (words[:, None] >> np.arange(_CODE_BITS, dtype=np.uint64) & np.uint64(1)).astype(np.uint8)


class _Core(WaterMarkCore):
    """The library's core, with all blocks of a plane at once and of the planes luma alone."""

    def __init__(self) -> None:
        super().__init__(mode="cached")  # of its pools, the one that makes none
        self.d1, self.d2, self.fast_mode = _STEP, 0, True
        self.pool = self
        self.cells: np.ndarray | None = None
        self._plane = 0

    def map(self, function: Any, arguments: list[tuple[np.ndarray, np.ndarray, int]]) -> Any:
        """Stands in for the pool the library gives its blocks to.

        Args:
            function: what it would do with each.
            arguments: of each; the block comes first, `(4, 4)`, float32.

        Returns:
            Marked blocks, or degrees of their bits, `(blocks,)`, float.
        """
        is_luma, self._plane = self._plane == 0, (self._plane + 1) % _PLANES
        if function == self.block_get_wm:
            return self._read(np.stack([block for block, *_ in arguments])) if is_luma else 0.0
        blocks = [block for block, *_ in arguments]
        return self._mark(np.stack(blocks)) if is_luma else blocks

    def _mark(self, blocks: np.ndarray) -> np.ndarray:
        # the library's DCT turns the block: its singular values stay the same, so it is left out
        left, values, right = np.linalg.svd(blocks)
        places = values[:, 0] / self.d1
        inside = 0.25 + 0.5 * np.resize(self.wm_bit, len(blocks))
        nearest = np.maximum(np.rint(places - inside), 0.0) + inside
        if self.cells is not None:
            nearest = np.where(np.abs(places - self.cells) < _KEPT, self.cells, nearest)
        self.cells = nearest
        values[:, 0] = nearest * self.d1
        return (left * values[:, None, :]) @ right

    def _read(self, blocks: np.ndarray) -> np.ndarray:
        return np.linalg.svd(blocks, compute_uv=False)[:, 0]


def _luma(picture: np.ndarray) -> np.ndarray:
    """Brightness at the size that is marked, as the library wants pictures: grey BGR, `(64, 64, 3)`, float32."""
    small = cv2.resize(picture, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)[..., :3].astype(np.float32) @ _LUMA
    return np.repeat(small[..., None], 3, axis=2)


class Watermark:
    """Marks pictures, or the frames of one video in their order.

    Args:
        payload: a number of 12 bits.
    """

    def __init__(self, payload: int) -> None:
        assert 0 <= payload < 1 << PAYLOAD_BITS, payload
        self._core = _Core()
        self._core.read_wm(code_words()[payload])

    def change(self, picture: np.ndarray) -> np.ndarray:
        """What the mark adds to each colour channel of a picture: `(H, W)`, int16, at most `MAX_CHANGE` either way.

        Args:
            picture: see `mark`.
        """
        luma = _luma(picture)
        self._core.read_img_arr(luma)
        added = cv2.GaussianBlur(self._core.embed()[..., 0] - luma[..., 0], (0, 0), _SMOOTHING_PX)
        bounded = added.clip(-MAX_CHANGE, MAX_CHANGE)
        return np.rint(cv2.resize(bounded, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)).astype(np.int16)

    def mark(self, picture: np.ndarray) -> np.ndarray:
        """The picture with the mark, of the same kind.

        Args:
            picture: RGB, `(H, W, 3)`, or with how opaque it is, `(H, W, 4)`, uint8.
        """
        marked = cv2.add(picture[..., :3], cv2.merge([self.change(picture)] * 3), dtype=cv2.CV_8U)
        return np.concatenate([marked, picture[..., 3:]], axis=2) if picture.shape[2] > 3 else marked

    def frames(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The frames of a video with the mark, each as it is asked for; see `mark`."""
        return map(self.mark, frames)


def read_mark(pictures: Iterable[np.ndarray]) -> ReadMark:
    """Looks for a mark.

    Args:
        pictures: of one picture or video, RGB, `(H, W, 3)`, uint8.
    """
    core = _Core()
    core.wm_size = _CODE_BITS
    values = np.stack([core.extract_raw(_luma(picture))[0, :_CODE_BITS] for picture in pictures])
    # a brighter picture moves all blocks by as much: where between the cells is not known beforehand
    turns = 2.0 * np.pi * (values + _BLOCK_PX * _SHIFTS[:, None, None]) / _STEP  # (shifts, T, bits)
    degrees = -np.sin(turns).mean(axis=1)
    degrees /= np.linalg.norm(degrees, axis=1, keepdims=True) + 1e-9
    agreements = degrees @ (2.0 * code_words().T - 1.0) / np.sqrt(_CODE_BITS)  # (shifts, words)
    return ReadMark(int(agreements.max(axis=0).argmax()), float(agreements.max()))
