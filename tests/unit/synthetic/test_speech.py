"""Speech: repeatable, timed, and by voices and sentences that the splits do not share."""

import numpy as np
import pytest

from segtalker.synthetic.sentences import sentences
from segtalker.synthetic.speech import Pause, Voice, resample, speak, speak_for
from segtalker.utils.errors import SegTalkerError

VOICE = Voice("en-us", "f2", 150, 50, 50)
TEXT = "Maybe Bob bought five new maps."


def test_same_words_same_samples_whatever_was_said_before() -> None:
    first = speak(TEXT, VOICE)
    speak("Something else entirely.", Voice("de", "m3", 170, 40, 60))
    again = speak(TEXT, VOICE)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.phonemes == again.phonemes


def test_phonemes_fill_the_time_in_order() -> None:
    speech = speak(TEXT, VOICE)
    starts = np.array([phoneme.start_s for phoneme in speech.phonemes])
    ends = np.array([phoneme.end_s for phoneme in speech.phonemes])
    assert np.all(ends > starts)
    np.testing.assert_allclose(starts[1:], ends[:-1])
    assert ends[-1] == pytest.approx(speech.seconds, abs=0.02)


def test_vowels_are_loud_where_the_phonemes_say() -> None:
    speech = speak(TEXT, VOICE)
    level = {}
    for phoneme in speech.phonemes:
        piece = speech.samples[round(phoneme.start_s * 22050) : round(phoneme.end_s * 22050)]
        kind = "pause" if not phoneme.symbol else "vowel" if phoneme.symbol[0] in "aeiouAEIOUV03@" else "other"
        level.setdefault(kind, []).append(float(np.sqrt(np.mean(piece**2))))
    assert np.mean(level["vowel"]) > 5 * np.mean(level["pause"])


def test_voices_sound_different() -> None:
    other = speak(TEXT, VOICE._replace(variant="m3", pitch=30))
    mine = speak(TEXT, VOICE)
    shortest = min(len(other.samples), len(mine.samples))
    assert not np.allclose(other.samples[:shortest], mine.samples[:shortest], atol=0.01)


def test_unknown_voice_is_refused() -> None:
    with pytest.raises(SegTalkerError, match="no voice"):
        speak(TEXT, VOICE._replace(language="xx-none"))


def test_speech_fills_the_wanted_time_and_ends_in_silence() -> None:
    texts = sentences("test", "fr", np.random.default_rng(0))
    speech, said = speak_for(2.5, texts, VOICE._replace(language="fr"), lead_s=0.2, pause=None)
    assert len(speech.samples) == round(2.5 * speech.sample_rate_hz)
    assert said
    assert not np.abs(speech.samples[: round(0.15 * speech.sample_rate_hz)]).max()
    assert speech.phonemes[0].symbol == speech.phonemes[-1].symbol == ""
    assert len(resample(speech, 16000)) == 40000


def test_a_speaker_stops_within_a_sentence_and_goes_on() -> None:
    speech, said = speak_for(2.4, iter([TEXT, TEXT]), VOICE, lead_s=0.1, pause=Pause(words=2, seconds=0.6))
    before, rate = speak("Maybe Bob", VOICE), speech.sample_rate_hz
    first = round(0.1 * rate)
    stop = first + len(before.samples)
    np.testing.assert_array_equal(speech.samples[first:stop], before.samples)
    assert not np.any(speech.samples[stop : stop + round(0.6 * rate)])
    assert np.abs(speech.samples[stop + round(0.6 * rate) :]).max() > 0.05
    assert said == [TEXT]
