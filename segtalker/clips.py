"""The clip store: typed read and write of every artifact between stages.

A clip is one folder per stage, `data/<stage>/<dataset>/clips/<clip_id>/`, beside the table `clips.csv` that lists
the clips and `failures.csv` that lists those given up on and why. Frames and masks are packed: one ZIP of
individually encoded images, so that any window of frames is read at random and any archive tool opens it;
`docs/clip-store.md` says what else was measured.

| stage | file | content |
|---|---|---|
| crop | `frames.zip` | RGB frames, JPEG 4:4:4, at least 42 dB each |
| crop | `audio.wav` | mono PCM16 at `base.sample_rate_hz`, starting with the first frame |
| crop | `mel.npy` | log-mel spectrogram, `(M, N)`, float32 |
| crop | `landmarks.npy` | 68 landmarks a frame, `(T, 68, 2)`, float32 pixels of the crop |
| crop | `truth_masks.zip` | the dataset's own region masks, where it has them |
| crop | `crop.json` | square of the crop in the source and other facts |
| gate | `audio.wav`, `mel.npy` | in place of those of `crop`, where the sound was out of time |
| parse | `masks.zip` | region masks by the parser, lossless |
"""

import json
import os
import struct
import wave
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import pandas as pd

from segtalker.atomic import atomic_file
from segtalker.errors import BadInputError

CLIP_COLUMNS = ("clip_id", "subject", "split", "source", "source_sha256", "frames", "seconds")
FAILURE_COLUMNS = ("clip_id", "source", "reason")
SPLITS = ("train", "val", "test")
_JPEG_SAMPLING = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
_JPEG_QUALITIES = (95, 98)  # the second where the first falls below `_MIN_PSNR_DB`, as in a grainy picture
_MIN_PSNR_DB = 42.0
_DEFLATE_LEVEL = 7  # label maps are read three times as fast as PNG of level 6 and written faster
_END_BYTES, _ENTRY_BYTES, _HEADER_BYTES = 22, 46, 30  # of a ZIP: its end, an entry of its directory, a file's header
_MANY = 0xFFFF  # what a ZIP says in place of a larger number
_PLACE = np.dtype([("start", np.int64), ("packed", np.int64), ("size", np.int64), ("crc", "u4"), ("method", "u2")])


def _encode_frame(image: np.ndarray) -> bytes:
    """JPEG 4:4:4 of at least `_MIN_PSNR_DB`; the last quality reaches it even on white noise."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    for quality in _JPEG_QUALITIES:
        payload = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality, *_JPEG_SAMPLING])[1]
        decoded = cv2.imdecode(payload, cv2.IMREAD_COLOR)
        if quality == _JPEG_QUALITIES[-1] or (decoded is not None and cv2.PSNR(decoded, bgr) >= _MIN_PSNR_DB):
            break
    return payload.tobytes()


def _encode(image: np.ndarray, suffix: str) -> bytes:
    assert image.dtype == np.uint8, image.dtype
    if suffix == ".jpg":
        return _encode_frame(image)
    return cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image)[1].tobytes()


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
            (lossless, slow to read).

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
        wanted = range(len(self)) if indices is None else indices
        with self._open() as (pack, index):
            return np.stack([self._image(pack, index, int(frame)) for frame in wanted])

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frames in order, one at a time."""
        with self._open() as (pack, index):
            for frame in range(len(index)):
                yield self._image(pack, index, frame)

    def _image(self, pack: BinaryIO, index: np.ndarray, frame: int) -> np.ndarray:
        start, packed, size, crc, method = index[frame].item()
        pack.seek(start)
        payload = pack.read(packed)
        try:
            if method == zipfile.ZIP_DEFLATED:
                payload = zlib.decompress(payload, -zlib.MAX_WBITS, size)
        except zlib.error:
            payload = b""
        image = _decode(payload) if zlib.crc32(payload) == crc and payload else None
        if image is None:
            raise BadInputError(f"{self.path}: image {frame} is damaged; run its stage again")
        return image


def write_wav(path: Path, samples: np.ndarray, sample_rate_hz: int) -> None:
    """Writes mono audio, `(S,)` float32 in [-1, 1], as PCM16, atomically."""
    pcm = (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype("<i2")
    with atomic_file(path) as temporary, wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate_hz)
        out.writeframes(pcm.tobytes())


def write_array(path: Path, values: np.ndarray) -> None:
    """Writes an array as `.npy`, atomically."""
    with atomic_file(path) as temporary, temporary.open("wb") as out:
        np.save(out, values)


