"""Windows of masks and speech for talking segmentation generation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.clip_draws import ClipChoice
from datamodules.draws import draw_rng
from datamodules.mouth_clips import MouthClips, WindowShape, shifted
from datamodules.speech_augmentation import SpeechAugmentation, change_speech
from segtalker.faces.mouth_box import reference_frame
from segtalker.media.mel import centred_starts, gather_columns, window_starts


class TsgSample(NamedTuple):
    """One window, or a batch of them.

    Args:
        regions: true regions in the mouth box, `(T, h, w)`, uint8.
        identity: regions of the reference frame, `(h, w)`, uint8.
        speech: mel window around each frame, `(T, M, N)`, float32.
        sync_speech: mel window of the sync expert, `(M, N')`, float32.
    """

    regions: Tensor
    identity: Tensor
    speech: Tensor
    sync_speech: Tensor


class TsgWindows:
    """Builds samples; shared by training and validation.

    Args:
        clips: mouth boxes and speech.
        window: what the sync expert sees; its frames are T.
        speech_columns: mel columns around each frame.
        features: what is heard of each clip in place of its mel, `(M, N)` with as many columns; None for the mel.
    """

    def __init__(
        self,
        clips: MouthClips,
        window: WindowShape,
        speech_columns: int,
        features: Sequence[np.ndarray] | None = None,
    ) -> None:
        self.clips = clips
        self.window = window
        self.speech_columns = speech_columns
        self.features = features

    def speech(self, clip: int, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Mel windows around each frame, `(T, M, N)`, and of the whole window, `(1, M, N')`."""
        frames = start + np.arange(self.window.frames)
        around = centred_starts(frames, self.window.clock, self.speech_columns)
        whole = window_starts(frames[:1], self.window.clock)
        heard = self.clips.mels[clip] if self.features is None else self.features[clip]
        return (
            gather_columns(heard, around, self.speech_columns),
            self.clips.speech(clip, whole, self.window.mel_columns),
        )

    def boxes(self, clip: int, start: int, identity: int) -> np.ndarray:
        """Regions of T frames and, last, of the reference, with their border: `(T + 1, H, W)`, uint8."""
        return self.clips.boxes(clip, "masks", np.append(start + np.arange(self.window.frames), identity))

    def starts(self, clip: int) -> int:
        """How many windows start in a clip."""
        return self.clips.frames_in(clip) - self.window.frames + 1


class TsgDraws(Dataset):
    """Random windows with a random reference frame of the same clip.

    Args:
        windows: builds them.
        choice: of the clip.
        seed: of the draws.
        augmentation: how far speech is changed; None, as for features, which are no spectra, not at all.
    """

    def __init__(
        self, windows: TsgWindows, choice: ClipChoice, seed: int, augmentation: SpeechAugmentation | None
    ) -> None:
        self.windows = windows
        self.choice = choice
        self.seed = seed
        self.augmentation = augmentation

    def __getitem__(self, draw: int) -> TsgSample:
        rng = draw_rng(self.seed, draw)
        clips = self.windows.clips
        clip = self.choice.draw(rng)
        start, identity = int(rng.integers(self.windows.starts(clip))), int(rng.integers(clips.frames_in(clip)))
        down, right = (int(step) for step in rng.integers(-clips.border, clips.border + 1, 2))
        boxes = shifted(
            self.windows.boxes(clip, start, identity), clips.border, (down, right), bool(rng.random() < 0.5)
        )
        around, whole = self.windows.speech(clip, start)
        if self.augmentation:
            around = change_speech(around, rng, self.augmentation, self.windows.window.mel_max_abs)
        parts = (boxes[:-1], boxes[-1], around, whole[0])
        return TsgSample(*(torch.from_numpy(part) for part in parts))


class TsgClipWindows(Dataset):
    """Consecutive windows of every clip with the reference frame that inference uses, for validation."""

    def __init__(self, windows: TsgWindows) -> None:
        self.windows = windows
        clips = windows.clips
        self.references = [reference_frame(clip.masks.read(), np.array(clip.landmarks)) for clip in clips.clips]
        step = windows.window.frames
        self.keys = [(clip, start) for clip in range(len(clips)) for start in range(0, windows.starts(clip), step)]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, position: int) -> TsgSample:
        clip, start = self.keys[position]
        boxes = shifted(
            self.windows.boxes(clip, start, self.references[clip]), self.windows.clips.border, (0, 0), flip=False
        )
        around, whole = self.windows.speech(clip, start)
        return TsgSample(*(torch.from_numpy(part) for part in (boxes[:-1], boxes[-1], around, whole[0])))
