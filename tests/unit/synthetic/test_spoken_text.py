"""Typed text becomes speech in a voice that is named."""

from pathlib import Path

import pytest

from segtalker.media.audio import load_sound
from segtalker.synthetic.spoken_text import speak_text
from segtalker.synthetic.voices import languages, parse_voice
from segtalker.utils.errors import BadInputError


def test_a_text_is_heard(tmp_path: Path) -> None:
    speak_text("Good morning to all of you.", "en-gb", tmp_path / "a.wav")
    speak_text("Good morning to all of you.", "en-gb", tmp_path / "again.wav")
    sound = load_sound(tmp_path / "a.wav", 22050)
    assert 1.0 < sound.end_s < 4.0
    assert abs(sound.samples).max() > 0.1
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "again.wav").read_bytes()
    speak_text("Guten Morgen.", "de+f3", tmp_path / "de.wav")
    assert (tmp_path / "de.wav").stat().st_size > 10_000
    with pytest.raises(BadInputError, match="nothing in it can be said"):
        speak_text("...", "en-gb", tmp_path / "none.wav")
    assert not (tmp_path / "none.wav").exists()


def test_voices_go_by_the_names_of_languages() -> None:
    assert {"en-gb", "en-us", "de", "fr", "cmn"} <= set(languages())
    assert parse_voice("EN-GB") == ("en", "")
    assert parse_voice("fr+f2") == ("fr", "f2")
    with pytest.raises(BadInputError, match=r"--voice en-zz: espeak-ng has no such voice; there are .*en-gb"):
        parse_voice("en-zz")
    with pytest.raises(BadInputError, match="no such variant"):
        parse_voice("de+nobody")
