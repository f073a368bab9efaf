"""What a sync expert says of a clip: embeddings of every window, distances at every shift, the offset it finds."""

from collections.abc import Sequence

import numpy as np
import torch

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import box_transforms, extract_boxes
from segtalker.media.mel import gather_columns, window_starts
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import MASK_CHANNELS, RGB_CHANNELS, frame_windows, mask_channels, rgb_channels


@torch.inference_mode()
def embed_windows(
    expert: SyncExpert, channels: torch.Tensor, mel: torch.Tensor, batch_size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeds every window of a clip.

    Args:
        expert: a trained expert in evaluation mode.
        channels: all frames, `(F, C, H, W)`, float32.
        mel: speech of all windows, `(F - T + 1, M, N)`, float32.
        batch_size: windows at once.

    Returns:
        Unit vectors of frames and of speech, each `(F - T + 1, D)`, float32.
    """
    windows = frame_windows(channels, expert.window[0])
    frames = torch.cat([expert.embed_frames(part.contiguous()) for part in windows.split(batch_size)])
    audio = torch.cat([expert.embed_audio(part) for part in mel.split(batch_size)])
    return frames, audio


def embed_clip(
    expert: SyncExpert,
    pictures: np.ndarray,
    landmarks: np.ndarray,
    mel: np.ndarray,
    *,
    clock: Clock,
    batch_size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Embeds a clip, real or generated, by an expert of either domain.

    Args:
        expert: a trained expert; its channels tell what `pictures` must be.
        pictures: RGB frames `(F, H, W, 3)` for the image domain, region indices `(F, H, W)` for the mask domain,
            uint8.
        landmarks: `(F, 68, 2)`, float, pixels; only eyes and nose are used.
        mel: log-mel spectrogram of the sound, `(M, N)`, float32.
        clock: of frames and sound.
        batch_size: windows at once.

    Returns:
        Unit vectors of frames and of speech, each `(F - T + 1, D)`, float32.
    """
    frames, count, *size = expert.window
    assert count == (MASK_CHANNELS if pictures.ndim == 3 else RGB_CHANNELS), (count, pictures.shape)
    boxes = torch.from_numpy(extract_boxes(pictures, box_transforms(landmarks, size, clock.smooth_frames), size))
    channels = mask_channels(boxes) if pictures.ndim == 3 else rgb_channels(boxes)
    starts = window_starts(np.arange(len(pictures) - frames + 1), clock)
    speech = gather_columns(mel, starts, expert.audio_tower.window[1])
    embeddings = embed_windows(expert, channels, torch.from_numpy(speech), batch_size)
    return embeddings[0].numpy(), embeddings[1].numpy()


def shift_distances(frames: torch.Tensor, audio: torch.Tensor, max_shift: int) -> torch.Tensor:
    """Distance of every window of frames to the speech around it.

    Args:
        frames: embeddings, `(W, D)`, float32.
        audio: embeddings of the speech of the same windows, `(W, D)`, float32.
        max_shift: S, in frames.

    Returns:
        L2 distances to the speech -S..S frames later, `(W, 2 S + 1)`, float32; NaN beyond the clip.
    """
    count = len(frames)
    later = torch.arange(count)[:, None] + torch.arange(-max_shift, max_shift + 1)
    inside = (later >= 0) & (later < count)
    distances = (frames[:, None] - audio[later.clamp(0, count - 1)]).norm(dim=-1)
    return torch.where(inside, distances, torch.nan)


def piece_offsets(distances: torch.Tensor, windows: int, stride: int) -> torch.Tensor:
    """The offset found in each piece of a clip: the shift of the smallest mean distance.

    Speech beyond the piece is used where the clip has it; shifts that leave the clip count by the windows that stay.

    Args:
        distances: of a clip, see `shift_distances`, `(W, 2 S + 1)`.
        windows: windows of a piece.
        stride: windows from one piece to the next.

    Returns:
        Offsets in frames, `(P,)`, int64; 0 is in sync, positive where the speech comes later. Empty for a clip
        shorter than a piece.
    """
    if len(distances) < windows:
        return torch.zeros(0, dtype=torch.int64)
    means = distances.unfold(0, windows, stride).nanmean(dim=-1)  # (P, 2 S + 1)
    return means.nan_to_num(nan=torch.inf).argmin(dim=1) - distances.shape[1] // 2


def find_offsets(
    expert: SyncExpert,
    channels: torch.Tensor,
    mel: torch.Tensor,
    *,
    max_shift: int,
    piece_frames: int,
    piece_stride: int,
    batch_size: int,
) -> torch.Tensor:
    """Offsets an expert finds in the pieces of a clip.

    Args:
        expert: a trained expert in evaluation mode.
        channels: all frames, `(F, C, H, W)`, float32.
        mel: speech of all windows, `(F - T + 1, M, N)`, float32.
        max_shift: largest offset searched, frames.
        piece_frames: frames of a piece.
        piece_stride: frames from one piece to the next.
        batch_size: windows at once.

    Returns:
        See `piece_offsets`.
    """
    frames, audio = embed_windows(expert, channels, mel, batch_size)
    distances = shift_distances(frames.cpu(), audio.cpu(), max_shift)
    return piece_offsets(distances, piece_frames - expert.window[0] + 1, piece_stride)


def offset_accuracy(offsets: Sequence[int] | torch.Tensor, tolerance: int) -> float:
    """Share of offsets at most `tolerance` frames from 0."""
    return float((torch.as_tensor(offsets).abs() <= tolerance).float().mean())
