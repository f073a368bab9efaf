"""Reading sound from any file, on the clock of its container."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

from segtalker.errors import BadClipError

# AVI cannot say how many samples of an MP3 stream are encoder delay: LAME's 576 and the decoder's 529.
_UNTOLD_DELAY = {("avi", "mp3"): 1105, ("avi", "mp3float"): 1105}
_MAX_DRIFT_S = 0.1
_SILENCE = 1e-4


@dataclass(frozen=True)
class Sound:
    """A sound track.

    Args:
        samples: mono, `(S,)`, float32 in [-1, 1].
        sample_rate_hz: samples a second.
        start_s: container time of the first sample.
    """

    samples: np.ndarray
    sample_rate_hz: int
    start_s: float

    @property
    def end_s(self) -> float:
        """Container time after the last sample."""
        return self.start_s + len(self.samples) / self.sample_rate_hz

    def cut(self, start_s: float, seconds: float) -> np.ndarray:
        """The samples of a stretch of time, silence where there is no sound: `(S,)`, float32."""
        count = round(seconds * self.sample_rate_hz)
        first = round((start_s - self.start_s) * self.sample_rate_hz)
        piece = self.samples[max(first, 0) : max(first + count, 0)]
        before = min(max(-first, 0), count)
        return np.pad(piece, (before, count - before - len(piece)))


def load_audio(path: Path, sample_rate_hz: int) -> np.ndarray:
    """Reads sound, whatever the file: `(S,)`, float32 in [-1, 1]. Errors as `load_sound`."""
    return load_sound(path, sample_rate_hz).samples


def load_sound(path: Path, sample_rate_hz: int) -> Sound:
    """Reads the first sound track: mixed to mono, resampled, without encoder delay, gaps filled with silence.

    Args:
        path: sound or video in any format FFmpeg reads.
        sample_rate_hz: wanted rate.

    Raises:
        BadClipError: unreadable, no sound track, or nothing but silence in it.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise BadClipError(f"{path.name}: no sound track")
            sound = _decode(container, container.streams.audio[0], sample_rate_hz)
    except (av.FFmpegError, OSError, ValueError) as error:
        message = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise BadClipError(f"{path.name}: its sound cannot be read ({message})") from error
    if not len(sound.samples) or np.abs(sound.samples).max() < _SILENCE:
        raise BadClipError(f"{path.name}: its sound track is silent")
    return sound


def _decode(container: "av.container.InputContainer", stream: AudioStream, sample_rate_hz: int) -> Sound:
    delay = _UNTOLD_DELAY.get((container.format.name, stream.codec_context.name), 0) / stream.rate
    # FFmpeg's own way to mono adds 3 dB to stereo floats, so channels are averaged here
    resampler = av.AudioResampler("fltp", "stereo" if stream.channels > 2 else None, sample_rate_hz)
    pieces: list[np.ndarray] = []
    start_s, now_s = 0.0, 0.0
    for frame in _frames(container, stream):
        time_s = frame.time if frame.time is not None else now_s
        if not pieces:
            start_s = now_s = time_s
        elif time_s - now_s > _MAX_DRIFT_S:
            pieces.append(np.zeros(round((time_s - now_s) * sample_rate_hz), np.float32))
            now_s = time_s
        now_s += frame.samples / frame.sample_rate
        pieces += [part.to_ndarray().mean(axis=0) for part in resampler.resample(frame)]
    if pieces:
        pieces += [part.to_ndarray().mean(axis=0) for part in resampler.resample(None)]
    samples = np.concatenate([np.zeros(0, np.float32), *pieces])[round(delay * sample_rate_hz) :]
    return Sound(samples.astype(np.float32), sample_rate_hz, start_s + delay)


def _frames(container: "av.container.InputContainer", stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Decoded frames; a damaged packet is left out, its time stays empty."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue
