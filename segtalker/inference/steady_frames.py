"""Region frames held steady over time.

The frame of a region, in which its texture is laid out (`segtalker.nets.region_texture`), is read off its mask, and a
mask trembles at its edge. A mean over neighbouring frames of the video takes the tremble out of the texture; the
mask itself, and so what opens and closes, stays as it is.
"""

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.nets.region_texture import region_frames
from segtalker.nets.tensors import one_hot

_AXIS = slice(2, 4)


def steady_reach(window: int) -> int:
    """How many frames of the video before and after one decide where its regions' frames lie."""
    return window // 2


@torch.inference_mode()
def steady_frames(masks: Iterable[np.ndarray], window: int, device: torch.device, *, hung_mouth: bool) -> Tensor:
    """The frames of all regions, averaged over time.

    Args:
        masks: regions of consecutive frames of a video, some at a time, `(T', H, W)` each, uint8.
        window: frames of the video in the mean, odd; at both ends as many as lie on either side. 1 for none.
        device: where they are computed.
        hung_mouth: see `segtalker.nets.region_texture.region_frames`.

    Returns:
        Centre, axis and half sides (`segtalker.nets.region_texture.RegionFrames`) one after the other,
        `(T, K, 6)`, float32.
    """
    layouts = [own_frames(part, device, hung_mouth=hung_mouth) for part in masks]
    frames, present = (torch.cat(parts) for parts in zip(*layouts, strict=True))
    return averaged(frames, present, steady_reach(window))


@torch.inference_mode()
def own_frames(masks: np.ndarray, device: torch.device, *, hung_mouth: bool) -> tuple[Tensor, Tensor]:
    """The frames of all regions, each mask for itself.

    Args:
        masks: `(T, H, W)`, uint8.
        device: see `steady_frames`.
        hung_mouth: likewise.

    Returns:
        Frames, `(T, K, 6)`, and whether a region is seen, `(T, K, 1)`, float32 in {0, 1}.
    """
    regions = one_hot(torch.from_numpy(masks).to(device))
    frames = torch.cat(region_frames(regions, hung_mouth=hung_mouth), 2)
    return frames, regions.flatten(2).any(2).float()[..., None]


@torch.inference_mode()
def averaged(frames: Tensor, present: Tensor, reach: int) -> Tensor:
    """The mean over those frames of the video in which a region is seen, see `own_frames`.

    Args:
        frames: of consecutive frames of a video, `(T, K, 6)`.
        present: likewise, `(T, K, 1)`.
        reach: frames before and after one in its mean; as many on either side at both ends.

    Returns:
        `(T, K, 6)`.
    """
    count = len(frames)
    index = torch.arange(count, device=frames.device)
    own_reach = torch.minimum(index, count - 1 - index).clamp_max(reach)
    total, weight = torch.zeros_like(frames), torch.zeros_like(present)
    for shift in range(-reach, reach + 1):
        here = index[own_reach >= abs(shift)]
        total[here] += frames[here + shift] * present[here + shift]
        weight[here] += present[here + shift]
    mean = torch.where(weight > 0, total / weight.clamp_min(1.0), frames)
    # a mean of directions is shorter than they are
    mean[..., _AXIS] = F.normalize(mean[..., _AXIS], dim=-1)
    return mean
