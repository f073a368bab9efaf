"""From codes and masks to frames: the renderer at inference."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segtalker.regions import BACKGROUND, NUM_REGIONS

_EDGE_PASSES = 2  # box filters in a row look like a bell


def one_hot(masks: np.ndarray, device: torch.device) -> Tensor:
    """Region indices, `(N, H, W)` uint8, to one-hot `(N, K, H, W)` float32."""
    labels = torch.from_numpy(np.ascontiguousarray(masks)).to(device)
    regions = torch.arange(NUM_REGIONS, device=device, dtype=labels.dtype)
    return (labels[:, None] == regions[None, :, None, None]).float()


def to_images(frames: np.ndarray, device: torch.device) -> Tensor:
    """RGB uint8 `(N, H, W, 3)` to float32 `(N, 3, H, W)` in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def to_frames(images: Tensor) -> np.ndarray:
    """Float `(N, 3, H, W)` in [-1, 1] to RGB uint8 `(N, H, W, 3)`."""
    scaled = (images.clamp(-1.0, 1.0) + 1.0) * 127.5
    return scaled.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def background_share(masks: Tensor, edge: int) -> Tensor:
    """How much of each pixel the background takes, fading over the face's outline.

    Args:
        masks: one-hot regions, `(B, K, H, W)`.
        edge: px, half width of the fade; 0 cuts hard.

    Returns:
        `(B, 1, H, W)` in [0, 1].
    """
    share = masks[:, BACKGROUND : BACKGROUND + 1]
    for _ in range(_EDGE_PASSES if edge else 0):
        padded = F.pad(share, (edge,) * 4, mode="replicate")
        share = F.avg_pool2d(padded, 2 * edge + 1, stride=1)
    return share


def composite(images: Tensor, background: Tensor, masks: Tensor, edge: int) -> Tensor:
    """Lays faces over a background.

    Args:
        images: generated RGB, `(B, 3, H, W)`, in [-1, 1].
        background: RGB that shows where the mask says background, likewise.
        masks: one-hot regions, `(B, K, H, W)`.
        edge: see `background_share`.
    """
    return torch.lerp(images, background, background_share(masks, edge))


@torch.inference_mode()
def encode_identity(encoder: nn.Module, frames: np.ndarray, masks: np.ndarray) -> Tensor:
    """Codes of one person from one or more frames.

    Each region's code comes from the frame that shows most of it: the mouth from the widest open one, the eyes from
    one where they are open. (A mean over frames would blur.)

    Args:
        encoder: a `MaskGuidedEncoder`.
        frames: RGB, `(N, H, W, 3)`, uint8.
        masks: their regions, `(N, H, W)`, uint8.

    Returns:
        Codes, `(1, K, D)`.
    """
    assert frames.shape[:3] == masks.shape, f"frames {frames.shape} and masks {masks.shape} differ"
    device = next(encoder.parameters()).device
    regions = one_hot(masks, device)
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
) -> Iterator[np.ndarray]:
    """Renders frames as they are asked for; memory does not grow with their number.

    Args:
        generator: a `MaskGuidedGenerator`.
        masks: regions of each frame, `(T, H, W)`, uint8.
        codes: who it is, `(1, K, D)`.
        background: RGB that shows behind the face, `(T, H, W, 3)` or `(1, H, W, 3)` uint8; None keeps the
            generator's own.
        edge: see `background_share`.
        batch_size: frames the network paints at once.

    Yields:
        RGB, `(H, W, 3)`, uint8.
    """
    device = next(generator.parameters()).device
    for start in range(0, len(masks), batch_size):
        regions = one_hot(masks[start : start + batch_size], device)
        images = generator(regions, codes.to(device).expand(len(regions), -1, -1))
        if background is not None:
            behind = background if len(background) == 1 else background[start : start + batch_size]
            images = composite(images, to_images(behind, device).expand_as(images), regions, edge)
        yield from to_frames(images)
