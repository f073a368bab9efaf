"""Reading sound from any file, on the clock of its container."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from segtalker.media.probe import choose_sound, open_media
from segtalker.utils.errors import BadClipError

SOUND_SUFFIXES = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".aac")
# AVI cannot say how many samples of an MP3 stream are encoder delay: LAME's 576 and the decoder's 529.
_UNTOLD_DELAY = {("avi", "mp3"): 1105, ("avi", "mp3float"): 1105}
_MAX_DRIFT_S = 0.1
SILENCE = 1e-4  # peak below which nothing is heard
_CANCELLED = 0.1  # the mean's power, of the loudest channel's; one silent channel leaves 0.25
_MAX_PEAK = 16.0  # 24 dB over full scale: numbers of another kind written into a file of floats
_WORTH_SEEKING_S = 4.0
_RUN_UP_S = 1.0


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


def load_sound(path: Path, sample_rate_hz: int, from_s: float = -np.inf, to_s: float = np.inf) -> Sound:
    """Reads the sound track a player plays: mono, resampled, without encoder delay, gaps filled with silence.

    Args:
        path: sound or video in any format FFmpeg reads.
        sample_rate_hz: wanted rate.
        from_s: container time; what comes before is not needed, and only little of it is read.
        to_s: container time; what comes after is not read.

    Raises:
        BadClipError: unreadable, no sound track, nothing but silence in it, or samples that are no numbers.
    """
    pieces = list(_channel_pieces(path, sample_rate_hz, from_s, to_s))
    # over all of it, so that one way to mono holds from end to end
    samples = mix_to_mono(np.concatenate([piece for piece, _ in pieces], axis=1)) if pieces else np.zeros(0, np.float32)
    if not len(samples) or np.abs(samples).max() < SILENCE:
        raise BadClipError(f"{path.name}: its sound track is silent")
    return Sound(samples, sample_rate_hz, pieces[0][1])


def sound_pieces(path: Path, sample_rate_hz: int, from_s: float = -np.inf, to_s: float = np.inf) -> Iterator[Sound]:
    """Reads a sound track piece by piece, each where the one before ends, each mixed to mono for itself.

    Arguments and errors as `load_sound`, but for silence, which is none.
    """
    for piece, start_s in _channel_pieces(path, sample_rate_hz, from_s, to_s):
        yield Sound(mix_to_mono(piece), sample_rate_hz, start_s)


def mix_to_mono(channels: np.ndarray) -> np.ndarray:
    """The mean of channels, as loudspeakers add them up; where they cancel each other, the loudest channel.

    A person hears channels of opposite sign, one with each ear; their mean is silence.

    Args:
        channels: `(C, S)`, float32.

    Returns:
        `(S,)`, float32 in [-1, 1]: what is louder is clipped, as a player does.
    """
    mean = channels.mean(axis=0)
    powers, mean_power = np.square(channels, dtype=np.float64).mean(axis=1), np.square(mean, dtype=np.float64).mean()
    chosen = chosen_channel(powers, float(mean_power))
    mono = mean if chosen is None else channels[chosen]
    return mono.clip(-1.0, 1.0).astype(np.float32, copy=False)


def chosen_channel(powers: np.ndarray, mean_power: float) -> int | None:
    """The channel that is heard alone because in the mean channels cancel each other; None where they do not.

    Args:
        powers: of the channels, `(C,)`, float64.
        mean_power: of their mean.
    """
    cancelled = len(powers) > 1 and mean_power < _CANCELLED * powers.max()
    return int(powers.argmax()) if cancelled else None


def channel_pieces(path: Path, rate_hz: int, layout: str | None = None) -> Iterator[np.ndarray]:
    """Reads a sound track piece by piece with its channels, from where `load_sound` begins, each `(C, S)`, float32.

    Args:
        path: see `load_sound`.
        rate_hz: wanted rate.
        layout: wanted channels, by FFmpeg's name; None for its own, or stereo where there are more than two.

    Raises:
        BadClipError: unreadable, no sound track, or samples that are no numbers.
    """
    return (piece for piece, _ in _channel_pieces(path, rate_hz, -np.inf, np.inf, layout))


def _channel_pieces(
    path: Path, rate_hz: int, from_s: float, to_s: float, layout: str | None = None
) -> Iterator[tuple[np.ndarray, float]]:
    """Decoded sound, `(C, S)` float32, and the container time of its first sample; without a layout of one channel or
    two."""
    try:
        with open_media(path) as container:
            stream = choose_sound(container, path.name)
            for piece, start_s in _pieces(container, stream, rate_hz, from_s, to_s, layout):
                check_samples(piece, path.name, start_s)
                yield piece, start_s
    except (av.FFmpegError, OSError, ValueError) as error:
        message = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise BadClipError(f"{path.name}: its sound cannot be read ({message})") from error


def check_samples(piece: np.ndarray, name: str, start_s: float) -> None:
    """Sees to it that samples can be sound.

    Args:
        piece: `(C, S)`, float32.
        name: of the file, for a message.
        start_s: time of the first, likewise.

    Raises:
        BadClipError: they are no numbers, or of another kind than the file says.
    """
    if not np.isfinite(piece).all():
        raise BadClipError(f"{name}: samples that are no numbers (NaN or infinite) at {start_s:.2f} s; export it again")
    if np.abs(piece).max(initial=0.0) > _MAX_PEAK:
        peak = np.abs(piece).max()
        raise BadClipError(f"{name}: a sample of {peak:.0f} where 1 is full scale, at {start_s:.2f} s; export it again")


def _pieces(
    container: InputContainer, stream: AudioStream, rate_hz: int, from_s: float, to_s: float, layout: str | None
) -> Iterator[tuple[np.ndarray, float]]:
    reader = ChannelReader(container, stream, rate_hz, layout, has_start=not _seek(container, stream, from_s))
    for frame in itertools.chain(_until(decoded_frames(container, stream), to_s), [None]):
        piece = reader.push(frame)
        if piece is not None:
            yield piece


class ChannelReader:
    """Decoded sound at one rate and with one set of channels, without encoder delay, gaps filled with silence.

    Args:
        container: an open file.
        stream: of it, that is decoded.
        rate_hz: wanted rate.
        layout: see `channel_pieces`.
        has_start: whether decoding begins with the file.
    """

    def __init__(
        self, container: InputContainer, stream: AudioStream, rate_hz: int, layout: str | None, has_start: bool = True
    ) -> None:
        # FFmpeg's own way to mono adds 3 dB to stereo floats, and knows nothing of channels that cancel each other
        layout = layout or ("stereo" if stream.channels > 2 else None)
        self.rate_hz, self.resampler = rate_hz, av.AudioResampler("fltp", layout, rate_hz)
        self.channels = av.AudioLayout(layout).nb_channels if layout else stream.channels
        delay = _UNTOLD_DELAY.get((container.format.name, stream.codec_context.name), 0) / stream.rate
        self._to_drop = round(delay * rate_hz) if has_start else 0
        self._start_s: float | None = None
        self._now_s, self._sample_count = 0.0, 0

    def push(self, frame: av.AudioFrame | None) -> tuple[np.ndarray, float] | None:
        """Takes the next decoded frame, None at the end.

        Returns:
            Samples, `(C, S)`, float32, and the container time of the first; None where there are none yet.
        """
        gap = 0
        if frame is not None:
            time_s = frame.time if frame.time is not None else self._now_s
            if self._start_s is None:
                self._start_s = self._now_s = time_s
            elif time_s - self._now_s > _MAX_DRIFT_S:
                gap, self._now_s = round((time_s - self._now_s) * self.rate_hz), time_s
            self._now_s += frame.samples / frame.sample_rate
        if self._start_s is None:
            return None
        silence = np.zeros((self.channels, gap), np.float32)
        piece = np.concatenate([silence, *(part.to_ndarray() for part in self.resampler.resample(frame))], axis=1)
        drop_count = min(self._to_drop, piece.shape[1])
        self._to_drop -= drop_count
        first, self._sample_count = self._sample_count + drop_count, self._sample_count + piece.shape[1]
        return (piece[:, drop_count:], self._start_s + first / self.rate_hz) if piece.shape[1] > drop_count else None


def _seek(container: InputContainer, stream: AudioStream, to_s: float) -> bool:
    """Goes a little before a moment, for decoders need a run-up; whether it was worth it."""
    if to_s < _WORTH_SEEKING_S or stream.time_base is None:
        return False
    container.seek(int((to_s - _RUN_UP_S) / stream.time_base), stream=stream)
    return True


def _until(frames: Iterator[av.AudioFrame], to_s: float) -> Iterator[av.AudioFrame]:
    return itertools.takewhile(lambda frame: frame.time is None or frame.time <= to_s, frames)


def decoded_frames(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Decoded frames; a damaged packet is left out, its time stays empty."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue
