"""Regions, frames and windows as tensors: what every network is fed with and gives back.

N images, B batch, T frames, F frames of a clip, K regions, C channels, H W height and width.
"""

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.regions import BACKGROUND, LIP, MOUTH, NUM_REGIONS

_EDGE_PASSES = 2  # box filters in a row look like a bell


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Turns autocast off; a device that knows none, such as `meta`, needs nothing."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def one_hot(regions: Tensor) -> Tensor:
    """Region indices `(..., H, W)`, uint8 or int64, as `(..., K, H, W)`, float32 in {0, 1}; all 0 at other indices."""
    index = torch.arange(NUM_REGIONS, dtype=regions.dtype, device=regions.device)
    return (regions.unsqueeze(-3) == index[:, None, None]).float()


def pixel_shuffle(values: Tensor, factor: int) -> Tensor:
    """What `F.pixel_shuffle` gives, in half its time on the CPU: `(B, C f^2, H, W)` to `(B, C, H f, W f)`."""
    blocks = values.unflatten(1, (-1, factor, factor))  # (B, C, f, f, H, W)
    return blocks.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)


def pixel_unshuffle(values: Tensor, factor: int) -> Tensor:
    """What `F.pixel_unshuffle` gives, likewise: `(B, C, H f, W f)` to `(B, C f^2, H, W)`."""
    blocks = values.unflatten(3, (-1, factor)).unflatten(2, (-1, factor))  # (B, C, H, f, W, f)
    return blocks.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


def best_regions(scores: Tensor) -> Tensor:
    """The region of the highest score, the first of equal ones: `(B, K, ...)` to `(B, ...)`, uint8.

    What `argmax` gives, which on the CPU takes four times as long or more for want of vector instructions.
    """
    scores, count = scores.contiguous(), scores.shape[1]
    countdown = torch.arange(count, 0, -1, dtype=torch.uint8, device=scores.device)
    is_best = scores == scores.amax(dim=1, keepdim=True)
    ranks = is_best.view(torch.uint8) * countdown.view(-1, *[1] * (scores.ndim - 2))
    return count - ranks.amax(dim=1)


def to_images(frames: np.ndarray, device: torch.device) -> Tensor:
    """RGB uint8 `(N, H, W, 3)` to float32 `(N, 3, H, W)` in [-1, 1]."""
    return rgb_channels(torch.from_numpy(np.ascontiguousarray(frames)).to(device))


def to_frames(images: Tensor) -> np.ndarray:
    """Float `(N, 3, H, W)` in [-1, 1] to RGB uint8 `(N, H, W, 3)`."""
    levels = (images.clamp(-1.0, 1.0) + 1.0) * 127.5
    return levels.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def is_background(regions: Tensor) -> Tensor:
    """Region indices `(B, H, W)`, uint8 or int64: `(B, 1, H, W)`, float32, 1 where the background is."""
    return (regions == BACKGROUND)[:, None].float()


def background_share(background_mask: Tensor, edge: int) -> Tensor:
    """How much of each pixel the background takes, fading over the face's outline.

    Args:
        background_mask: see `is_background`.
        edge: px, half width of the fade; 0 cuts hard.

    Returns:
        `(B, 1, H, W)` in [0, 1].
    """
    share = background_mask
    for _ in range(_EDGE_PASSES if edge else 0):
        padded_share = F.pad(share, (edge,) * 4, mode="replicate")
        share = F.avg_pool2d(padded_share, 2 * edge + 1, stride=1)
    return share


def composite(images: Tensor, background: Tensor, background_mask: Tensor, edge: int) -> Tensor:
    """Lays faces over a background.

    Args:
        images: generated RGB, `(B, 3, H, W)`, in [-1, 1].
        background: RGB that shows where the mask says background, likewise.
        background_mask: see `is_background`.
        edge: see `background_share`.
    """
    return torch.lerp(images, background, background_share(background_mask, edge))


MASK_CHANNELS = 2
RGB_CHANNELS = 3


def mask_channels(regions: torch.Tensor) -> torch.Tensor:
    """Lip and mouth interior of region indices `(..., H, W)` uint8: `(..., 2, H, W)`, float32 in {0, 1}."""
    return torch.stack([regions == LIP, regions == MOUTH], dim=-3).float()


def rgb_channels(images: torch.Tensor) -> torch.Tensor:
    """RGB `(..., H, W, 3)` uint8 as `(..., 3, H, W)`, float32 in [-1, 1]."""
    # in place: each further copy of large pictures costs as much as the arithmetic
    return images.movedim(-1, -3).to(torch.float32, copy=True).div_(127.5).sub_(1.0)


def frame_windows(channels: torch.Tensor, frames: int) -> torch.Tensor:
    """All windows of consecutive frames, without copying: `(F, C, H, W)` -> `(F - T + 1, T, C, H, W)`."""
    return channels.unfold(0, frames, 1).movedim(-1, 1)


def confusion_matrix(predicted_regions: Tensor, labels: Tensor, regions: int) -> Tensor:
    """How many pixels of each region were given to each.

    Args:
        predicted_regions: region indices of any shape, uint8 or int64.
        labels: the truth, likewise.
        regions: K.

    Returns:
        The truth by rows, `(K, K)`, int64; add them up over batches before dividing.
    """
    assert predicted_regions.shape == labels.shape, (predicted_regions.shape, labels.shape)
    pairs = labels.long() * regions + predicted_regions.long()
    return torch.bincount(pairs.flatten(), minlength=regions * regions).view(regions, regions)


def overlap_counts(predicted_regions: Tensor, labels: Tensor, regions: int) -> Tensor:
    """Pixels in the intersection and in the union of each region.

    Args:
        predicted_regions: region indices, `(B, H, W)`, uint8 or int64.
        labels: the truth, likewise.
        regions: K.

    Returns:
        Intersections and unions, `(2, K)`, float64; add them up over batches before dividing.
    """
    confusion = confusion_matrix(predicted_regions, labels, regions).double()
    intersection = confusion.diagonal()
    return torch.stack((intersection, confusion.sum(0) + confusion.sum(1) - intersection))
