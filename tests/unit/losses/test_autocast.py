"""Losses under bfloat16 autocast: what they make of the same numbers stays near what they make in float32."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segtalker.losses.adversarial import discriminator_loss, generator_losses
from segtalker.losses.perceptual import feature_loss
from segtalker.losses.reconstruction import pixel_loss, region_pixel_weights
from segtalker.losses.regularisation import gradient_penalty
from segtalker.losses.segmentation import balanced_cross_entropy, dice_loss
from segtalker.losses.sync import sync_bce, sync_contrast

REGIONS, SIDE = 12, 64


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


LABELS = (_draw(2, SIDE, SIDE).sigmoid() * REGIONS).long()
MASKS = F.one_hot(LABELS, REGIONS).movedim(-1, 1).float()
IMAGE, TRUTH = _draw(2, 3, SIDE, SIDE), _draw(2, 3, SIDE, SIDE, seed=1)
LOGITS = _draw(2, REGIONS, SIDE, SIDE, seed=2)
FRAMES = F.normalize(_draw(16, 64, seed=3).abs() + 0.3, dim=1)
AUDIO = F.normalize(FRAMES + 0.02 * _draw(16, 64, seed=4).abs(), dim=1)


class Scores(nn.Module):
    """A discriminator whose scores are the same numbers with and without autocast, under which they are bfloat16."""

    compares_images = False

    def forward(self, image: Tensor, masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        score = (image.mean(1, keepdim=True) + 40.0).bfloat16()
        return score if torch.is_autocast_enabled("cpu") else score.float(), [score.float()]


def _features(image: Tensor) -> list[Tensor]:
    """Features whose differences are small, as of an image that is nearly right."""
    return [torch.cat((image * 0.01, torch.ones_like(image)), 1)]


LOSSES: dict[str, Callable[[], Tensor]] = {
    "contrast": lambda: sync_contrast(FRAMES, AUDIO, 0.07),
    "bce": lambda: sync_bce(FRAMES, AUDIO),
    "cross entropy": lambda: balanced_cross_entropy(LOGITS, LABELS, 0.5),
    "dice": lambda: dice_loss(LOGITS, LABELS),
    "pixel": lambda: pixel_loss(IMAGE, TRUTH, region_pixel_weights(MASKS, torch.linspace(0.3, 3.1, REGIONS)), 1.0),
    "features": lambda: feature_loss(_features, IMAGE, TRUTH),
    "discriminator": lambda: discriminator_loss(Scores(), IMAGE, TRUTH, MASKS, "hinge"),
    "adversarial": lambda: generator_losses(Scores(), IMAGE, TRUTH, MASKS, "hinge", matches=True).adversarial,
    "logistic discriminator": lambda: discriminator_loss(Scores(), IMAGE, TRUTH, MASKS, "softplus"),
    "logistic adversarial": lambda: (
        generator_losses(Scores(), IMAGE, TRUTH, MASKS, "softplus", matches=True).adversarial
    ),
    "r1": lambda: gradient_penalty(Scores(), IMAGE, MASKS),
}


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_what_it_is_in_float32(name: str) -> None:
    truth = LOSSES[name]()
    with torch.autocast("cpu", torch.bfloat16):
        value = LOSSES[name]()
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, truth, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "logits_loss",
    [lambda logits: balanced_cross_entropy(logits, LABELS, 0.5), lambda logits: dice_loss(logits, LABELS)],
)
def test_scores_in_half_precision_are_summed_in_float32(logits_loss: Callable[[Tensor], Tensor]) -> None:
    rounded = LOGITS.bfloat16()
    value, truth = logits_loss(rounded), logits_loss(rounded.float())
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, truth)


def test_binary_cross_entropy_is_computed_without_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA's autocast refuses the function; here it is seen that none is on where it is called."""
    compute, enabled = F.binary_cross_entropy, []

    def watch(values: Tensor, target: Tensor) -> Tensor:
        enabled.append(torch.is_autocast_enabled(values.device.type))
        return compute(values, target)

    monkeypatch.setattr(F, "binary_cross_entropy", watch)
    with torch.autocast("cpu", torch.bfloat16):
        sync_bce(FRAMES, AUDIO)
    assert enabled == [False]
