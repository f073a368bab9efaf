"""Synthetic speech with the time of every phoneme, by espeak-ng.

The library and its voices come inside the package `espeakng-loader`. Phoneme events (`espeakEVENT_PHONEME`, type 7
of `speak_lib.h`) say when each phoneme starts.
"""

import _ctypes
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import espeakng_loader
import numpy as np
from scipy.signal import resample_poly

from segtalker.utils.errors import SegTalkerError

ESPEAK_RATE_HZ = 22050
_SYNCHRONOUS = 2
_PHONEME_EVENTS = 0x0001
_UTF8 = 1
_SEED = 1
_BREATH_S = 0.12  # from one sentence to the next
_RATE, _PITCH, _RANGE = 1, 3, 4
_EVENT_END, _EVENT_PHONEME = 0, 7


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Voice(NamedTuple):
    """How a person speaks.

    Args:
        language: espeak-ng language, for example `en-us`.
        variant: espeak-ng voice variant, for example `f3`; empty for the language's own voice.
        rate_wpm: words a minute.
        pitch: 0-100.
        pitch_range: 0-100.
    """

    language: str
    variant: str
    rate_wpm: int
    pitch: int
    pitch_range: int


class Phoneme(NamedTuple):
    """A phoneme by its espeak-ng mnemonic (IPA-like text) and its time in seconds."""

    symbol: str
    start_s: float
    end_s: float


class Pause(NamedTuple):
    """Where a speaker stops within a sentence.

    Args:
        words: said before.
        seconds: how long nothing is said.
    """

    words: int
    seconds: float


@dataclass(frozen=True)
class Speech:
    """A spoken text.

    Args:
        samples: `(S,)`, float32 in [-1, 1].
        sample_rate_hz: rate of `samples`.
        phonemes: in order, without gaps; pauses are phonemes with an empty symbol.
    """

    samples: np.ndarray
    sample_rate_hz: int
    phonemes: tuple[Phoneme, ...]

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.sample_rate_hz


class _Recorder:
    """Collects what espeak-ng hands to its callback."""

    def __init__(self) -> None:
        self.chunks: list[np.ndarray] = []
        self.starts: list[tuple[float, str]] = []

    def __call__(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        for event in _events(events):
            if event.type == _EVENT_PHONEME:
                self.starts.append((event.audio_position_ms / 1000, event.id.string.decode("utf-8", "replace")))
        return 0


def _events(first: Any) -> Iterator[_Event]:
    index = 0
    while first[index].type != _EVENT_END:
        yield first[index]
        index += 1


@contextmanager
def _engine() -> Iterator[ctypes.CDLL]:
    """espeak-ng, loaded afresh: its pitch flutter lives in static state that only unloading resets."""
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
    except OSError as error:
        raise SegTalkerError(f"espeak-ng cannot be loaded ({error}); install espeakng-loader again") from error
    try:
        data = espeakng_loader.get_data_path().encode()
        if library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS) != ESPEAK_RATE_HZ:
            raise SegTalkerError("espeak-ng did not start; install espeakng-loader again")
        library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        yield library
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


