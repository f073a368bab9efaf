"""Typed text becomes speech."""

from pathlib import Path

import pytest

from flows.studio.voices import LANGUAGES, SPEAKERS, speak
from segtalker.media.audio import load_audio
from segtalker.utils.errors import BadInputError


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_and_voice_speaks(language: str, tmp_path: Path) -> None:
    texts = {speaker: load_audio(speak("1 2 3", language, speaker, tmp_path), 16000) for speaker in SPEAKERS}
    assert all(len(samples) > 8000 for samples in texts.values())
    assert not (texts["Woman"][:8000] == texts["Man"][:8000]).all()


def test_the_file_is_named_by_the_words(tmp_path: Path) -> None:
    assert speak("Good morning,\n../how are you?", "English (US)", "Man", tmp_path).name == "good-morning-how-are.wav"


def test_nothing_to_say_is_said(tmp_path: Path) -> None:
    for text in ("", "  \n", "?!"):
        with pytest.raises(BadInputError, match="type what the face shall say"):
            speak(text, "English (US)", "Woman", tmp_path)
    with pytest.raises(BadInputError, match="5000 characters"):
        speak("a" * 5000, "English (US)", "Woman", tmp_path)
    assert not list(tmp_path.iterdir())
