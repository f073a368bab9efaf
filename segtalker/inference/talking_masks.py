"""Talking masks of a whole clip: hide the mouth, predict window by window, paste the result back."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from segtalker.faces.mouth_box import box_transforms, extract_boxes, hide, paste_regions
from segtalker.media.mel import gather_columns
from segtalker.nets.tensors import one_hot
from segtalker.nets.tsg import TalkingSegmenter


def _window_starts(frames: int, length: int, stride: int) -> np.ndarray:
    """Starts of windows that cover every frame, the last one flush with the end."""
    return np.unique(np.append(np.arange(0, frames - length, stride), frames - length))


# what the network sees and hears of frames: regions of their boxes `(F, h, w)` uint8, mel windows `(F, M, N)` float32
_Seen = tuple[torch.Tensor, torch.Tensor]


@torch.inference_mode()
def _mean_scores(
    net: TalkingSegmenter,
    starts: np.ndarray,
    frames: int,
    identity: torch.Tensor,
    frame_inputs: Callable[[np.ndarray], _Seen],
    batch_size: int,
) -> Iterator[torch.Tensor]:
    """Mean scores of every frame over the windows that hold it, as soon as no later window does.

    Args:
        net: the network.
        starts: of the windows, ascending; every frame is in one.
        frames: how many there are.
        identity: one-hot regions of the reference, `(K, h, w)`, float32.
        frame_inputs: gives what is known of frames, the hidden area still in place.
        batch_size: windows at once.

    Yields:
        Log-probabilities of the next frames, `(F, K, h, w)`, float32.
    """
    total, windows = identity.new_zeros(0, *identity.shape), identity.new_zeros(0)
    batches = np.split(starts, range(batch_size, len(starts), batch_size))
    ends = [*(batch[0] for batch in batches[1:]), frames]
    for batch, end in zip(batches, ends, strict=True):
        first, last = batch[0], batch[-1] + net.frames
        index = torch.from_numpy(batch[:, None] - first + np.arange(net.frames)).to(identity.device)
        boxes, speech = frame_inputs(np.arange(first, last))
        logits = net(one_hot(hide(boxes[index])), identity.expand(len(index), -1, -1, -1), speech[index])
        new = last - first - len(total)
        total = torch.cat([total, total.new_zeros(new, *identity.shape)])
        windows = torch.cat([windows, windows.new_zeros(new)])
        total.index_add_(0, index.flatten(), F.log_softmax(logits, dim=2).flatten(0, 1))
        windows += torch.bincount(index.flatten(), minlength=len(windows))
        final_count = end - first
        yield total[:final_count] / windows[:final_count, None, None, None]
        total, windows = total[final_count:], windows[final_count:]


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
    identity_transform = box_transforms(identity_landmarks[None], box_size, smooth_frames=1)
    identity_box = extract_boxes(identity_mask[None], identity_transform, box_size)[0]
    identity = one_hot(torch.from_numpy(identity_box).to(device))
    # a clip shorter than a window repeats its last frame
    starts = _window_starts(max(frames, net.frames), net.frames, stride)

    def seen(numbers: np.ndarray) -> _Seen:
        used = numbers.clip(max=frames - 1)
        boxes = extract_boxes(pose_masks[used], transforms[used], box_size)
        speech = gather_columns(mel, mel_starts(numbers), net.mel_window)
        return torch.from_numpy(boxes).to(device), torch.from_numpy(speech).to(device)

    parts, first = [], 0
    for scores in _mean_scores(net, starts, frames, identity, seen, batch_size):
        last = first + len(scores)
        parts.append(paste_regions(pose_masks[first:last], scores, transforms[first:last]))
        first = last
    return np.concatenate(parts)
