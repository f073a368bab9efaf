"""Many images in one file, read one by one: the frames and the masks of a clip."""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError

_JPEG_SAMPLING = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
_JPEG_QUALITIES = (95, 98)  # the second where the first falls below `_MIN_PSNR_DB`, as in a grainy picture
_MIN_PSNR_DB = 42.0
# half the time of OpenCV's own choice, and fewer bytes: after filtering a picture has few runs and repeats to look for
_PNG_PARAMS = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
_DEFLATE_LEVEL = 7  # label maps are read three times as fast as PNG of level 6 and written faster
_END_BYTES, _ENTRY_BYTES, _HEADER_BYTES = 22, 46, 30  # of a ZIP: its end, an entry of its directory, a file's header
_MANY = 0xFFFF  # what a ZIP says in place of a larger number
_PLACE = np.dtype([("start", np.int64), ("packed", np.int64), ("size", np.int64), ("crc", "u4"), ("method", "u2")])


def _encode_frame(image: np.ndarray) -> bytes:
    """JPEG 4:4:4 of at least `_MIN_PSNR_DB`; the last quality reaches it even on white noise."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    for quality in _JPEG_QUALITIES:
        payload = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality, *_JPEG_SAMPLING])[1]
        decoded_bgr = cv2.imdecode(payload, cv2.IMREAD_COLOR)
        if quality == _JPEG_QUALITIES[-1] or (decoded_bgr is not None and cv2.PSNR(decoded_bgr, bgr) >= _MIN_PSNR_DB):
            break
    return payload.tobytes()


def _encode(image: np.ndarray, suffix: str) -> bytes:
    assert image.dtype == np.uint8, image.dtype
    if suffix == ".jpg":
        return _encode_frame(image)
    params = _PNG_PARAMS if suffix == ".png" else ()
    channels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    return cv2.imencode(suffix, channels, params)[1].tobytes()


def _decode(payload: bytes) -> np.ndarray | None:
    data = np.frombuffer(payload, np.uint8)
    if payload.startswith(b"\xff\xd8"):
        return cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image is not None and image.ndim == 3 else image


def write_images(path: Path, images: Iterable[np.ndarray], suffix: str) -> int:
    """Packs images as they come; memory does not grow with their number.

    Args:
        path: the ZIP to write, atomically.
        images: RGB `(H, W, 3)` or label maps `(H, W)`, uint8.
        suffix: `.jpg` for frames (at least 42 dB each), `.pgm` for label maps (lossless), `.png` for either
            (lossless; frames take three times the bytes of `.jpg`).

    Returns:
        How many were written.
    """
    count = 0
    method = zipfile.ZIP_DEFLATED if suffix == ".pgm" else zipfile.ZIP_STORED
    with atomic_file(path) as temporary, zipfile.ZipFile(temporary, "w") as pack:
        for image in images:
            # a fixed timestamp: equal frames give equal bytes, so equal hashes
            entry = zipfile.ZipInfo(f"{count:06d}{suffix}", date_time=(1980, 1, 1, 0, 0, 0))
            pack.writestr(entry, _encode(image, suffix), method, _DEFLATE_LEVEL)
            count += 1
    return count


def _places(pack: BinaryIO) -> np.ndarray:
    """Where each image of a pack lies, `(T,)` of `_PLACE`, in order of name.

    The directory that `write_images` leaves, its entries all of one length, is read at once: a quarter of the time
    that `zipfile` takes, and 30 bytes an image in memory in place of an object, which counts where 100,000 clips are
    open.
    """
    end = max(pack.seek(0, os.SEEK_END) - _END_BYTES, 0)
    pack.seek(end)
    signature, *_, count, length, start, comment = struct.unpack("<4s4H2LH", pack.read(_END_BYTES))
    if signature != b"PK\5\6" or comment or start + length != end or not count or length % count:
        return _places_one_by_one(pack, count if signature == b"PK\5\6" else _MANY)
    pack.seek(start)
    entries = np.frombuffer(pack.read(length), _entry_type(length // count))
    alike = all((entries[field] == entries[field][0]).all() for field in ("signature", "method", "lengths"))
    if not alike or (entries["number"] != np.char.mod("%06d", np.arange(count)).astype("S")).any():
        return _places_one_by_one(pack, count)
    places = np.empty(count, _PLACE)
    for field in ("packed", "size", "crc", "method"):
        places[field] = entries[field]
    places["start"] = entries["header"].astype(np.int64) + _HEADER_BYTES + length // count - _ENTRY_BYTES
    return places


def _entry_type(length: int) -> np.dtype:
    """An entry of a ZIP's directory without extra fields or comment, `length` bytes."""
    fields = {
        "signature": ("V4", 0), "method": ("<u2", 10), "crc": ("<u4", 16), "packed": ("<u4", 20), "size": ("<u4", 24),
        "lengths": ("V6", 28), "header": ("<u4", 42), "number": ("S6", _ENTRY_BYTES),
    }  # fmt: skip
    formats, offsets = zip(*fields.values(), strict=True)
    return np.dtype({"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": length})


