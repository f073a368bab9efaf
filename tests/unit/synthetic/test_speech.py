"""Synthetic speech: the same bytes every time, phonemes where the sound is."""

import subprocess
import sys
from itertools import cycle

import numpy as np
import pytest

from segtalker.errors import SegTalkerError
from segtalker.synthetic.sentences import LANGUAGES, SENTENCES, VARIANTS
from segtalker.synthetic.speech import Voice, resample, speak, speak_for
from segtalker.synthetic.visemes import loudness, targets

VOICE = Voice("en-us", "f2", 150, 50, 50)
SPLITS = ("train", "val", "test")


def test_speech_does_not_depend_on_what_was_said_before() -> None:
    first = speak("Hello my friend.", VOICE)
    speak("Guten Tag.", Voice("de", "m2", 190, 30, 60))
    assert np.array_equal(first.samples, speak("Hello my friend.", VOICE).samples)


def test_speech_is_the_same_in_another_process() -> None:
    code = (
        "from segtalker.synthetic.speech import Voice, speak; import hashlib;"
        "print(hashlib.sha256(speak('Hello.', Voice('en-us', 'f2', 150, 50, 50)).samples.tobytes()).hexdigest())"
    )
    digests = {subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)}
    assert len(digests) == 1


def test_phonemes_fill_the_time_in_order() -> None:
    speech = speak("Please move the big wooden table.", VOICE)
    for before, after in zip(speech.phonemes, speech.phonemes[1:], strict=False):
        assert before.start_s < before.end_s <= after.start_s + 1e-6
    assert speech.phonemes[-1].end_s <= speech.seconds + 1e-6


def test_pauses_are_silent_and_vowels_loud() -> None:
    speech, _ = speak_for(3.0, cycle(["My father and my mother sing."]), VOICE, lead_s=0.4)
    vowels = [p for p in speech.phonemes if p.symbol in ("aI", "A:", "A", "V", "I")]
    assert loudness(speech, np.array([0.2]))[0] < 0.02
    assert np.mean(loudness(speech, np.array([(p.start_s + p.end_s) / 2 for p in vowels]))) > 0.3


def test_speech_fills_exactly_the_time_asked_for() -> None:
    speech, said = speak_for(2.5, cycle(["One two three four."]), VOICE, lead_s=0.1)
    assert len(speech.samples) == round(2.5 * speech.sample_rate_hz)
    assert len(resample(speech, 16000)) == 40000
    assert said


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(SegTalkerError, match=r"no voice xx\+f2"):
        speak("Hello.", VOICE._replace(language="xx"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_splits_share_no_sentence(language: str) -> None:
    said = [set(SENTENCES[split][language]) for split in SPLITS]
    assert sum(len(texts) for texts in said) == len(set.union(*said))


def test_splits_share_no_voice() -> None:
    voices = [{name for names in VARIANTS[split].values() for name in names} for split in SPLITS]
    assert sum(len(names) for names in voices) == len(set.union(*voices))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phoneme_has_a_viseme(language: str) -> None:
    for split in SPLITS:
        for sentence in SENTENCES[split][language]:
            for phoneme in speak(sentence, VOICE._replace(language=language)).phonemes:
                assert targets(phoneme.symbol)