def read_wav(path: Path) -> np.ndarray:
    """Reads a file written by `write_wav`: `(S,)` float32 in [-1, 1]."""
    with wave.open(str(path), "rb") as source:
        pcm = np.frombuffer(source.readframes(source.getnframes()), "<i2")
    return pcm.astype(np.float32) / 32767.0


@dataclass(frozen=True)
class Clip:
    """One clip with everything the stages so far know of it.

    Args:
        clip_id: its name, unique in the dataset.
        subject: who speaks; splits hold subjects apart.
        split: `train`, `val` or `test`.
        crop_folder: its folder after `crop`.
        parse_folder: its folder after `parse`.
        gate_folder: its folder after `gate`; its sound stands there where it was out of time.
    """

    clip_id: str
    subject: str
    split: str
    crop_folder: Path
    parse_folder: Path
    gate_folder: Path

    @cached_property
    def frames(self) -> ImagePack:
        """RGB frames, `(T, H, W, 3)`, uint8."""
        return ImagePack(self.crop_folder / "frames.zip")

    @cached_property
    def masks(self) -> ImagePack:
        """Region indices by the parser, `(T, H, W)`, uint8 in 0-11."""
        return ImagePack(self.parse_folder / "masks.zip")

    @cached_property
    def truth_masks(self) -> ImagePack | None:
        """Region indices from the dataset itself, or None where it has none."""
        path = self.crop_folder / "truth_masks.zip"
        return ImagePack(path) if path.is_file() else None

    @property
    def landmarks(self) -> np.ndarray:
        """68 landmarks a frame, `(T, 68, 2)`, float32, (x, y) pixels of the crop; memory-mapped."""
        return np.load(self.crop_folder / "landmarks.npy", mmap_mode="r")

    @property
    def mel(self) -> np.ndarray:
        """Log-mel spectrogram, `(M, N)`, float32; memory-mapped."""
        return np.load(self.mel_path, mmap_mode="r")

    @property
    def mel_path(self) -> Path:
        """The file of `mel`."""
        return self._in_time("mel.npy")

    @property
    def audio_path(self) -> Path:
        """The clip's sound, 16 kHz mono WAV."""
        return self._in_time("audio.wav")

    @property
    def audio(self) -> np.ndarray:
        """The clip's sound, `(S,)`, float32 in [-1, 1]."""
        return read_wav(self.audio_path)

    def _in_time(self, name: str) -> Path:
        """A file of the sound, corrected where that was needed."""
        corrected = self.gate_folder / name
        return corrected if corrected.is_file() else self.crop_folder / name

    @property
    def facts(self) -> dict:
        """What `crop` noted: the square in the source, the frame rate read, the detector."""
        return json.loads((self.crop_folder / "crop.json").read_text(encoding="utf-8"))


def processed_clip(data_root: Path, dataset: str, clip_id: str, subject: str) -> Clip:
    """A test clip after the stages up to `parse`.

    Args:
        data_root: the folder `data`.
        dataset: its name.
        clip_id: its name.
        subject: who speaks.
    """
    crop, parse, gate = (data_root / stage / dataset / "clips" / clip_id for stage in ("crop", "parse", "gate"))
    return Clip(clip_id, subject, "test", crop, parse, gate)


def write_table(path: Path, rows: Sequence[dict] | pd.DataFrame, columns: Sequence[str]) -> None:
    """Writes a clip table atomically, sorted by clip, the named columns first."""
    table = pd.DataFrame(rows)
    table = table.reindex(columns=[*columns, *(name for name in table.columns if name not in columns)])
    with atomic_file(path) as temporary:
        table.sort_values("clip_id").to_csv(temporary, index=False)


def read_table(path: Path) -> pd.DataFrame:
    """Reads `clips.csv` or `failures.csv`; ids stay text.

    Raises:
        BadInputError: the file is missing.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: no such table; run the stage that writes it (segtalker reproduce)")
    text = dict.fromkeys((*CLIP_COLUMNS[:5], "reason"), str)
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values={"frames": [""], "seconds": [""]})


def load_clips(data_root: Path, dataset: str, split: str | None = None) -> list[Clip]:
    """The clips that passed every stage up to `split`, in order of id.

    Args:
        data_root: the folder `data`.
        dataset: its name.
        split: one of `SPLITS`, or None for all.
    """
    table = read_table(data_root / "split" / dataset / "clips.csv")
    if split is not None:
        table = table[table["split"] == split]
    return [
        Clip(
            clip_id=row["clip_id"],
            subject=row["subject"],
            split=row["split"],
            crop_folder=data_root / "crop" / dataset / "clips" / row["clip_id"],
            parse_folder=data_root / "parse" / dataset / "clips" / row["clip_id"],
            gate_folder=data_root / "gate" / dataset / "clips" / row["clip_id"],
        )
        for row in table.to_dict("records")
    ]
