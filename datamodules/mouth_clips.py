"""Mouth boxes, or face boxes, of clips, kept in memory while they fit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from datamodules.clip_draws import ClipChoice
from segtalker.clips.image_pack import ImagePack
from segtalker.clips.store import Clip, load_clips
from segtalker.config.base import Base, Clock
from segtalker.faces.mouth_box import box_transforms, extract_boxes, face_box_transforms
from segtalker.media.mel import gather_columns
from segtalker.utils.errors import BadInputError

Content = Literal["frames", "masks"]


class WindowShape(NamedTuple):
    """What a sync expert sees at once.

    Args:
        frames: T.
        mel_columns: N.
        clock: of frames and speech.
        mel_max_abs: limit of the mel's values.
    """

    frames: int
    mel_columns: int
    clock: Clock
    mel_max_abs: float


def window_shape(base: Base) -> WindowShape:
    """The window an experiment uses."""
    return WindowShape(
        frames=base.window_frames,
        mel_columns=base.mel_window,
        clock=base.clock,
        mel_max_abs=base.mel.max_abs,
    )


class MouthClips:
    """Random access to the mouth boxes and the speech of clips.

    A clip is decoded once and its boxes stay in memory until `cache_mib` is used up; clips beyond that are decoded
    window by window. What is drawn often comes first, so keeping what came first does as well as any
    eviction would.

    Args:
        clips: clips after `split`.
        size: height and width of the box in pixels.
        border: pixels around the box that are read with it, room for random shifts.
        smooth_frames: see `box_transforms`.
        cache_mib: limit of the memory for boxes.
    """

    place = staticmethod(box_transforms)

    def __init__(
        self, clips: Sequence[Clip], *, size: Sequence[int], border: int, smooth_frames: int, cache_mib: int
    ) -> None:
        self.clips = list(clips)
        self.border = border
        self.size = (size[0] + 2 * border, size[1] + 2 * border)
        shift = np.array([[1.0, 0.0, -border], [0.0, 1.0, -border], [0.0, 0.0, 1.0]])
        self.transforms = [self.place(np.array(clip.landmarks), size, smooth_frames) @ shift for clip in self.clips]
        self.mels = [np.array(clip.mel) for clip in self.clips]
        self.budget = cache_mib * 2**20
        self._boxes: dict[tuple[int, Content], np.ndarray] = {}

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_boxes": {}}

    def __len__(self) -> int:
        return len(self.clips)

    def choice(self, weights: Mapping[str, float]) -> ClipChoice:
        """How clips are drawn, by the weights of their datasets."""
        return ClipChoice([clip.dataset for clip in self.clips], weights)

    def frames_in(self, clip: int) -> int:
        """How many frames a clip has."""
        return len(self.transforms[clip])

    def boxes(self, clip: int, content: Content, indices: np.ndarray) -> np.ndarray:
        """Boxes with their border.

        Args:
            clip: number of the clip.
            content: RGB `frames` or region `masks`.
            indices: frames, `(N,)`, int.

        Returns:
            `(N, h + 2 border, w + 2 border[, 3])`, uint8.
        """
        cached_boxes = self._boxes.get((clip, content))
        if cached_boxes is not None:
            return cached_boxes[indices]
        pack: ImagePack = getattr(self.clips[clip], content)
        size = self.frames_in(clip) * self.size[0] * self.size[1] * (3 if content == "frames" else 1)
        if sum(boxes.nbytes for boxes in self._boxes.values()) + size > self.budget:
            return extract_boxes(pack.read(indices.tolist()), self.transforms[clip][indices], self.size)
        self._boxes[clip, content] = extract_boxes(pack.read(), self.transforms[clip], self.size)
        return self._boxes[clip, content][indices]

    def speech(self, clip: int, starts: np.ndarray, columns: int) -> np.ndarray:
        """Mel windows of a clip, see `gather_columns`."""
        return gather_columns(self.mels[clip], starts, columns)


class FaceClips(MouthClips):
    """The same of face boxes; `size` is square."""

    place = staticmethod(face_box_transforms)


class MouthSplits(NamedTuple):
    """Boxes of each split."""

    train: MouthClips
    val: MouthClips
    test: MouthClips


def open_mouth_splits(data_root: Path, dataset: str, base: Base, *, border: int, cache_mib: int) -> MouthSplits:
    """Opens the clips of every split; only training ones have a border, for random shifts.

    Raises:
        BadInputError: a split holds no clip long enough for one window.
    """
    size = (base.mouth_box.height, base.mouth_box.width)
    return _open_splits(MouthClips, size, data_root, dataset, base, border, cache_mib)


def open_face_splits(
    data_root: Path, dataset: str, base: Base, *, side: int, border: int, cache_mib: int
) -> MouthSplits:
    """The same of face boxes, `side` pixels each way."""
    return _open_splits(FaceClips, (side, side), data_root, dataset, base, border, cache_mib)


def _open_splits(
    kind: type[MouthClips],
    size: Sequence[int],
    data_root: Path,
    dataset: str,
    base: Base,
    border: int,
    cache_mib: int,
) -> MouthSplits:
    splits = {}
    for split in MouthSplits._fields:
        clips = [clip for clip in load_clips(data_root, dataset, split) if len(clip.landmarks) >= base.window_frames]
        if not clips:
            raise BadInputError(
                f"{data_root / 'split' / dataset}: no {split} clip of {base.window_frames} frames or more"
            )
        splits[split] = kind(
            clips,
            size=size,
            border=border if split == "train" else 0,
            smooth_frames=base.mouth_box.smooth_frames,
            cache_mib=cache_mib,
        )
    return MouthSplits(**splits)


def shifted(boxes: np.ndarray, border: int, shift: tuple[int, int], flip: bool) -> np.ndarray:
    """Cuts the border off boxes `(N, H, W, ...)`, `shift` (rows, columns) beside the middle, perhaps mirrored."""
    rows, columns = boxes.shape[1] - 2 * border, boxes.shape[2] - 2 * border
    top, left = border + shift[0], border + shift[1]
    cut = boxes[:, top : top + rows, left : left + columns]
    return np.ascontiguousarray(cut[:, :, ::-1] if flip else cut)
