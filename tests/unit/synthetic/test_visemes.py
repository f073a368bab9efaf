"""The mouth: moved by the sound, closed where lips close, smooth."""

from dataclasses import replace

import numpy as np
import pytest

from segtalker.synthetic.sentences import LANGUAGES, SENTENCES
from segtalker.synthetic.speech import Phoneme, Speech, Voice, speak
from segtalker.synthetic.visemes import articulation, loudness, targets

FPS = 50


def said(text: str, language: str = "en-us") -> Speech:
    """A sentence by one voice."""
    return speak(text, Voice(language, "m3", 140, 50, 50))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phoneme_of_every_sentence_has_a_shape(language: str) -> None:
    for texts in (SENTENCES[split][language] for split in SENTENCES):
        for text in texts:
            for phoneme in said(text, language).phonemes:
                assert targets(phoneme.symbol)


def test_an_unknown_phoneme_is_an_error() -> None:
    with pytest.raises(KeyError):
        targets("?")


@pytest.mark.parametrize("text", ["Papa bought a map.", "My mother made me some more.", "Bob and Barbara."])
def test_lips_close_for_p_b_m(text: str) -> None:
    speech = said(text)
    shape = articulation(speech, FPS, round(speech.seconds * FPS))
    closures = [p for p in speech.phonemes if p.symbol in ("p", "b", "m") and p.end_s - p.start_s > 0.045]
    assert closures
    for phoneme in closures:
        frames = slice(int(phoneme.start_s * FPS), int(phoneme.end_s * FPS) + 1)
        assert (shape.jaw * (1 - shape.press))[frames].min() < 0.12
    assert shape.jaw.max() > 0.4


def test_opening_follows_loudness() -> None:
    speech = said("A warm wind blew over the empty fields all afternoon, and nobody knew why.")
    frames = round(speech.seconds * FPS)
    shape = articulation(speech, FPS, frames)
    heard = loudness(speech, (np.arange(frames) + 0.5) / FPS)
    assert np.corrcoef(shape.jaw, heard)[0, 1] > 0.5


def test_nothing_opens_without_sound() -> None:
    speech = said("Open the map and follow the road.")
    frames = round(speech.seconds * FPS)
    mute = articulation(replace(speech, samples=np.zeros_like(speech.samples)), FPS, frames)
    assert not mute.jaw.any()


def test_mouth_is_closed_in_pauses() -> None:
    first, second = said("Hello there."), said("How are you?")
    quiet = np.zeros(round(0.8 * first.sample_rate_hz), np.float32)
    offset = first.seconds + 0.8
    pause = Phoneme("", first.seconds, offset)
    later = [p._replace(start_s=p.start_s + offset, end_s=p.end_s + offset) for p in second.phonemes]
    samples = np.concatenate([first.samples, quiet, second.samples])
    both = Speech(samples, first.sample_rate_hz, (*first.phonemes, pause, *later))
    shape = articulation(both, FPS, round(both.seconds * FPS))
    middle = slice(round((first.seconds + 0.3) * FPS), round((first.seconds + 0.5) * FPS))
    assert shape.jaw[middle].max() < 0.02


def test_later_sound_later_mouth() -> None:
    speech = said("Follow me, but be careful.")
    shift = 10 / FPS
    late = Speech(
        np.concatenate([np.zeros(round(shift * speech.sample_rate_hz), np.float32), speech.samples]),
        speech.sample_rate_hz,
        (Phoneme("", 0.0, shift), *(Phoneme(p.symbol, p.start_s + shift, p.end_s + shift) for p in speech.phonemes)),
    )
    frames = round(speech.seconds * FPS)
    now, then = articulation(speech, FPS, frames), articulation(late, FPS, frames + 10)
    np.testing.assert_allclose(then.jaw[25:-5], now.jaw[15:-5], atol=0.08)


def test_movement_is_smooth_and_in_range() -> None:
    speech = said("She poured a cup of coffee and opened the newspaper.")
    shape = articulation(speech, 100, round(speech.seconds * 100))
    for values in vars(shape).values():
        assert values.min() >= 0
        assert values.max() <= 1
        assert np.abs(np.diff(values)).max() < 0.35
