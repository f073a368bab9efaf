"""The adversarial game: the discriminator's step and the generator's pass, apart.

Shapes: B images, K regions, H x W pixels; a discriminator of no region takes masks with K = 0.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# hinge: arXiv 1705.02894; softplus: the non-saturating logistic loss of StyleGAN2 (arXiv 1406.2661, 1912.04958)
Game = Literal["hinge", "softplus"]


def _scores(discriminator: nn.Module, real: Tensor, fake: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of photographs and of generated images, float32."""
    if discriminator.compares_images:  # within a batch, where a photograph must not meet a generated image
        return discriminator(real, masks)[0].float(), discriminator(fake, masks)[0].float()
    # one pass over both: spectral normalisation then sees the same weights for real and fake
    scores, _ = discriminator(torch.cat((real, fake)), torch.cat((masks, masks)))
    real_scores, fake_scores = scores.float().chunk(2)
    return real_scores, fake_scores


def discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor, masks: Tensor, game: Game) -> Tensor:
    """What the discriminator pays; no gradient reaches the generator.

    Args:
        discriminator: `(image, masks)` to scores and features, see `segtalker.nets.discriminator.Discriminator`.
        real: photographs, `(B, 3, H, W)`, in [-1, 1].
        fake: generated images of the same masks, likewise.
        masks: one-hot regions, `(B, K, H, W)`, float32 in {0, 1}.
        game: which loss.

    Returns:
        Scalar; where real and fake all score 0 it is 2 by hinge, 2 ln 2 by softplus.
    """
    real_scores, fake_scores = _scores(discriminator, real, fake.detach(), masks)
    if game == "softplus":
        return F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    return F.relu(1.0 - real_scores).mean() + F.relu(1.0 + fake_scores).mean()


@dataclass(frozen=True)
class GeneratorLosses:
    """Losses of the generator by the discriminator, scalars.

    Args:
        adversarial: the other side of the game: by hinge minus the mean score of the generated images, by softplus the
            mean of the softplus of minus their scores.
        matching: mean absolute difference of features from those of the photographs (arXiv 1711.11585).
    """

    adversarial: Tensor
    matching: Tensor


def generator_losses(
    discriminator: nn.Module, real: Tensor, fake: Tensor, masks: Tensor, game: Game, *, matches: bool
) -> GeneratorLosses:
    """Losses of the generator; the discriminator's own weights collect no gradient.

    Args:
        discriminator: see `discriminator_loss`.
        real: photographs, `(B, 3, H, W)`, in [-1, 1].
        fake: generated images of the same masks, likewise.
        masks: one-hot regions, `(B, K, H, W)`, float32 in {0, 1}.
        game: which loss.
        matches: whether features are compared, for which photographs go through the discriminator too; else 0.
    """
    discriminator.requires_grad_(False)
    scores, features = discriminator(fake, masks)
    matching = scores.new_zeros(())
    if matches:
        with torch.no_grad():
            _, true_features = discriminator(real, masks)
        distances = [F.l1_loss(level, true_level) for level, true_level in zip(features, true_features, strict=True)]
        matching = torch.stack(distances).mean()
    discriminator.requires_grad_(True)
    scores = scores.float()
    adversarial = F.softplus(-scores).mean() if game == "softplus" else -scores.mean()
    return GeneratorLosses(adversarial, matching)
