"""The adversarial game: the discriminator's step and the generator's pass, apart."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """Hinge loss of the discriminator (arXiv 1705.02894); no gradient reaches the generator.

    Args:
        discriminator: `(image, masks)` to scores and features.
        real: photographs, `(B, 3, H, W)`, in [-1, 1].
        fake: generated images of the same masks.
        masks: one-hot regions, `(B, K, H, W)`.
    """
    scores, _ = discriminator(torch.cat((real, fake.detach())), torch.cat((masks, masks)))
    real_scores, fake_scores = scores.chunk(2)
    return F.relu(1.0 - real_scores).mean() + F.relu(1.0 + fake_scores).mean()


@dataclass(frozen=True)
class GeneratorLosses:
    """What the discriminator tells the generator.

    Args:
        adversarial: minus the mean score of the generated images.
        matching: mean distance of features from those of the photographs.
    """

    adversarial: Tensor
    matching: Tensor


def generator_losses(discriminator: nn.Module, real: Tensor, fake: Tensor, masks: Tensor) -> GeneratorLosses:
    """Losses of the generator; the discriminator's own weights collect no gradient.

    Args:
        discriminator: see `discriminator_loss`.
        real: photographs, `(B, 3, H, W)`.
        fake: generated images.
        masks: one-hot regions.
    """
    discriminator.requires_grad_(False)
    scores, features = discriminator(fake, masks)
    with torch.no_grad():
        _, targets = discriminator(real, masks)
    discriminator.requires_grad_(True)
    matching = torch.stack([F.l1_loss(have, want) for have, want in zip(features, targets, strict=True)]).mean()
    return GeneratorLosses(-scores.mean(), matching)
