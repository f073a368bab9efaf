"""Windows of frames and speech for the sync experts."""

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.clip_draws import ClipChoice
from datamodules.draws import draw_rng
from datamodules.mouth_clips import Content, MouthClips, WindowShape, shifted
from datamodules.speech_augmentation import SpeechAugmentation, change_speech
from segtalker.media.mel import window_starts


def recoloured(boxes: np.ndarray, rng: np.random.Generator, amount: float) -> np.ndarray:
    """Another skin in another light: each channel of RGB boxes, `(..., 3)` uint8, gets its own contrast and level.

    Args:
        boxes: of one clip; all are changed alike.
        rng: random numbers.
        amount: largest relative change.
    """
    contrast = np.exp(rng.uniform(-amount, amount) + rng.uniform(-amount, amount, 3) / 2)
    level = 128 * (1 + rng.uniform(-amount, amount) + rng.uniform(-amount, amount, 3) / 2)
    tables = (np.arange(256) - 128)[:, None] * contrast + level
    tables = tables.clip(0, 255).round().astype(np.uint8)
    return cv2.LUT(boxes.reshape(-1, 1, 3), tables[None]).reshape(boxes.shape)


class SyncDraws(Dataset):
    """Groups of windows from one stretch of one clip: each other's hardest negatives.

    Args:
        clips: mouth boxes to learn from.
        choice: of the clip.
        content: RGB `frames` or region `masks`.
        window: what an expert sees at once.
        seed: of the draws.
        windows_per_clip: G, windows of a group.
        span_frames: the stretch they start in.
        augmentation: how far speech is changed.
        colour: how far the colours of frames are changed, see `recoloured`.
    """

    def __init__(
        self,
        clips: MouthClips,
        *,
        choice: ClipChoice,
        content: Content,
        window: WindowShape,
        seed: int,
        windows_per_clip: int,
        span_frames: int,
        augmentation: SpeechAugmentation,
        colour: float,
    ) -> None:
        self.clips = clips
        self.choice = choice
        self.content = content
        self.window = window
        self.seed = seed
        self.windows_per_clip = windows_per_clip
        self.span_frames = span_frames
        self.augmentation = augmentation
        self.colour = colour

    def _starts(self, rng: np.random.Generator, frames: int) -> np.ndarray:
        count = frames - self.window.frames + 1
        span = min(self.span_frames, count)
        first = int(rng.integers(count - span + 1))
        # a clip too short for G distinct windows repeats some
        return first + rng.choice(span, self.windows_per_clip, replace=span < self.windows_per_clip)

    def __getitem__(self, draw: int) -> tuple[Tensor, Tensor]:
        """Boxes, `(G, T, h, w[, 3])` uint8, and their speech, `(G, M, N)` float32."""
        rng = draw_rng(self.seed, draw)
        clip = self.choice.draw(rng)
        starts = self._starts(rng, self.clips.frames_in(clip))
        indices = (starts[:, None] + np.arange(self.window.frames)).ravel()
        border = self.clips.border
        down, right = (int(step) for step in rng.integers(-border, border + 1, 2))
        boxes = shifted(self.clips.boxes(clip, self.content, indices), border, (down, right), bool(rng.random() < 0.5))
        if self.content == "frames":
            boxes = recoloured(boxes, rng, self.colour)
        columns = window_starts(starts, self.window.clock)
        speech = self.clips.speech(clip, columns, self.window.mel_columns)
        speech = change_speech(speech, rng, self.augmentation, self.window.mel_max_abs)
        window_boxes = boxes.reshape(len(starts), self.window.frames, *boxes.shape[1:])
        return torch.from_numpy(window_boxes), torch.from_numpy(speech)


class SyncClips(Dataset):
    """Every window of a clip in order, for validation."""

    def __init__(self, clips: MouthClips, content: Content, window: WindowShape) -> None:
        self.clips = clips
        self.content = content
        self.window = window

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, clip: int) -> tuple[Tensor, Tensor]:
        """Boxes of all frames, `(F, h, w[, 3])` uint8, and speech of all windows, `(F - T + 1, M, N)` float32."""
        frames = self.clips.frames_in(clip)
        boxes = self.clips.boxes(clip, self.content, np.arange(frames))
        starts = window_starts(np.arange(frames - self.window.frames + 1), self.window.clock)
        speech = self.clips.speech(clip, starts, self.window.mel_columns)
        return torch.from_numpy(shifted(boxes, self.clips.border, (0, 0), flip=False)), torch.from_numpy(speech)
