"""The adversarial game: the discriminator's step and the generator's pass, apart.

Shapes: B images, K regions, H x W pixels; a discriminator of no region takes masks with K = 0.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """Hinge loss of the discriminator (arXiv 1705.02894); no gradient reaches the generator.

    Args:
        discriminator: `(image, masks)` to scores and features.
        real: photographs, `(B, 3, H, W)`, in [-1, 1].
        fake: generated images of the same masks, likewise.
        masks: one-hot regions, `(B, K, H, W)`, float32 in {0, 1}.

    Returns:
        Scalar; 2 where real and fake score alike.
    """
    # one pass over both: spectral normalisation then sees the same weights for real and fake
    scores, _ = discriminator(torch.cat((real, fake.detach())), torch.cat((masks, masks)))
    real_scores, fake_scores = scores.float().chunk(2)
    return F.relu(1.0 - real_scores).mean() + F.relu(1.0 + fake_scores).mean()


@dataclass(frozen=True)
class GeneratorLosses:
    """Losses of the generator by the discriminator, scalars.

    Args:
        adversarial: minus the mean score of the generated images (the hinge loss's other side).
        matching: mean absolute difference of features from those of the photographs (arXiv 1711.11585).
    """

    adversarial: Tensor
    matching: Tensor


def generator_losses(discriminator: nn.Module, real: Tensor, fake: Tensor, masks: Tensor) -> GeneratorLosses:
    """Losses of the generator; the discriminator's own weights collect no gradient.

    Args:
        discriminator: see `discriminator_loss`.
        real: photographs, `(B, 3, H, W)`, in [-1, 1].
        fake: generated images of the same masks, likewise.
        masks: one-hot regions, `(B, K, H, W)`, float32 in {0, 1}.
    """
    discriminator.requires_grad_(False)
    scores, features = discriminator(fake, masks)
    with torch.no_grad():
        _, true_features = discriminator(real, masks)
    discriminator.requires_grad_(True)
    distances = [F.l1_loss(level, true_level) for level, true_level in zip(features, true_features, strict=True)]
    matching = torch.stack(distances).mean()
    return GeneratorLosses(-scores.float().mean(), matching)
