"""The two sides of the game are kept apart."""

import math

import pytest
import torch
from torch import Tensor, nn

from segtalker.losses.adversarial import discriminator_loss, generator_losses
from segtalker.nets.discriminator import PatchDiscriminator


def _game() -> tuple[PatchDiscriminator, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    masks = torch.nn.functional.one_hot(torch.randint(0, 3, (2, 16, 16)), 3).movedim(-1, 1).float()
    return (
        PatchDiscriminator(regions=3, full_size=0, channels=(4, 8), detail=False, spectral=True),
        torch.rand(2, 3, 16, 16),
        torch.rand(2, 3, 16, 16),
        masks,
    )


def test_the_discriminators_step_does_not_reach_the_generator() -> None:
    discriminator, real, fake, masks = _game()
    fake.requires_grad_()
    discriminator_loss(discriminator, real, fake, masks, "hinge").backward()
    assert fake.grad is None
    assert all(weight.grad is not None for weight in discriminator.parameters())


def test_the_generators_pass_does_not_reach_the_discriminator() -> None:
    discriminator, real, fake, masks = _game()
    fake.requires_grad_()
    told = generator_losses(discriminator, real, fake, masks, "hinge", matches=True)
    (told.adversarial + told.matching).backward()
    assert fake.grad is not None
    assert fake.grad.abs().sum() > 0
    assert all(weight.grad is None and weight.requires_grad for weight in discriminator.parameters())


def test_a_discriminator_learns_to_tell_and_scores_follow() -> None:
    discriminator, real, fake, masks = _game()
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    before = discriminator_loss(discriminator, real, fake, masks, "hinge")
    for _ in range(60):
        optimizer.zero_grad()
        discriminator_loss(discriminator, real, fake, masks, "hinge").backward()
        optimizer.step()
    assert discriminator_loss(discriminator, real, fake, masks, "hinge") < 0.5 * before
    assert generator_losses(discriminator, real, fake, masks, "hinge", matches=True).adversarial > 0


class _MeanColour(nn.Module):
    """Scores the mean colour, alone or less that of the batch."""

    def __init__(self, compares_images: bool) -> None:
        super().__init__()
        self.compares_images = compares_images

    def forward(self, image: Tensor, masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        scores = image.mean((1, 2, 3))
        return (scores - scores.mean() if self.compares_images else scores)[:, None], [image]


def test_softplus_is_the_logistic_loss_of_both_sides() -> None:
    _, real, fake, masks = _game()
    discriminator = _MeanColour(compares_images=False)
    real_scores, fake_scores = (images.double().mean((1, 2, 3)).tolist() for images in (real, fake))
    # the negative log-likelihood of a logistic regression that names real and fake
    expected = sum(math.log1p(math.exp(-score)) for score in real_scores) / len(real)
    expected += sum(-math.log(1.0 - 1.0 / (1.0 + math.exp(-score))) for score in fake_scores) / len(fake)
    assert discriminator_loss(discriminator, real, fake, masks, "softplus").item() == pytest.approx(expected, abs=1e-6)
    generator_side = sum(-math.log(1.0 / (1.0 + math.exp(-score))) for score in fake_scores) / len(fake)
    told = generator_losses(discriminator, real, fake, masks, "softplus", matches=True).adversarial
    assert told.item() == pytest.approx(generator_side, abs=1e-6)


def test_a_discriminator_that_compares_images_sees_real_and_fake_apart() -> None:
    _, real, fake, masks = _game()
    alike = discriminator_loss(_MeanColour(compares_images=True), real, fake + 5.0, masks, "hinge")
    assert alike.item() == pytest.approx(
        discriminator_loss(_MeanColour(True), real, fake, masks, "hinge").item(), abs=1e-5
    )
    assert discriminator_loss(_MeanColour(False), real, fake + 5.0, masks, "hinge") > alike + 1.0