def _places_one_by_one(pack: BinaryIO, count: int) -> np.ndarray:
    """The same of any ZIP, such as one of more than 4 GiB or 65,535 images, that says it holds `count`."""
    places = []
    for entry in sorted(zipfile.ZipFile(pack).infolist(), key=lambda entry: entry.filename):
        pack.seek(entry.header_offset)
        name, extra = struct.unpack("<26x2H", pack.read(_HEADER_BYTES))
        if pack.read(name) != entry.orig_filename.encode():
            raise zipfile.BadZipFile("its directory is damaged")
        start = entry.header_offset + _HEADER_BYTES + name + extra
        places.append((start, entry.compress_size, entry.file_size, entry.CRC, entry.compress_type))
    if len(places) != count != _MANY:
        raise zipfile.BadZipFile("its directory is damaged")
    return np.array(places, _PLACE)


class ImagePack:
    """Random access to a pack written by `write_images`.

    The directory is read at first use; a file is open only while it is read, so any number of packs may be in use
    in any number of processes, and a pack can be pickled.

    Args:
        path: the ZIP.

    Raises:
        BadInputError: the file is missing or damaged (at use).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index: np.ndarray | None = None

    def __getstate__(self) -> dict:
        return {"path": self.path, "_index": None}

    @contextmanager
    def _open(self) -> Iterator[tuple[BinaryIO, np.ndarray]]:
        """The file, and where its images are."""
        try:
            with self.path.open("rb", buffering=0) as pack:
                if self._index is None:
                    self._index = _places(pack)
                yield pack, self._index
        except (OSError, zipfile.BadZipFile, struct.error) as error:
            raise BadInputError(f"{self.path}: not a readable image pack ({error}); run its stage again") from error

    def __len__(self) -> int:
        if self._index is None:
            with self._open() as (_, index):
                return len(index)
        return len(self._index)

    def read(self, indices: Sequence[int] | None = None) -> np.ndarray:
        """Reads frames by index, all where `indices` is None: `(T, H, W, 3)` or `(T, H, W)`, uint8."""
        frame_indices = range(len(self)) if indices is None else indices
        with self._open() as (pack, index):
            return np.stack([self._image(pack, index, int(frame)) for frame in frame_indices])

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frames in order, one at a time."""
        with self._open() as (pack, index):
            for frame in range(len(index)):
                yield self._image(pack, index, frame)

    def _image(self, pack: BinaryIO, index: np.ndarray, frame: int) -> np.ndarray:
        start, packed_size, size, crc, method = index[frame].item()
        pack.seek(start)
        payload = pack.read(packed_size)
        try:
            if method == zipfile.ZIP_DEFLATED:
                payload = zlib.decompress(payload, -zlib.MAX_WBITS, size)
        except zlib.error:
            payload = b""
        image = _decode(payload) if zlib.crc32(payload) == crc and payload else None
        if image is None:
            raise BadInputError(f"{self.path}: image {frame} is damaged; run its stage again")
        return image
