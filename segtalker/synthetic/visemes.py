"""From phonemes to what the mouth does, with coarticulation.

Dominance functions after Cohen and Massaro, "Modeling Coarticulation in Synthetic Visual Speech" (1993): every
phoneme pulls each articulator towards its target, strongest at its centre and less with distance; the pulls are
averaged. Opening is scaled by the loudness of the sound, so nothing moves that is not heard.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.signal import fftconvolve
from scipy.signal.windows import gaussian

from segtalker.synthetic.speech import Phoneme, Speech


@dataclass(frozen=True)
class Articulation:
    """Articulators over time, each `(T,)`, float32 in [0, 1].

    Args:
        jaw: opening of the mouth.
        width: 0 pursed, 0.5 neutral, 1 spread.
        round: protrusion of the lips.
        press: lips pressed together.
        bite: lower lip drawn to the upper teeth.
        teeth: how far the teeth show.
        tongue: how far the tongue is raised.
    """

    jaw: np.ndarray
    width: np.ndarray
    round: np.ndarray
    press: np.ndarray
    bite: np.ndarray
    teeth: np.ndarray
    tongue: np.ndarray

    def __len__(self) -> int:
        return len(self.jaw)


ARTICULATORS = ("jaw", "width", "round", "press", "bite", "teeth", "tongue")
_JAW = ARTICULATORS.index("jaw")
_REACH_S = 0.2
_DECAY_S = 0.033
_LOUDNESS_S = 0.03
_QUIET, _LOUD = 0.25, 0.75


class Target(NamedTuple):
    """Where a phoneme pulls the articulators and how strongly it insists on lips and jaw."""

    jaw: float
    width: float
    round: float
    press: float
    bite: float
    teeth: float
    tongue: float
    strength: float


def _vowel(jaw: float, width: float, rounding: float) -> Target:
    return Target(jaw, width, rounding, 0, 0, 0.25, 0.1, 2.0)


PAUSE = Target(0, 0.5, 0.05, 0.2, 0, 0, 0, 0.8)
TARGETS = {
    "a": _vowel(1.0, 0.6, 0), "A": _vowel(1.0, 0.45, 0.05), "&": _vowel(0.85, 0.7, 0), "V": _vowel(0.7, 0.5, 0),
    "3": _vowel(0.5, 0.4, 0.2), "@": _vowel(0.45, 0.5, 0.05), "e": _vowel(0.5, 0.85, 0), "E": _vowel(0.7, 0.75, 0),
    "i": _vowel(0.28, 1.0, 0), "I": _vowel(0.38, 0.85, 0), "O": _vowel(0.75, 0.22, 0.55),
    "0": _vowel(0.8, 0.3, 0.4), "Q": _vowel(0.8, 0.3, 0.4), "o": _vowel(0.5, 0.1, 0.85),
    "U": _vowel(0.38, 0.15, 0.75), "u": _vowel(0.25, 0.0, 1.0), "y": _vowel(0.25, 0.05, 0.95),
    "Y": _vowel(0.42, 0.1, 0.85), "W": _vowel(0.6, 0.2, 0.7), "2": _vowel(0.45, 0.15, 0.8),
    "p": Target(0, 0.45, 0.1, 1, 0, 0, 0, 5.0), "f": Target(0.1, 0.5, 0, 0, 1, 0.7, 0, 3.0),
    "B": Target(0.1, 0.45, 0.1, 0.7, 0, 0, 0, 3.0), "T": Target(0.25, 0.55, 0, 0, 0, 0.7, 1.0, 1.5),
    "t": Target(0.2, 0.55, 0, 0, 0, 0.6, 0.6, 1.0), "l": Target(0.35, 0.55, 0, 0, 0, 0.4, 0.9, 1.0),
    "s": Target(0.12, 0.75, 0, 0, 0, 1.0, 0.2, 2.0), "S": Target(0.15, 0.2, 0.7, 0, 0, 0.9, 0.2, 2.0),
    "r": Target(0.3, 0.4, 0.25, 0, 0, 0.3, 0.3, 0.8), "k": Target(0.3, 0.5, 0, 0, 0, 0.2, 0, 0.6),
    "j": Target(0.22, 0.9, 0, 0, 0, 0.3, 0.2, 1.0), "w": Target(0.18, 0.0, 1.0, 0, 0, 0, 0, 2.0),
    "h": Target(0.4, 0.5, 0.05, 0, 0, 0.1, 0, 0.3),
}  # fmt: skip
# symbols that look alike share a target
_LIKE = {
    "b": "p", "m": "p", "v": "f", "D": "T", "d": "t", "n": "t", "L": "l", "z": "s", "Z": "S", "R": "r", "*": "r",
    "g": "k", "x": "k", "N": "k", "C": "j",
}  # fmt: skip
_WHOLE = {"w2": "w", "l^": "j", "n^": "j", "t2": "t", "z2": "s"}
# longest first; a mark that follows (length, nasal, variant) does not change what the lips do
_SYMBOL = re.compile(r"(tS|dZ|ts|dz|pF|w2|l\^|n\^|t2|z2|@2|O2|I2|[A-Za-z&@*0-9])")
_FIRST_OF = {"tS": "S", "dZ": "S", "ts": "s", "dz": "s", "pF": "f", "@2": "@", "O2": "O", "I2": "I"}


def targets(symbol: str) -> list[Target]:
    """What a phoneme asks of the mouth, in order: two targets for a diphthong, `PAUSE` for silence.

    Args:
        symbol: espeak-ng's mnemonic.

    Raises:
        KeyError: no part of the symbol is known.
    """
    if not symbol:
        return [PAUSE]
    parts = [_FIRST_OF.get(part) or _WHOLE.get(part, part) for part in _SYMBOL.findall(symbol)]
    viseme_targets = [TARGETS[_LIKE.get(part, part)] for part in parts if _LIKE.get(part, part) in TARGETS]
    if not viseme_targets:
        raise KeyError(symbol)
    return viseme_targets


def _spread(phonemes: tuple[Phoneme, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres `(P,)` and half lengths `(P,)` in seconds and targets `(P, 8)`, a diphthong giving two."""
    centres, halves, rows = [], [], []
    for phoneme in phonemes:
        phoneme_targets = targets(phoneme.symbol)
        step = (phoneme.end_s - phoneme.start_s) / len(phoneme_targets)
        for index, target in enumerate(phoneme_targets):
            centres.append(phoneme.start_s + (index + 0.5) * step)
            halves.append(step / 2)
            rows.append(target)
    return np.array(centres), np.array(halves), np.array(rows)


