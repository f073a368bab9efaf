"""Talking masks of a whole clip: hide the mouth, predict window by window, paste the result back."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import box_transforms, extract_boxes, hide, paste_regions
from segtalker.media.mel import centred_starts, gather_columns
from segtalker.nets.tensors import one_hot
from segtalker.nets.tsg import TalkingSegmenter


def _window_starts(frames: int, length: int, stride: int) -> np.ndarray:
    """Starts of windows that cover every frame, the last one flush with the end."""
    return np.unique(np.append(np.arange(0, frames - length, stride), frames - length))


def _covering(starts: np.ndarray, length: int, first: int, last: int) -> np.ndarray:
    """The windows that hold any frame from `first` to `last` (exclusive)."""
    return starts[(starts > first - length) & (starts < last)]


@torch.inference_mode()
def _predict_part(
    net: TalkingSegmenter,
    boxes: torch.Tensor,
    identity: torch.Tensor,
    speech: torch.Tensor,
    index: torch.Tensor,
    batch_size: int,
) -> torch.Tensor:
    """Mean scores of every frame over the windows that hold it.

    Args:
        net: the network.
        boxes: regions with the hidden area still in place, `(F, h, w)`, uint8.
        identity: one-hot regions of the reference, `(K, h, w)`, float32.
        speech: mel window of each frame, `(F, M, N)`, float32.
        index: frames of each window, `(W, T)`, int64; every frame is in one.
        batch_size: windows at once.

    Returns:
        Log-probabilities, `(F, K, h, w)`, float32.
    """
    total = torch.zeros(len(boxes), *identity.shape, device=boxes.device)
    for part in index.split(batch_size):
        logits = net(one_hot(hide(boxes[part])), identity.expand(len(part), -1, -1, -1), speech[part])
        total.index_add_(0, part.flatten(), F.log_softmax(logits, dim=2).flatten(0, 1))
    return total / torch.bincount(index.flatten(), minlength=len(boxes))[:, None, None, None]


def predict_talking_masks(
    net: TalkingSegmenter,
    pose_masks: np.ndarray,
    landmarks: np.ndarray,
    identity_mask: np.ndarray,
    identity_landmarks: np.ndarray,
    mel: np.ndarray,
    *,
    clock: Clock,
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
        clock: of frames and speech.
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
    transforms = box_transforms(landmarks, box_size, clock.smooth_frames)
    identity_transform = box_transforms(identity_landmarks[None], box_size, smooth_frames=1)
    identity_box = extract_boxes(identity_mask[None], identity_transform, box_size)[0]
    identity = one_hot(torch.from_numpy(identity_box).to(device))
    # a clip shorter than a window repeats its last frame
    starts = _window_starts(max(frames, net.frames), net.frames, stride)
    parts = []
    for first in range(0, frames, batch_size * stride):
        last = min(frames, first + batch_size * stride)
        windows = _covering(starts, net.frames, first, last)
        low, high = windows[0], windows[-1] + net.frames
        index = torch.from_numpy(windows[:, None] - low + np.arange(net.frames)).to(device)
        used = np.arange(low, high).clip(max=frames - 1)
        boxes = torch.from_numpy(extract_boxes(pose_masks[used], transforms[used], box_size)).to(device)
        columns = centred_starts(np.arange(low, high), clock, net.mel_window)
        speech = torch.from_numpy(gather_columns(mel, columns, net.mel_window)).to(device)
        scores = _predict_part(net, boxes, identity, speech, index, batch_size)[first - low : last - low]
        parts.append(paste_regions(pose_masks[first:last], scores, transforms[first:last]))
    return np.concatenate(parts)
