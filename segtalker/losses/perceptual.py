"""Distances in the feature space of a frozen network."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def feature_loss(features: Callable[[Tensor], list[Tensor]], image: Tensor, truth: Tensor) -> Tensor:
    """Mean squared difference of features, each channel vector scaled to unit length as LPIPS does.

    With the face parser's features it is the face-parsing loss of E4S (arXiv 2211.14068): the image must be cut
    into the same regions as the truth.

    Args:
        features: image to a list of feature maps, frozen.
        image: RGB, `(B, 3, H, W)`, in [-1, 1].
        truth: likewise.

    Returns:
        The mean over maps, scalar.
    """
    with torch.no_grad():
        true_features = [F.normalize(level.float(), dim=1) for level in features(truth)]
    # small differences of unit vectors: in half precision they would be rounding
    image_features = [F.normalize(level.float(), dim=1) for level in features(image)]
    pairs = zip(image_features, true_features, strict=True)
    return torch.stack([(level - true_level).square().sum(1).mean() for level, true_level in pairs]).mean()


def lpips_loss(
    features: Callable[[Tensor], list[Tensor]], channel_weights: Sequence[Tensor], image: Tensor, truth: Tensor
) -> Tensor:
    """LPIPS (arXiv 1801.03924, equation 1): squared difference of unit features, weighted by channel.

    Args:
        features: image to a list of feature maps, frozen.
        channel_weights: of each of them, `(C,)`, at least 0.
        image: RGB, `(B, 3, H, W)`, in [-1, 1].
        truth: likewise.

    Returns:
        Averaged over space and images, summed over maps, scalar.
    """
    with torch.no_grad():
        true_features = [F.normalize(level.float(), dim=1, eps=1e-10) for level in features(truth)]
    image_features = [F.normalize(level.float(), dim=1, eps=1e-10) for level in features(image)]
    levels = zip(image_features, true_features, channel_weights, strict=True)
    return torch.stack(
        [((level - true_level).square() * weight[:, None, None]).sum(1).mean() for level, true_level, weight in levels]
    ).sum()
