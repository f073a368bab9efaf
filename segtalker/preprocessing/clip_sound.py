"""The sound of a clip: read from its recording, written as the networks hear it."""

from pathlib import Path

import numpy as np

from segtalker.clips.record import ClipRecord
from segtalker.clips.store import write_array, write_wav
from segtalker.config.base import Base
from segtalker.media.audio import Sound, load_sound
from segtalker.media.mel import log_mel
from segtalker.media.video import Video, open_video
from segtalker.utils.errors import BadClipError


def stretch_sound(record: ClipRecord, start_s: float, seconds: float, sample_rate_hz: int) -> np.ndarray:
    """The sound of a stretch of a recording, silence where there is none: `(S,)`, float32.

    Args:
        record: of the clip.
        start_s: container time.
        seconds: how long.
        sample_rate_hz: wanted rate.

    Raises:
        BadClipError: it cannot be read.
    """
    video = open_video(record.source, "pyav")
    sound = load_stretch(video, record.audio, sample_rate_hz, start_s, start_s + seconds)
    return sound.cut(start_s, seconds)


def find_sound(video: Video, beside: Path | None) -> tuple[Path, float]:
    """The file that holds a video's sound, and how many seconds later it starts than its own clock says.

    A file beside a video begins with the picture.

    Raises:
        BadClipError: there is none.
    """
    if beside is not None:
        return beside, video.start_s
    if not video.has_sound:
        raise BadClipError(f"{video.path.name}: no sound track, and no sound file beside it")
    return video.path, 0.0


def load_stretch(video: Video, beside: Path | None, sample_rate_hz: int, from_s: float, to_s: float) -> Sound:
    """Reads the sound that belongs to a stretch of a video, on the clock of the picture.

    Args:
        video: the picture.
        beside: file of its sound, or None where it is inside.
        sample_rate_hz: wanted rate.
        from_s: container time.
        to_s: container time.

    Raises:
        BadClipError: there is none, or it cannot be read.
    """
    path, late_s = find_sound(video, beside)
    sound = load_sound(path, sample_rate_hz, from_s - late_s, to_s - late_s)
    return Sound(sound.samples, sample_rate_hz, sound.start_s + late_s)


def write_sound(folder: Path, samples: np.ndarray, base: Base) -> None:
    """Writes `audio.wav` and `mel.npy` of a clip; samples mono, `(S,)`, float32."""
    write_wav(folder / "audio.wav", samples, base.sample_rate_hz)
    write_array(folder / "mel.npy", log_mel(samples, base.sample_rate_hz, base.mel))
