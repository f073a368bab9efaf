"""Talking masks of a whole clip: hide the mouth, predict window by window, paste the result back."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from segtalker.faces.mouth_box import box_transforms, extract_boxes, hide, paste_regions
from segtalker.media.mel import gather_columns
from segtalker.nets.tensors import one_hot
from segtalker.nets.tsg import TalkingSegmenter


def window_starts(frames: int, length: int, stride: int) -> np.ndarray:
    """Starts of windows that cover every frame, the last one flush with the end."""
    return np.unique(np.append(np.arange(0, frames - length, stride), frames - length))


# what the network sees and hears of frames: regions of their boxes `(F, h, w)` uint8, mel windows `(F, M, N)` float32
_Seen = tuple[torch.Tensor, torch.Tensor]


class WindowMeans:
    """Mean scores of frames over the windows that hold them, as far as windows have come.

    Args:
        identity: one-hot regions of the reference, `(K, h, w)`, float32, what every window sees of it.
    """

    def __init__(self, identity: torch.Tensor) -> None:
        self.identity = identity
        self._total, self._windows = identity.new_zeros(0, *identity.shape), identity.new_zeros(0)
        self._first = 0

    @torch.inference_mode()
    def add(self, net: TalkingSegmenter, starts: np.ndarray, frame_inputs: Callable[[np.ndarray], _Seen]) -> None:
        """Adds what the network says of some windows.

        Args:
            net: the network.
            starts: of the windows, ascending, `(W,)`, int; their frames were not taken yet.
            frame_inputs: gives what is known of frames, the hidden area still in place.
        """
        first, last = int(starts[0]), int(starts[-1]) + net.frames
        index = torch.from_numpy(starts[:, None] - first + np.arange(net.frames)).to(self.identity.device)
        boxes, speech = frame_inputs(np.arange(first, last))
        logits = net(one_hot(hide(boxes[index])), self.identity.expand(len(index), -1, -1, -1), speech[index])
        new = max(0, last - self._first - len(self._total))
        self._total = torch.cat([self._total, self._total.new_zeros(new, *self.identity.shape)])
        self._windows = torch.cat([self._windows, self._windows.new_zeros(new)])
        places = index.flatten() + (first - self._first)
        self._total.index_add_(0, places, F.log_softmax(logits, dim=2).flatten(0, 1))
        self._windows += torch.bincount(places, minlength=len(self._windows))

    @torch.inference_mode()
    def take(self, end: int) -> torch.Tensor:
        """Mean log-probabilities of the frames up to `end` that were not taken yet, `(F, K, h, w)`, float32."""
        count = end - self._first
        means = self._total[:count] / self._windows[:count, None, None, None]
        self._total, self._windows, self._first = self._total[count:], self._windows[count:], end
        return means


def predict_talking_masks(
    net: TalkingSegmenter,
    pose_masks: np.ndarray,
    landmarks: np.ndarray,
    identity_mask: np.ndarray,
    identity_landmarks: np.ndarray,
    mel: np.ndarray,
    *,
    mel_starts: Callable[[np.ndarray], np.ndarray],
    smooth_frames: int,
    box_size: Sequence[int],
    stride: int,
    batch_size: int,
) -> np.ndarray:
    """Masks of a clip whose mouth says what is heard.

    The mouth area of the pose source is cleared before the network sees it. Windows overlap where `stride` is
    less than their length; their scores are averaged, which steadies the masks over time.

    Args:
        net: a trained network in evaluation mode, on any device.
        pose_masks: regions that give the pose, `(T, H, W)`, uint8; a still is repeated T times.
        landmarks: of the pose source, `(T, 68, 2)`, float, pixels; only eyes and nose are used.
        identity_mask: regions of the reference frame, `(H', W')`, uint8; see `reference_frame`.
        identity_landmarks: of the reference frame, `(68, 2)`, float, pixels.
        mel: log-mel spectrogram of the speech, `(M, N)`, float32.
        mel_starts: gives the first mel column heard with frames, `(F,)` to `(F,)`, int; asked beyond the last frame
            too, where there are fewer than the network sees at once.
        smooth_frames: over which the mouth box is steadied, see `segtalker.faces.mouth_box.box_transforms`.
        box_size: height and width of the mouth box.
        stride: frames from one window to the next, at most the network's T.
        batch_size: windows at once; memory grows with it, not with the clip's length in frames.

    Returns:
        Regions, `(T, H, W)`, uint8.
    """
    assert len(pose_masks) == len(landmarks), (pose_masks.shape, landmarks.shape)
    assert 0 < stride <= net.frames, (stride, net.frames)
    device = next(net.parameters()).device
    frames = len(pose_masks)
    transforms = box_transforms(landmarks, box_size, smooth_frames)
    # a clip shorter than a window repeats its last frame
    starts = window_starts(max(frames, net.frames), net.frames, stride)

    def seen(numbers: np.ndarray) -> _Seen:
        used = numbers.clip(max=frames - 1)
        boxes = extract_boxes(pose_masks[used], transforms[used], box_size)
        speech = gather_columns(mel, mel_starts(numbers), net.mel_window)
        return torch.from_numpy(boxes).to(device), torch.from_numpy(speech).to(device)

    means = WindowMeans(reference_box(identity_mask, identity_landmarks, box_size, device))
    batches = np.split(starts, range(batch_size, len(starts), batch_size))
    parts, first = [], 0
    for batch, last in zip(batches, [*(batch[0] for batch in batches[1:]), frames], strict=True):
        means.add(net, batch, seen)
        parts.append(paste_regions(pose_masks[first:last], means.take(last), transforms[first:last]))
        first = last
    return np.concatenate(parts)


def reference_box(mask: np.ndarray, landmarks: np.ndarray, size: Sequence[int], device: torch.device) -> torch.Tensor:
    """The mouth box of the reference frame, one-hot, `(K, h, w)`, float32.

    Args:
        mask: its regions, `(H, W)`, uint8.
        landmarks: `(68, 2)`, float, pixels.
        size: height and width of the box.
        device: where the network runs.
    """
    box = extract_boxes(mask[None], box_transforms(landmarks[None], size, smooth_frames=1), size)[0]
    return one_hot(torch.from_numpy(box).to(device))