def loudness(speech: Speech, times_s: np.ndarray) -> np.ndarray:
    """Loudness at some times, relative to the loud parts of the speech: `(T,)`, in [0, 1]."""
    rate = speech.sample_rate_hz
    power = _smoothed(speech.samples.astype(np.float64) ** 2, _LOUDNESS_S * rate)
    level = np.sqrt(np.maximum(power, 0))
    reference = max(float(np.quantile(level, 0.9)), 1e-4)
    at = np.clip(np.round(times_s * rate).astype(int), 0, len(level) - 1)
    return np.clip(level[at] / reference, 0, 1)


def _smoothed(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian filter of `(S,)`, mirrored at its ends; by FFT, for the filter is thousands of samples long."""
    reach = round(4 * sigma)
    weights = gaussian(2 * reach + 1, sigma)
    return fftconvolve(np.pad(values, reach, mode="symmetric"), weights / weights.sum(), mode="valid")


def articulation(speech: Speech, fps: int, frames: int) -> Articulation:
    """What the mouth does in each frame.

    Args:
        speech: what is said.
        fps: frames a second.
        frames: T, how many; frame i shows the middle of its time, (i + 0.5) / fps.
    """
    times = (np.arange(frames) + 0.5) / fps
    centres, halves, rows = _spread(speech.phonemes)
    distance = np.maximum(np.abs(times[:, None] - centres) - halves * 0.6, 0)
    pull = np.exp(-distance / _DECAY_S) * (distance < _REACH_S) * rows[:, -1]
    values = pull @ rows[:, :-1] / np.maximum(pull.sum(1, keepdims=True), 1e-9)
    frame_loudness = loudness(speech, times)
    values[:, _JAW] *= np.clip((frame_loudness + _QUIET) / (_LOUD + _QUIET), 0, 1) * (frame_loudness > 0.02)
    values = np.clip(values, 0, 1).astype(np.float32)
    return Articulation(**{name: values[:, index] for index, name in enumerate(ARTICULATORS)})