def speak(text: str, voice: Voice) -> Speech:
    """Speaks a text; the same text and voice give the same samples, whatever was spoken before.

    Raises:
        SegTalkerError: espeak-ng is not there, or has no such voice.
    """
    recorder, text_bytes = _Recorder(), text.encode("utf-8")
    callback = _Callback(recorder)
    name = f"{voice.language}+{voice.variant}" if voice.variant else voice.language
    with _engine() as library:
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            raise SegTalkerError(f"espeak-ng has no voice {name}")
        for parameter, value in ((_RATE, voice.rate_wpm), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_SetSynthCallback(callback)
        library.espeak_Synth(text_bytes, len(text_bytes) + 1, 0, 0, 0, _UTF8, None, None)
        library.espeak_Synchronize()
    samples = np.concatenate([np.zeros(0, np.int16), *recorder.chunks]).astype(np.float32) / 32768.0
    return Speech(samples, ESPEAK_RATE_HZ, _phonemes(recorder.starts, len(samples) / ESPEAK_RATE_HZ))


def _phonemes(starts: list[tuple[float, str]], seconds: float) -> tuple[Phoneme, ...]:
    ends = [*(start for start, _ in starts[1:]), seconds]
    spans = [
        Phoneme(symbol.strip("_:;!'%=, "), min(start, seconds), min(end, seconds))
        for (start, symbol), end in zip(starts, ends, strict=True)
    ]
    return tuple(span for span in spans if span.end_s > span.start_s)


def _silence(seconds: float, sample_rate_hz: int) -> Speech:
    count = round(seconds * sample_rate_hz)
    return Speech(np.zeros(count, np.float32), sample_rate_hz, (Phoneme("", 0.0, count / sample_rate_hz),))


def _joined(parts: list[Speech]) -> Speech:
    rate, offset, phonemes = parts[0].sample_rate_hz, 0.0, []
    for part in parts:
        phonemes += [Phoneme(p.symbol, p.start_s + offset, p.end_s + offset) for p in part.phonemes]
        offset += part.seconds
    return Speech(np.concatenate([part.samples for part in parts]), rate, tuple(phonemes))


def _cut(speech: Speech, seconds: float) -> Speech:
    """The first `seconds`, ending with the last phoneme that fits whole, then silence."""
    whole = [phoneme for phoneme in speech.phonemes if phoneme.end_s <= seconds]
    end_s = whole[-1].end_s if whole else 0.0
    rate = speech.sample_rate_hz
    samples = np.zeros(round(seconds * rate), np.float32)
    cut_samples = speech.samples[: round(end_s * rate)].copy()
    fade = min(len(cut_samples), rate // 50)
    cut_samples[len(cut_samples) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    samples[: len(cut_samples)] = cut_samples
    return Speech(samples, rate, (*whole, Phoneme("", end_s, seconds)))


def _sentence(text: str, voice: Voice, pause: Pause | None) -> list[Speech]:
    """A sentence, in two parts where the speaker stops within it, and a breath."""
    words, breath = text.split(), _silence(_BREATH_S, ESPEAK_RATE_HZ)
    if pause is None or len(words) <= pause.words:
        return [speak(text, voice), breath]
    before, after = " ".join(words[: pause.words]), " ".join(words[pause.words :])
    return [speak(before, voice), _silence(pause.seconds, ESPEAK_RATE_HZ), speak(after, voice), breath]


def speak_for(
    seconds: float, sentences: Iterator[str], voice: Voice, lead_s: float, pause: Pause | None
) -> tuple[Speech, list[str]]:
    """Speaks sentences one after another until `seconds` are full.

    Args:
        seconds: length of the result.
        sentences: an endless supply.
        voice: who speaks.
        lead_s: silence before the first sound.
        pause: within the first sentence, or None.

    Returns:
        Exactly `seconds` of speech and the sentences begun.
    """
    parts, texts = [_silence(lead_s, ESPEAK_RATE_HZ)], []
    while sum(part.seconds for part in parts) < seconds:
        texts.append(next(sentences))
        parts += _sentence(texts[-1], voice, pause if len(texts) == 1 else None)
    return _cut(_joined(parts), seconds), texts


def resample(speech: Speech, sample_rate_hz: int) -> np.ndarray:
    """The samples at another rate: `(S,)`, float32, peak at 0.9 at most."""
    common = np.gcd(sample_rate_hz, speech.sample_rate_hz)
    samples = resample_poly(speech.samples, sample_rate_hz // common, speech.sample_rate_hz // common)
    samples = samples[: round(speech.seconds * sample_rate_hz)].astype(np.float32)
    return samples * np.float32(min(1.0, 0.9 / max(float(np.abs(samples).max()), 1e-6)))
