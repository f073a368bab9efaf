"""The discriminator of the renderer."""

import torch

from segtalker.nets.discriminator import PatchDiscriminator
from segtalker.regions import NUM_REGIONS

from .tiny_renderer import SIZE, quilts


def test_discriminator_sees_the_mask_and_scores_patches() -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(regions=NUM_REGIONS, channels=(8, 16))
    image = torch.rand(1, 3, SIZE, SIZE)
    scores, features = discriminator(image, quilts(1, batch=1))
    assert scores.shape == (1, 1, 16, 16)
    assert [level.shape[1] for level in features] == [8, 16]
    assert not torch.equal(scores, discriminator(image, quilts(2, batch=1))[0])
