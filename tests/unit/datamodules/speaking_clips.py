"""Clips on disk whose mouths open frame by frame, and windows of them."""

from pathlib import Path

import cv2
import numpy as np

from datamodules.mouth_clips import MouthClips, WindowShape
from datamodules.speech_augmentation import SpeechAugmentation
from segtalker.clips.image_pack import write_images
from segtalker.clips.store import Clip
from segtalker.config.base import Clock
from segtalker.regions import LIP, MOUTH

SIZE = (16, 24)
FRAMES = 20
CLOCK = Clock(fps=25, sample_rate_hz=16000, mel_hop=200, smooth_frames=3)
WINDOW = WindowShape(frames=5, mel_columns=16, clock=CLOCK, mel_max_abs=4.0)
AS_IT_IS = SpeechAugmentation(vocal_tract=0.0, gain=0.0, tilt=0.0, noise=0.0)
CHANGED = SpeechAugmentation(vocal_tract=0.2, gain=1.0, tilt=1.0, noise=0.3)


def write_clip(folder: Path, seed: int) -> Clip:
    """Mouths that open frame by frame in noise; the first mel bin counts the columns."""
    rng = np.random.default_rng(seed)
    masks = rng.integers(2, 8, (FRAMES, 64, 64), dtype=np.uint8)
    for index, mask in enumerate(masks):
        cv2.ellipse(mask, ((32, 44), (16, 2 + index), 0), LIP, -1)
        cv2.ellipse(mask, ((32, 44), (12, index), 0), MOUTH, -1)
    face = np.zeros((68, 2), np.float32)
    face[[36, 39, 42, 45], 0] = (-14, -8, 8, 14)
    face[31:36, 1] = 15
    landmarks = face + np.array((32, 20), np.float32) + rng.normal(0, 1, (FRAMES, 1, 2)).astype(np.float32)
    mel = rng.uniform(-4, 4, (80, 66)).astype(np.float32)
    mel[0] = np.linspace(-4, 4, 66)
    crop, parse = folder / "crop" / str(seed), folder / "parse" / str(seed)
    crop.mkdir(parents=True)
    write_images(parse / "masks.zip", masks, ".pgm")
    write_images(crop / "frames.zip", rng.integers(0, 256, (FRAMES, 64, 64, 3), dtype=np.uint8), ".jpg")
    np.save(crop / "landmarks.npy", landmarks)
    np.save(crop / "mel.npy", mel)
    return Clip(str(seed), str(seed), "train", crop, parse, parse)


def open_mouths(clips: list[Clip], border: int = 2, cache_mib: int = 64) -> MouthClips:
    return MouthClips(clips, size=SIZE, border=border, smooth_frames=3, cache_mib=cache_mib)
