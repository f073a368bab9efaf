"""Distances in the feature space of a frozen network."""

from collections.abc import Callable

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
