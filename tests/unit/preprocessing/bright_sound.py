"""A clip that is as loud as it is bright, and an expert that knows nothing else."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from segtalker.clips.image_pack import write_images
from segtalker.clips.record import ClipRecord
from segtalker.clips.store import write_array
from segtalker.config.params import load_params
from segtalker.media.video import write_video
from segtalker.nets.tensors import RGB_CHANNELS
from segtalker.preprocessing.clip_sound import write_sound

SIZE, FRAMES, FPS, RATE = 128, 100, 25, 16000
FACE = np.stack(np.meshgrid(np.linspace(40, 90, 8), np.linspace(35, 95, 9)), axis=-1).reshape(-1, 2)[:68]


class LoudnessExpert:
    """Hears loudness and sees brightness; each window's course is its vector. Knows nothing of mouths."""

    window = (5, RGB_CHANNELS, 64, 96)
    audio_tower = SimpleNamespace(window=(80, 16))

    @staticmethod
    def _unit(courses: torch.Tensor) -> torch.Tensor:
        centred = courses - courses.mean(dim=1, keepdim=True)
        return centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-6)

    def embed_frames(self, frames: torch.Tensor) -> torch.Tensor:
        return self._unit(frames.mean(dim=(2, 3, 4)))

    def embed_audio(self, mel: torch.Tensor) -> torch.Tensor:
        course = mel.mean(dim=1, keepdim=True)
        return self._unit(torch.nn.functional.interpolate(course, 5, mode="area")[:, 0])


def brightness() -> np.ndarray:
    """A course of light that repeats nowhere, one value a frame and some before and after."""
    return np.random.default_rng(5).uniform(0.1, 1.0, FRAMES + 40)


def make_recording(folder: Path, late: int) -> tuple[ClipRecord, Path]:
    """A clip whose sound is as loud as its picture is bright, so many frames late, with the recording it is from."""
    light = brightness()
    frames = [np.full((SIZE, SIZE, 3), round(220 * value), np.uint8) for value in light[20 : 20 + FRAMES]]
    course = light[20 - late : 20 - late + FRAMES].repeat(RATE // FPS)
    noise = np.random.default_rng(0).normal(0, 0.2, len(course)) * 10 ** (2 * (course - 1))
    source = folder / f"late{late}.mkv"
    write_video(source.with_suffix(".mp4"), frames, FPS, noise.astype(np.float32), RATE, crf=10)
    place = folder / "crops" / f"late{late}"
    write_images(place / "frames.zip", frames, ".jpg")
    write_array(place / "landmarks.npy", np.repeat(FACE[None], FRAMES, 0).astype(np.float32))
    write_sound(place, noise.astype(np.float32), load_params(Path(__file__).parents[3]).base)
    (place / "crop.json").write_text('{"squares": [[0, 0, 256.0]], "start_s": 0.0}')
    source = source.with_suffix(".mp4")
    return ClipRecord(clip_id=place.name, subject="s", source=source, frames=FRAMES), place
