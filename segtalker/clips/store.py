"""The clip store: typed read and write of every artifact between stages.

A clip is one folder per stage, `data/<stage>/<dataset>/clips/<clip_id>/`, beside the table `clips.csv` that lists
the clips and `failures.csv` that lists those given up on and why. Frames and masks are packed: one ZIP of
individually encoded images, so that any window of frames is read at random and any archive tool opens it;
`docs/clip-store.md` says what else was measured.

| stage | file | content |
|---|---|---|
| crop | `frames.zip` | RGB frames, JPEG 4:4:4, at least 42 dB each; PNG where `crop.lossless` says so |
| crop | `audio.wav` | mono PCM16 at `base.sample_rate_hz`, starting with the first frame |
| crop | `mel.npy` | log-mel spectrogram, `(M, N)`, float32 |
| crop | `landmarks.npy` | 68 landmarks a frame, `(T, 68, 2)`, float32 pixels of the crop |
| crop | `truth_masks.zip` | the dataset's own region masks, where it has them |
| crop | `crop.json` | square of the crop in the source and other facts |
| gate | `audio.wav`, `mel.npy` | in place of those of `crop`, where the sound was out of time |
| parse | `masks.zip` | region masks by the parser, lossless |
"""

import json
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from segtalker.clips.image_pack import ImagePack
from segtalker.clips.record import ClipRecord
from segtalker.clips.tables import CLIPS_FILE, read_records
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError, one_line
from segtalker.utils.hashing import file_sha256

CLIP_COLUMNS = ("clip_id", "subject", "split", "source", "source_sha256", "frames", "seconds")
FAILURE_COLUMNS = ("clip_id", "source", "reason")


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


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Names a file of a clip that is missing or damaged."""
    try:
        yield
    except (OSError, ValueError, EOFError, wave.Error) as error:
        raise BadInputError(
            f"{path}: missing or damaged ({one_line(error)}); segtalker reproduce makes it again"
        ) from error


def input_sha256(path: Path) -> str:
    """The hash of a file that another stage wrote: 64 hex digits.

    Raises:
        BadInputError: it is missing.
    """
    with _readable(path):
        return file_sha256(path)


def _read_array(path: Path) -> np.ndarray:
    with _readable(path):
        return np.load(path, mmap_mode="r")


def read_wav(path: Path) -> np.ndarray:
    """Reads a file written by `write_wav`: `(S,)` float32 in [-1, 1]."""
    with _readable(path), wave.open(str(path), "rb") as source:
        pcm = np.frombuffer(source.readframes(source.getnframes()), "<i2")
        if len(pcm) != source.getnframes():
            raise EOFError("its end is missing")
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
        dataset: which of `download.sources` it is from.
    """

    clip_id: str
    subject: str
    split: str
    crop_folder: Path
    parse_folder: Path
    gate_folder: Path
    dataset: str = ""

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
        return _read_array(self.crop_folder / "landmarks.npy")

    @property
    def mel(self) -> np.ndarray:
        """Log-mel spectrogram, `(M, N)`, float32; memory-mapped."""
        return _read_array(self.mel_path)

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
        corrected_file = self.gate_folder / name
        return corrected_file if corrected_file.is_file() else self.crop_folder / name

    @property
    def facts(self) -> dict:
        """What `crop` noted: the square in the source, the frame rate read, the detector."""
        path = self.crop_folder / "crop.json"
        with _readable(path):
            return json.loads(path.read_text(encoding="utf-8"))


def processed_clip(data_root: Path, dataset: str, clip_id: str, subject: str, split: str = "test") -> Clip:
    """A clip after the stages up to `parse`.

    Args:
        data_root: the folder `data`.
        dataset: its name.
        clip_id: its name.
        subject: who speaks.
        split: `train`, `val` or `test`.
    """
    crop, parse, gate = (data_root / stage / dataset / "clips" / clip_id for stage in ("crop", "parse", "gate"))
    return Clip(clip_id, subject, split, crop, parse, gate)


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
        split: `train`, `val` or `test`, or None for all.
    """
    records = read_records(data_root / "split" / dataset / CLIPS_FILE, ClipRecord)
    return [
        replace(
            processed_clip(data_root, dataset, record.clip_id, record.subject, record.split), dataset=record.dataset
        )
        for record in records
        if split in (None, record.split)
    ]
