"""Talking masks of speech that is still coming: the same as of the whole, each as soon as what is yet to come cannot
change it.

A frame is decided by the windows that hold it, and a window needs the speech of all its frames. So a frame waits for
the frames of a window after its own, and, where windows do not begin with every frame, for one more, for the last
window of all lies flush with the end.
"""

from collections.abc import Iterator

import numpy as np
import torch

from segtalker.faces.mouth_box import box_transforms, extract_boxes, paste_regions
from segtalker.inference.editing import MaskChange
from segtalker.inference.identity import Identity
from segtalker.inference.talk_model import Face, TalkModel
from segtalker.inference.talking_masks import WindowMeans, reference_box, window_starts
from segtalker.inference.timeline import Loop, Pace, frames_of_source
from segtalker.media.live_mel import HeardColumns

_COUNTED_AT_ONCE = 64  # frames


class MaskStream:
    """Masks of one of the sequences that a video is taken apart into, see `segtalker.inference.timeline`.

    Args:
        talk_model: the networks.
        face: gives the pose.
        identity: who speaks.
        edit: a change of the mask, carried to every frame.
        loop: what follows where the face's frames end.
        pace: of the video.
        phase: frame of the video with which the sequence begins.
        heard: columns of the speech, added to and shortened elsewhere.
    """

    def __init__(
        self,
        talk_model: TalkModel,
        face: Face,
        identity: Identity,
        edit: MaskChange | None,
        loop: Loop,
        pace: Pace,
        phase: int,
        heard: HeardColumns,
    ) -> None:
        self.net, self.settings = talk_model.segmenter, talk_model.settings
        self.face, self.edit, self.loop, self.pace, self.phase, self.heard = face, edit, loop, pace, phase, heard
        self.device = next(self.net.parameters()).device
        mask = identity.mask if edit is None else edit.on_reference(identity.mask)
        self.means = WindowMeans(reference_box(mask, identity.landmarks, self.settings.box_size, self.device))
        self._heard_frames = 0  # whose speech is complete
        self._next_start = 0  # of the windows that begin every so many frames
        self._made = 0

    @property
    def first_column(self) -> int:
        """The first one that is still to be heard."""
        return int(self._columns(np.array([self._next_start - self.settings.stride]))[0])

    def _columns(self, numbers: np.ndarray) -> np.ndarray:
        """First column heard with frames of the sequence, `(F,)`, int."""
        return self.pace.columns(self.phase, numbers, self.settings.clock.mel_rate, self.net.mel_window)

    def count_heard(self) -> int:
        """Of how many frames of the sequence the speech is complete."""
        while True:
            numbers = np.arange(self._heard_frames, self._heard_frames + _COUNTED_AT_ONCE)
            complete = self._columns(numbers) + self.net.mel_window <= self.heard.count
            self._heard_frames += int(complete.sum())
            if not complete.all():
                return self._heard_frames

    def masks(self, frames: int | None) -> Iterator[np.ndarray]:
        """What is decided by now and was not given yet.

        Args:
            frames: of the sequence in all; None as long as speech goes on.

        Yields:
            Talking masks of the next frames of the video, `(T, H, W)`, uint8.
        """
        length, stride = self.net.frames, self.settings.stride
        if frames is None:
            heard_frames = self.count_heard()
            starts = np.arange(self._next_start, heard_frames - length + 1, stride)
            # the earliest beginning of a last window that is none of these
            flush = heard_frames - length + (0 if (heard_frames - length) % stride else 1)
        else:
            starts = window_starts(max(frames, length), length, stride)
            starts = starts[starts > self._next_start - stride]
            flush = frames
        size = self.settings.batch_size
        for batch in np.split(starts, range(size, len(starts), size)) if len(starts) else []:
            self.means.add(self.net, batch, lambda numbers: self._seen(numbers, frames))
            self._next_start = int(batch[-1]) // stride * stride + stride
            yield from self._decided(min(self._next_start, flush) if frames is None else int(batch[-1]), frames)
        yield from self._decided(min(self._next_start, flush) if frames is None else frames, frames)

    def _source(self, numbers: np.ndarray) -> np.ndarray:
        """Which frames of the face frames of the sequence move like."""
        own = self.phase + numbers // self.pace.steps * self.pace.phases
        return frames_of_source(len(self.face.frames), own, self.loop)

    def _poses(self, source: np.ndarray) -> np.ndarray:
        """Masks that give the pose, `(F, H, W)`, uint8; each frame of the face is looked at once."""
        numbers, places = np.unique(source, return_inverse=True)
        poses = self.face.masks.read(numbers.tolist())
        if self.edit is not None:
            poses = self.edit.on_pose(poses, np.asarray(self.face.landmarks)[numbers])
        return poses[places]

    def _transforms(self, first: int, last: int, frames: int | None) -> np.ndarray:
        """Where the mouth boxes of frames lie, steadied by those around them, `(F, 2, 3)`."""
        reach = self.settings.clock.smooth_frames // 2
        low, high = max(0, first - reach), last + reach if frames is None else min(last + reach, max(frames, last))
        landmarks = np.asarray(self.face.landmarks)[self._source(np.arange(low, high))]
        transforms = box_transforms(landmarks, self.settings.box_size, self.settings.clock.smooth_frames)
        return transforms[first - low : last - low]

    def _seen(self, numbers: np.ndarray, frames: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        """What the network sees and hears of frames; beyond the end the last one is seen again."""
        first = int(numbers[0])
        used = numbers if frames is None else numbers.clip(max=frames - 1)
        transforms = self._transforms(first, int(used[-1]) + 1, frames)[used - first]
        boxes = extract_boxes(self._poses(self._source(used)), transforms, self.settings.box_size)
        speech = self.heard.gather(self._columns(numbers), self.net.mel_window)
        return torch.from_numpy(boxes).to(self.device), torch.from_numpy(speech).to(self.device)

    def _decided(self, end: int, frames: int | None) -> Iterator[np.ndarray]:
        """Masks of the frames up to `end` that were not made yet."""
        if end <= self._made:
            return
        first, self._made = self._made, end
        source = self._source(np.arange(first, end))
        masks = paste_regions(self._poses(source), self.means.take(end), self._transforms(first, end, frames))
        own = slice(-first % self.pace.steps, None, self.pace.steps)
        masks, landmarks = masks[own], np.asarray(self.face.landmarks)[source[own]]
        if len(masks):
            yield masks if self.edit is None else self.edit.on_talking(masks, landmarks)
