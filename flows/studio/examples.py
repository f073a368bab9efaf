"""People and voices to try: those a run left for it, else rendered anew. All of them are made by this project."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segtalker.clips.store import write_wav
from segtalker.media.images import write_png
from segtalker.synthetic.motion import draw_motion
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.renderer import Renderer
from segtalker.synthetic.sentences import draw_voice, sentences
from segtalker.synthetic.speech import resample, speak
from segtalker.synthetic.visemes import articulation

_SEED = 20  # any: who is rendered
_PEOPLE, _VOICES = 4, 2
_SIDE, _FPS, _RATE_HZ = 256, 25, 16000


@dataclass(frozen=True)
class Examples:
    """Files to try.

    Args:
        faces: pictures of people.
        voices: speech.
    """

    faces: list[Path]
    voices: list[Path]


def make_examples(root: Path, experiment: str, folder: Path) -> Examples:
    """Copies the samples of an experiment's test people, or renders some people where it left none.

    Args:
        root: the project folder.
        experiment: whose samples.
        folder: to be made.
    """
    folder.mkdir(parents=True)
    samples = root / "results" / experiment / "generate" / "samples"
    for path in sorted((*samples.glob("*.png"), *samples.glob("*.wav"))):
        shutil.copyfile(path, folder / path.name)
    if not any(folder.glob("*.png")) or not any(folder.glob("*.wav")):
        _render(folder)
    return Examples(sorted(folder.glob("*.png")), sorted(folder.glob("*.wav")))


def _render(folder: Path) -> None:
    for subject in range(_PEOPLE):
        rng = np.random.default_rng((_SEED, subject))
        person = draw_person(_SEED, subject)
        speech = speak(next(sentences("test", "en-us", rng)), draw_voice("test", "en-us", person.gender, rng))
        mouth = articulation(speech, _FPS, round(speech.seconds * _FPS))
        widest = int(mouth.jaw.argmax())
        moment = type(mouth)(*(track[widest : widest + 1] for track in vars(mouth).values()))
        motion = draw_motion(1, _FPS, rng)
        renderer = Renderer(person, _SIDE, _SIDE, _SEED * 1000 + subject)
        write_png(folder / f"person{subject + 1}.png", next(renderer.render(moment, motion)).frame)
        if subject < _VOICES:
            write_wav(folder / f"voice{subject + 1}.wav", resample(speech, _RATE_HZ), _RATE_HZ)
