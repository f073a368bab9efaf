"""From codes and masks to frames: the renderer at inference."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from segtalker.nets.tensors import composite, one_hot, to_frames, to_images
from segtalker.regions import BACKGROUND, NUM_REGIONS


@torch.inference_mode()
def encode_identity(encoder: nn.Module, frames: np.ndarray, masks: np.ndarray) -> Tensor:
    """Codes of one person from one or more frames.

    Each region's code comes from the frame that shows most of it: the mouth from the widest open one, the eyes from
    one where they are open. (A mean over frames would blur.)

    Args:
        encoder: see `segtalker.nets.renderers`.
        frames: RGB, `(N, H, W, 3)`, uint8.
        masks: their regions, `(N, H, W)`, uint8.

    Returns:
        Codes, `(1, K, D)`.
    """
    assert frames.shape[:3] == masks.shape, f"frames {frames.shape} and masks {masks.shape} differ"
    device = next(encoder.parameters()).device
    regions = one_hot(torch.from_numpy(masks).to(device))
    codes = encoder(to_images(frames, device), regions)
    best = regions.sum((2, 3)).argmax(0)  # (K,)
    return codes[best, torch.arange(NUM_REGIONS, device=device)][None]


@torch.inference_mode()
def render_frames(
    generator: nn.Module,
    masks: np.ndarray,
    codes: Tensor,
    background: np.ndarray | None,
    *,
    edge: int,
    batch_size: int,
    region_frames: Tensor | None = None,
) -> Iterator[np.ndarray]:
    """Renders frames as they are asked for; memory does not grow with their number.

    Args:
        generator: see `segtalker.nets.renderers`.
        masks: regions of each frame, `(T, H, W)`, uint8.
        codes: who it is, `(1, K, D)`, or of each frame, `(T, K, D)`.
        background: RGB that shows behind the face, `(T, H, W, 3)` or `(1, H, W, 3)` uint8; None keeps the
            generator's own.
        edge: see `background_share`.
        batch_size: frames the network paints at once.
        region_frames: see `segtalker.inference.steady_frames`, `(T, K, 6)`; None for the masks' own.

    Yields:
        RGB, `(H, W, 3)`, uint8.
    """
    device = next(generator.parameters()).device
    for start in range(0, len(masks), batch_size):
        regions = one_hot(torch.from_numpy(masks[start : start + batch_size]).to(device))
        frames = None if region_frames is None else region_frames[start : start + batch_size].to(device)
        own_codes = codes if len(codes) == 1 else codes[start : start + batch_size]
        images = generator(regions, own_codes.to(device).expand(len(regions), -1, -1), frames)
        if background is not None:
            behind = background if len(background) == 1 else background[start : start + batch_size]
            background_mask = regions[:, BACKGROUND : BACKGROUND + 1]
            images = composite(images, to_images(behind, device).expand_as(images), background_mask, edge)
        yield from to_frames(images)
