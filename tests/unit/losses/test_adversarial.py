"""The two sides of the game are kept apart."""

import torch

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
    discriminator_loss(discriminator, real, fake, masks).backward()
    assert fake.grad is None
    assert all(weight.grad is not None for weight in discriminator.parameters())


def test_the_generators_pass_does_not_reach_the_discriminator() -> None:
    discriminator, real, fake, masks = _game()
    fake.requires_grad_()
    told = generator_losses(discriminator, real, fake, masks)
    (told.adversarial + told.matching).backward()
    assert fake.grad is not None
    assert fake.grad.abs().sum() > 0
    assert all(weight.grad is None and weight.requires_grad for weight in discriminator.parameters())


def test_a_discriminator_learns_to_tell_and_scores_follow() -> None:
    discriminator, real, fake, masks = _game()
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    before = discriminator_loss(discriminator, real, fake, masks)
    for _ in range(60):
        optimizer.zero_grad()
        discriminator_loss(discriminator, real, fake, masks).backward()
        optimizer.step()
    assert discriminator_loss(discriminator, real, fake, masks) < 0.5 * before
    assert generator_losses(discriminator, real, fake, masks).adversarial > 0
