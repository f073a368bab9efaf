"""Typed text spoken by espeak-ng."""

import threading
from pathlib import Path

from segtalker.synthetic.spoken_text import speak_text
from segtalker.utils.errors import BadInputError

LANGUAGES = {
    "English (US)": "en-us",
    "English (UK)": "en-gb",
    "Deutsch": "de",
    "Español": "es",
    "Français": "fr",
    "Italiano": "it",
    "Nederlands": "nl",
    "Polski": "pl",
    "Português (Brasil)": "pt-br",
    "Svenska": "sv",
    "Türkçe": "tr",
    "Русский": "ru",
    "हिन्दी": "hi",
    "中文": "cmn",
}
SPEAKERS = {"Woman": "f2", "Man": "m3"}  # espeak-ng's variants of a voice
_MAX_CHARACTERS = 4000
_engine_lock = threading.Lock()  # espeak-ng speaks for one at a time


def speak(text: str, language: str, speaker: str, folder: Path) -> Path:
    """Speaks a text into a sound file.

    Args:
        text: what to say.
        language: a key of `LANGUAGES`.
        speaker: a key of `SPEAKERS`.
        folder: an existing one; the file is named by the text's first words.

    Raises:
        BadInputError: there is nothing to say, or far too much.
    """
    words = text.split()
    if not any(character.isalnum() for character in text):
        raise BadInputError("no text: type what the face shall say")
    if len(text) > _MAX_CHARACTERS:
        raise BadInputError(f"{len(text)} characters of text; at most {_MAX_CHARACTERS} are spoken at once")
    path = folder / f"{_file_name(words)}.wav"
    with _engine_lock:
        speak_text(" ".join(words), f"{LANGUAGES[language]}+{SPEAKERS[speaker]}", path)
    return path


def _file_name(words: list[str]) -> str:
    kept = ("".join(filter(str.isalnum, word)) for word in words[:4])
    return "-".join(filter(None, kept))[:40].lower() or "speech"
