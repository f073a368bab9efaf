"""Losses between a generated image and the photograph it should equal.

Shapes: B images, K regions, C channels, H x W pixels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def weighted_mean(errors: Tensor, weights: Tensor) -> Tensor:
    """Mean of `(B, C, H, W)` errors under pixel weights, `(B, 1, H, W)`, of any scale."""
    return (errors * weights).sum() / (weights.sum() * errors.shape[1]).clamp_min(1e-6)


def pixel_loss(image: Tensor, truth: Tensor, weights: Tensor, squared_weight: float) -> Tensor:
    """Absolute plus squared difference: the first keeps edges, the second is what PSNR measures.

    The absolute difference alone asks for the median of what may be, a mouth that is shut; the squared one asks for
    the mean.

    Args:
        image: RGB, `(B, 3, H, W)`.
        truth: likewise, in the same range.
        weights: of each pixel, `(B, 1, H, W)`.
        squared_weight: weight of the squared difference; the absolute one counts 1.

    Returns:
        Scalar.
    """
    difference = image - truth
    return weighted_mean(difference.abs() + squared_weight * difference.square(), weights)


def gradient_loss(image: Tensor, truth: Tensor, weights: Tensor, scales: int) -> Tensor:
    """Absolute difference of horizontal and vertical gradients, at several scales: sharpens without weights.

    Args:
        image: RGB, `(B, 3, H, W)`.
        truth: likewise.
        weights: of each pixel, `(B, 1, H, W)`.
        scales: levels of the pyramid, each half the size of the one before.

    Returns:
        The mean over scales.
    """
    difference = image - truth
    losses = []
    for scale in range(scales):
        if scale:
            difference, weights = F.avg_pool2d(difference, 2), F.avg_pool2d(weights, 2)
        horizontal, vertical = difference.diff(dim=3).abs(), difference.diff(dim=2).abs()
        losses.append(weighted_mean(horizontal, weights[..., 1:]) + weighted_mean(vertical, weights[:, :, 1:]))
    return torch.stack(losses).mean()


def detail_loss(image: Tensor, truth: Tensor, window: int, scales: int) -> Tensor:
    """Difference in how much fine detail there is around each place, wherever exactly it lies.

    Strands and freckles never fall on the very pixels they had in another frame; a loss between pixels would rather
    blur them. Compared here is the mean strength of horizontal and of vertical gradients over windows, at several
    scales, for a grid of single pixels is no detail.

    Args:
        image: RGB, `(B, 3, H, W)`.
        truth: likewise.
        window: px at each scale, side of the windows, which overlap by half.
        scales: levels of the pyramid, each half the size of the one before.

    Returns:
        The mean over scales.
    """
    losses = []
    for scale in range(scales):
        if scale:
            image, truth = F.avg_pool2d(image, 2), F.avg_pool2d(truth, 2)
        for axis in (2, 3):
            detail, true_detail = (
                F.avg_pool2d(picture.diff(dim=axis).abs(), window, stride=window // 2) for picture in (image, truth)
            )
            losses.append(F.l1_loss(detail, true_detail))
    return torch.stack(losses).sum() / scales


def region_pixel_weights(masks: Tensor, weights: Tensor) -> Tensor:
    """The weight of each pixel's region.

    Args:
        masks: one-hot regions, `(B, K, H, W)`.
        weights: of the regions, `(K,)`.

    Returns:
        `(B, 1, H, W)`.
    """
    # the weights are sums over all pixels' denominator, so they keep their precision under autocast
    with torch.autocast(masks.device.type, enabled=False):
        return torch.einsum("bkhw,k->bhw", masks, weights)[:, None]


def psnr(image: Tensor, truth: Tensor) -> Tensor:
    """Mean over the batch of each image's peak signal-to-noise ratio.

    Args:
        image: RGB, `(B, 3, H, W)`; clipped to [-1, 1].
        truth: likewise, in [-1, 1].

    Returns:
        dB, scalar; at most 100, where images are equal.
    """
    # half the difference: the peak of images in [0, 1] is 1
    error = ((image.clamp(-1.0, 1.0) - truth) / 2.0).square().mean((1, 2, 3))
    return -10.0 * error.clamp_min(1e-10).log10().mean()
