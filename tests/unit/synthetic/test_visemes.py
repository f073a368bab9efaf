"""What the mouth does is caused by the sound."""

from itertools import cycle

import numpy as np
import pytest

from segtalker.synthetic.articulation import Articulation
from segtalker.synthetic.speech import Speech, Voice, speak_for
from segtalker.synthetic.visemes import articulation, loudness

FPS = 100


@pytest.fixture(scope="module")
def spoken() -> tuple[Speech, Articulation]:
    texts = cycle(["My mother bought a big blue boat.", "We feed five cows at the farm."])
    speech, _ = speak_for(8.0, texts, Voice("en-us", "m2", 140, 50, 50), lead_s=0.5)
    return speech, articulation(speech, FPS, 8 * FPS)


def _at(spoken: tuple[Speech, Articulation], symbols: tuple[str, ...], name: str) -> np.ndarray:
    speech, shape = spoken
    middles = [(p.start_s + p.end_s) / 2 for p in speech.phonemes if p.symbol in symbols]
    assert middles, symbols
    return getattr(shape, name)[[min(round(time * FPS), len(shape) - 1) for time in middles]]


def test_silence_is_closed(spoken: tuple[Speech, Articulation]) -> None:
    assert spoken[1].jaw[: round(0.4 * FPS)].max() < 0.02


def test_bilabials_close_the_lips(spoken: tuple[Speech, Articulation]) -> None:
    assert _at(spoken, ("p", "b", "m"), "press").min() > 0.6
    assert _at(spoken, ("p", "b", "m"), "jaw").max() < 0.25


def test_labiodentals_bite(spoken: tuple[Speech, Articulation]) -> None:
    assert _at(spoken, ("f", "v"), "bite").min() > 0.5


def test_open_vowels_open_and_rounded_ones_round(spoken: tuple[Speech, Articulation]) -> None:
    assert _at(spoken, ("aU", "aI", "A@", "O:"), "jaw").mean() > 0.45
    assert _at(spoken, ("u:", "u"), "round").mean() > _at(spoken, ("i:", "i"), "round").mean() + 0.4
    assert _at(spoken, ("u:", "u"), "width").mean() < _at(spoken, ("i:", "i"), "width").mean() - 0.4


def test_opening_follows_loudness(spoken: tuple[Speech, Articulation]) -> None:
    speech, shape = spoken
    heard = loudness(speech, (np.arange(len(shape)) + 0.5) / FPS)
    assert np.corrcoef(heard, shape.jaw)[0, 1] > 0.3


def test_values_stay_in_range(spoken: tuple[Speech, Articulation]) -> None:
    for values in vars(spoken[1]).values():
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert values.max() <= 1
