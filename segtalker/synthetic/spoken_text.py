"""A text that a person typed, spoken by espeak-ng into a sound file."""

from pathlib import Path

import numpy as np
from scipy.io import wavfile

from segtalker.synthetic.speech import Voice, speak
from segtalker.synthetic.voices import parse_voice
from segtalker.utils.atomic import atomic_file
from segtalker.utils.errors import BadInputError

_RATE_WPM, _PITCH, _PITCH_RANGE = 165, 50, 50
_PAUSE_S = 0.15  # before and after, so that the mouth is seen at rest


def speak_text(text: str, voice: str, path: Path) -> None:
    """Writes a text as speech, 22.05 kHz, 16 bits.

    Args:
        text: what is said.
        voice: see `segtalker.synthetic.voices.parse_voice`.
        path: the `.wav` to write.

    Raises:
        BadInputError: there is no such voice, or nothing in the text can be said.
    """
    language, variant = parse_voice(voice)
    speech = speak(text, Voice(language, variant, _RATE_WPM, _PITCH, _PITCH_RANGE))
    if not speech.samples.any():
        raise BadInputError(f"--text {text!r}: nothing in it can be said; give words")
    pause = np.zeros(round(_PAUSE_S * speech.sample_rate_hz), np.float32)
    samples = np.concatenate([pause, speech.samples, pause])
    with atomic_file(path) as temporary:
        wavfile.write(temporary, speech.sample_rate_hz, np.rint(samples * 32767).astype(np.int16))
