"""Windows of faces and speech for the baseline Wav2Lip."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.clip_draws import ClipChoice
from datamodules.draws import StepDraws, draw_rng
from datamodules.mouth_clips import shifted
from datamodules.speech_augmentation import SpeechAugmentation, change_speech
from datamodules.sync import recoloured
from datamodules.tsg import TsgClipWindows, TsgWindows


class FaceSample(NamedTuple):
    """One window, or a batch of them.

    Args:
        faces: RGB of the face box, `(T, S, S, 3)`, uint8.
        reference: RGB of each frame's reference, `(T, S, S, 3)`, uint8.
        speech: mel window around each frame, `(T, M, N)`, float32.
        sync_speech: mel window of the sync expert, `(M, N')`, float32.
    """

    faces: Tensor
    reference: Tensor
    speech: Tensor
    sync_speech: Tensor


class FaceWindows(TsgWindows):
    """The windows of `TsgWindows`, seen in RGB."""

    def boxes(self, clip: int, start: int, identity: int) -> np.ndarray:
        """Faces of T frames and, last, of the reference, with their border: `(T + 1, H, W, 3)`, uint8."""
        return self.faces(clip, [*range(start, start + self.window.frames), identity])

    def faces(self, clip: int, frames: Sequence[int]) -> np.ndarray:
        """Faces of any N frames of a clip, with their border: `(N, H, W, 3)`, uint8."""
        return self.clips.boxes(clip, "frames", np.array(frames))


class FaceDraws(StepDraws):
    """Random windows with a reference frame from another place of the same clip.

    Early draws hold frames of T windows, one of each: faces as different as a batch can show are learnt from soonest,
    and a window's frames hardly differ. Later ones are windows, as sync is judged over.

    Args:
        windows: builds them.
        choice: of the clip.
        seed: of the draws.
        augmentation: how far speech is changed.
        colour: how far colours are changed, see `recoloured`.
        windows_from_step: the first step whose draws are windows.
    """

    def __init__(
        self,
        windows: FaceWindows,
        choice: ClipChoice,
        *,
        seed: int,
        augmentation: SpeechAugmentation,
        colour: float,
        windows_from_step: int,
    ) -> None:
        self.windows = windows
        self.choice = choice
        self.seed = seed
        self.augmentation = augmentation
        self.colour = colour
        self.windows_from_step = windows_from_step

    def _places(self, rng: np.random.Generator, clip: int) -> tuple[int, int]:
        """First frame of a window and a reference outside of it, anywhere in a clip of one window."""
        start, length = int(rng.integers(self.windows.starts(clip))), self.windows.window.frames
        others = self.windows.clips.frames_in(clip) - length
        if others == 0:
            return start, int(rng.integers(length))
        reference = int(rng.integers(others))
        return start, reference + length if reference >= start else reference

    def _part(self, rng: np.random.Generator, part: slice) -> FaceSample:
        """Some frames of a random window, with its reference and speech."""
        clips, length = self.windows.clips, self.windows.window.frames
        clip = self.choice.draw(rng)
        start, reference = self._places(rng, clip)
        down, right = (int(step) for step in rng.integers(-clips.border, clips.border + 1, 2))
        boxes = self.windows.faces(clip, [*range(start, start + length)[part], reference])
        boxes = recoloured(shifted(boxes, clips.border, (down, right), bool(rng.random() < 0.5)), rng, self.colour)
        around, whole = self.windows.speech(clip, start)
        augmented_speech = change_speech(around, rng, self.augmentation, self.windows.window.mel_max_abs)[part]
        return _sample(torch.from_numpy(boxes), torch.from_numpy(augmented_speech), torch.from_numpy(whole[0]))

    def __getitem__(self, draw: int) -> FaceSample:
        rng = draw_rng(self.seed, draw)
        if draw // self.step_draws >= self.windows_from_step:
            return self._part(rng, slice(None))
        frames = [self._part(rng, slice(number, number + 1)) for number in range(self.windows.window.frames)]
        faces, reference, speech, _ = (torch.cat(parts) for parts in zip(*frames, strict=True))
        return FaceSample(faces, reference, speech, frames[0].sync_speech)


class FaceClipWindows(TsgClipWindows):
    """Consecutive windows of every clip with the reference frame that inference uses, for validation."""

    def __getitem__(self, position: int) -> FaceSample:  # type: ignore[override]
        faces, reference, speech, sync_speech = super().__getitem__(position)
        return _sample(torch.cat([faces, reference[None]]), speech, sync_speech)


def _sample(boxes: Tensor, speech: Tensor, sync_speech: Tensor) -> FaceSample:
    """A window whose boxes, `(T + 1, S, S, 3)`, end with the reference of all of them."""
    return FaceSample(boxes[:-1], boxes[-1:].expand_as(boxes[:-1]), speech, sync_speech)
