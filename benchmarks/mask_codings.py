"""Ways to code region masks without loss, for `benchmarks.clip_store`."""

import importlib.util
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

_CHUNK_FRAMES = 8


class MaskCoding(NamedTuple):
    """One way.

    Args:
        name: what the table says.
        encode: masks `(T, H, W)` -> payloads, one a frame or one a chunk.
        decode: payloads, wanted indices, `(H, W)` -> masks.
    """

    name: str
    encode: Callable[[np.ndarray], list[bytes]]
    decode: Callable[[list[bytes], Sequence[int], tuple[int, ...]], list[np.ndarray]]


def _frame_by_frame(
    name: str, encode: Callable[[np.ndarray], bytes], decode: Callable[[bytes], np.ndarray]
) -> MaskCoding:
    return MaskCoding(
        name,
        lambda masks: [encode(mask) for mask in masks],
        lambda coded, indices, shape: [decode(coded[index]).reshape(shape) for index in indices],
    )


def _png(name: str, *options: int) -> MaskCoding:
    return _frame_by_frame(
        name,
        lambda mask: cv2.imencode(".png", mask, list(options))[1].tobytes(),
        lambda payload: cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_UNCHANGED),
    )


def _deflated(level: int) -> MaskCoding:
    return _frame_by_frame(
        f"bytes, deflate {level}",
        lambda mask: zlib.compress(mask.tobytes(), level),
        lambda payload: np.frombuffer(zlib.decompress(payload), np.uint8),
    )


def _pack(mask: np.ndarray) -> bytes:
    flat = mask.ravel()
    return zlib.compress((flat[::2] << 4 | flat[1::2]).tobytes(), 7)


def _unpack(payload: bytes) -> np.ndarray:
    pairs = np.frombuffer(zlib.decompress(payload), np.uint8)
    flat = np.empty(2 * len(pairs), np.uint8)
    flat[::2], flat[1::2] = pairs >> 4, pairs & 15
    return flat


def _run_lengths(mask: np.ndarray) -> bytes:
    flat = mask.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    lengths = np.diff(starts).astype("<u4").view(np.uint8).reshape(-1, 4).T
    return zlib.compress(flat[starts[:-1]].tobytes() + lengths.tobytes(), 6)


def _from_run_lengths(payload: bytes) -> np.ndarray:
    content = np.frombuffer(zlib.decompress(payload), np.uint8)
    runs = content.size // 5
    lengths = np.ascontiguousarray(content[runs:].reshape(4, runs).T).view("<u4").ravel()
    return np.repeat(content[:runs], lengths)


def _encode_deltas(masks: np.ndarray) -> list[bytes]:
    chunks = [masks[start : start + _CHUNK_FRAMES].copy() for start in range(0, len(masks), _CHUNK_FRAMES)]
    for chunk in chunks:
        chunk[1:] ^= chunk[:-1].copy()
    return [zlib.compress(chunk.tobytes(), 7) for chunk in chunks]


def _decode_deltas(coded: list[bytes], indices: Sequence[int], shape: tuple[int, ...]) -> list[np.ndarray]:
    chunks = {}
    for number in {index // _CHUNK_FRAMES for index in indices}:
        changes = np.frombuffer(zlib.decompress(coded[number]), np.uint8).reshape(-1, *shape)
        chunks[number] = np.bitwise_xor.accumulate(changes, axis=0)
    return [chunks[index // _CHUNK_FRAMES][index % _CHUNK_FRAMES] for index in indices]


def _optional() -> list[MaskCoding]:
    """Codings of packages that need not be there."""
    found = []
    if importlib.util.find_spec("blosc2"):
        blosc2 = importlib.import_module("blosc2")
        for codec in ("LZ4", "ZSTD"):
            parameters = {"codec": getattr(blosc2.Codec, codec), "clevel": 5, "nthreads": 1, "typesize": 1}
            found.append(
                _frame_by_frame(
                    f"bytes, blosc2 {codec}",
                    lambda mask, parameters=parameters: blosc2.compress2(mask, **parameters),
                    lambda payload: np.frombuffer(blosc2.decompress2(payload, nthreads=1), np.uint8),
                )
            )
    return found


MASK_CODINGS = [
    _png("PNG"),
    _png("PNG, level 6", cv2.IMWRITE_PNG_COMPRESSION, 6),
    _png("PNG, run lengths", cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    _deflated(1),
    _deflated(6),
    _deflated(7),
    _deflated(9),
    _frame_by_frame("two a byte, deflate 7", _pack, _unpack),
    _frame_by_frame("run lengths, deflate 6", _run_lengths, _from_run_lengths),
    MaskCoding(f"changes in chunks of {_CHUNK_FRAMES}, deflate 7", _encode_deltas, _decode_deltas),
    *_optional(),
]
