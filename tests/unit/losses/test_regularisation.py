"""Norms of gradients against what they are by hand."""

import pytest
import torch
from torch import Tensor, nn

from segtalker.losses.regularisation import gradient_penalty, path_lengths

MASKS = torch.zeros(3, 0, 8, 8)


class _Linear(nn.Module):
    """A score that is linear in the image."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 8, 8))

    def forward(self, image: Tensor, masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        return (image * self.weight).sum((1, 2, 3))[:, None], []


class _Curved(nn.Module):
    """A score that is not, of four patches."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 4, stride=4)

    def forward(self, image: Tensor, masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        return torch.tanh(self.convolution(image)).square().sum(1, keepdim=True), []


def test_r1_of_a_linear_discriminator_is_the_norm_of_its_weight() -> None:
    torch.manual_seed(0)
    discriminator = _Linear()
    penalty = gradient_penalty(discriminator, torch.randn(3, 3, 8, 8), MASKS)
    torch.testing.assert_close(penalty, discriminator.weight.square().sum())
    penalty.backward()
    torch.testing.assert_close(discriminator.weight.grad, 2.0 * discriminator.weight.detach())


def test_r1_of_a_compiled_discriminator_is_the_same() -> None:
    torch.manual_seed(0)
    discriminator, real = _Curved(), torch.randn(2, 3, 8, 8)
    expected = gradient_penalty(discriminator, real, MASKS)
    discriminator.compile()
    penalty = gradient_penalty(discriminator, real, MASKS)
    penalty.backward()
    torch.testing.assert_close(penalty, expected)
    assert discriminator.convolution.weight.grad is not None


def test_r1_is_what_differences_of_scores_give() -> None:
    """The gradient by central differences, pixel by pixel, and the penalty's own gradient by differences of it."""
    torch.manual_seed(0)
    discriminator, real = _Curved().double(), torch.randn(2, 3, 8, 8, dtype=torch.float64)

    def by_differences() -> Tensor:
        steps = 1e-4 * torch.eye(3 * 64, dtype=torch.float64).view(-1, 3, 8, 8)
        scores = [discriminator(image + sign * steps, MASKS)[0].mean((1, 2, 3)) for image in real for sign in (1, -1)]
        return (
            sum(
                ((ahead - behind) / 2e-4).square().sum()
                for ahead, behind in zip(scores[::2], scores[1::2], strict=True)
            )
            / 2
        )

    penalty = gradient_penalty(discriminator, real, MASKS)
    with torch.no_grad():
        torch.testing.assert_close(penalty, by_differences(), rtol=1e-6, atol=1e-9)
    penalty.backward()
    bias = discriminator.convolution.bias
    with torch.no_grad():
        bias[0] += 1e-4
        ahead = gradient_penalty_value(discriminator, real)
        bias[0] -= 2e-4
        behind = gradient_penalty_value(discriminator, real)
    assert bias.grad[0].item() == pytest.approx((ahead - behind) / 2e-4, rel=1e-4)


def gradient_penalty_value(discriminator: nn.Module, real: Tensor) -> float:
    with torch.enable_grad():
        return gradient_penalty(discriminator, real, MASKS).item()


def test_path_lengths_of_a_linear_generator_are_those_of_its_matrix() -> None:
    torch.manual_seed(0)
    regions, layers, style = 2, 3, 5
    matrix = torch.randn(3 * 16, regions, layers, style)
    styles = torch.randn(4, regions, layers, style, requires_grad=True)
    image = torch.einsum("pkls,bkls->bp", matrix, styles).view(4, 3, 4, 4)
    noise = torch.randn(4, 3, 4, 4)
    lengths = path_lengths(image, styles, noise)
    moved = torch.einsum("pkls,bp->bkls", matrix, noise.flatten(1) / 4.0)  # J^T y, y the noise over sqrt(4 x 4)
    torch.testing.assert_close(lengths, (moved.square().sum((1, 2, 3)) / layers).sqrt())


def test_path_lengths_can_be_differentiated_again() -> None:
    weight = torch.tensor(3.0, requires_grad=True)
    styles = torch.ones(1, 1, 1, 1, requires_grad=True)
    image = (weight * styles).expand(1, 3, 2, 2)
    noise = torch.ones(1, 3, 2, 2)
    path_lengths(image, styles, noise).sum().backward()
    assert weight.grad.item() == pytest.approx(12 / 2)  # twelve pixels over sqrt(2 x 2)
