"""The embedded dataset as a source: people who do not exist, speaking synthetic speech."""

import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segtalker.clips.image_pack import write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask, Facts, task_key
from segtalker.clips.worker_pools import usable_cores
from segtalker.config.data import Synthetic
from segtalker.media.video import write_video
from segtalker.synthetic.motion import draw_motion
from segtalker.synthetic.person import draw_person
from segtalker.synthetic.renderer import Rendered, Renderer
from segtalker.synthetic.sentences import LANGUAGES, draw_voice, sentences
from segtalker.synthetic.speech import Pause, Speech, Voice, resample, speak_for
from segtalker.synthetic.visemes import articulation
from segtalker.utils.atomic import write_text
from segtalker.utils.code_hash import code_hash
from segtalker.utils.hashing import file_sha256

_CRF = 11
_LEAD_S = (0.08, 0.3)
_PAUSE_S = (0.6, 0.9)
_LEAST_WORDS, _WORDS_A_SECOND = 1, 1.25  # before a pause, so that it comes in the first half of a clip


class Recording(NamedTuple):
    """How a dataset is recorded.

    Args:
        seed: of the dataset.
        height: of a frame, pixels.
        width: of a frame, pixels.
        fps: frames a second.
        sample_rate_hz: of the sound.
    """

    seed: int
    height: int
    width: int
    fps: int
    sample_rate_hz: int


def synthetic_tasks(settings: Synthetic, recording: Recording, folder: Path) -> list[ClipTask[ClipRecord]]:
    """One task a clip: the first subjects train, the next validate, the last test.

    They come in an order in which processes that work side by side have a person each, who is painted once then.

    Args:
        settings: how many people and clips, and how long those are.
        recording: how they are recorded.
        folder: `data/download/<dataset>`.
    """
    code = code_hash(__name__)
    splits = [split for split, count in settings.subjects.items() for _ in range(count)]
    people = range(0, len(splits), usable_cores())
    records = [
        _record(subject, clip, splits[subject], settings.seconds_of(splits[subject]), folder)
        for first in people
        for clip in range(max(settings.clips_per_subject, settings.test_clips_per_subject))
        for subject in range(first, min(first + people.step, len(splits)))
        if clip < settings.clips_of(splits[subject])
    ]
    return [ClipTask(record, task_key(asdict(record), recording, code)) for record in records]


def _record(subject: int, clip: int, split: str, seconds: float, folder: Path) -> ClipRecord:
    clip_id = f"s{subject:03d}_{clip:02d}"
    place = folder / "clips" / clip_id
    return ClipRecord(
        clip_id=clip_id,
        subject=f"s{subject:03d}",
        split=split,
        source=place / "video.mp4",
        annotations=place,
        seconds=seconds,
    )


def _numbers(record: ClipRecord) -> tuple[int, int]:
    subject, _, clip = record.clip_id.removeprefix("s").partition("_")
    return int(subject), int(clip)


def spoken(record: ClipRecord, recording: Recording) -> tuple[Speech, list[str], Voice]:
    """What is said in a clip and how; a person keeps voice and language."""
    subject, clip = _numbers(record)
    person = draw_person(recording.seed, subject)
    own = np.random.default_rng((recording.seed, subject, 1))
    # half of the people speak English, the others one of the other languages
    language = LANGUAGES[0] if own.uniform() < 0.5 else LANGUAGES[1 + int(own.integers(len(LANGUAGES) - 1))]
    voice = draw_voice(record.split, language, person.gender, own)
    rng = np.random.default_rng((recording.seed, subject, 2, clip))
    texts = sentences(record.split, language, rng)
    lead_s = float(rng.uniform(*_LEAD_S))
    # everybody's second clip, fourth and so on: what is measured in silence stands on as many people as the rest
    pause = _draw_pause(record.seconds, rng) if clip % 2 else None
    speech, spoken_texts = speak_for(record.seconds, texts, voice, lead_s, pause)
    return speech, spoken_texts, voice


def _draw_pause(seconds: float, rng: np.random.Generator) -> Pause:
    words = rng.integers(_LEAST_WORDS, max(_LEAST_WORDS, int(_WORDS_A_SECOND * seconds)) + 1)
    return Pause(int(words), float(rng.uniform(*_PAUSE_S)))


def render_recording(record: ClipRecord, output: Path, recording: Recording) -> Facts:
    """Renders one clip: `video.mp4`, `masks.zip`, `landmarks.npy`, `speech.json`.

    Args:
        record: from `synthetic_tasks`.
        output: the clip's folder.
        recording: how.

    Returns:
        The fields that only the finished clip knows.
    """
    subject, clip = _numbers(record)
    frames = round(record.seconds * recording.fps)
    speech, spoken_texts, voice = spoken(record, recording)
    motion = draw_motion(frames, recording.fps, np.random.default_rng((recording.seed, subject, 3, clip)))
    images = list(_renderer(subject, recording).render(articulation(speech, recording.fps, frames), motion))
    _write(output, images, resample(speech, recording.sample_rate_hz), recording)
    _write_speech(output / "speech.json", speech, spoken_texts, voice)
    return {
        "source_sha256": file_sha256(output / "video.mp4"),
        "frames": frames,
        "seconds": round(frames / recording.fps, 3),
        "fps": recording.fps,
    }


@lru_cache(maxsize=2)
def _renderer(subject: int, recording: Recording) -> Renderer:
    """A person painted, which takes as long as a clip of them."""
    person = draw_person(recording.seed, subject)
    return Renderer(person, recording.height, recording.width, recording.seed * 1000 + subject)


def _write(output: Path, images: list[Rendered], sound: np.ndarray, recording: Recording) -> None:
    frames = (image.frame for image in images)
    write_video(output / "video.mp4", frames, recording.fps, sound, recording.sample_rate_hz, _CRF)
    write_images(output / "masks.zip", (image.regions for image in images), ".pgm")
    np.save(output / "landmarks.npy", np.stack([image.landmarks for image in images]))


def _write_speech(path: Path, speech: Speech, spoken_texts: list[str], voice: Voice) -> None:
    content = {
        "sentences": spoken_texts,
        "voice": voice._asdict(),
        "phonemes": [
            (phoneme.symbol, round(phoneme.start_s, 4), round(phoneme.end_s, 4)) for phoneme in speech.phonemes
        ],
    }
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1))
