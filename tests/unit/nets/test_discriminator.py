"""The discriminator of the renderer."""

import pytest
import torch

from segtalker.nets.discriminator import PatchDiscriminator, fine_detail
from segtalker.regions import NUM_REGIONS

from .tiny_renderer import SIZE, quilts


def test_discriminator_sees_the_mask_and_scores_patches() -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(regions=NUM_REGIONS, full_size=0, channels=(8, 16), detail=False, spectral=True)
    image = torch.rand(1, 3, SIZE, SIZE)
    scores, features = discriminator(image, quilts(1, batch=1))
    assert scores.shape == (1, 1, 16, 16)
    assert [level.shape[1] for level in features] == [8, 16]
    assert not torch.equal(scores, discriminator(image, quilts(2, batch=1))[0])


def test_it_may_see_fine_detail_alone() -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(regions=NUM_REGIONS, full_size=4, channels=(8,), detail=True, spectral=False)
    masks, image = quilts(1, batch=1), torch.rand(1, 3, SIZE, SIZE) * 0.5
    scores, features = discriminator(image, masks)
    assert features[0].shape[2:] == (SIZE, SIZE)
    # another brightness is no detail
    torch.testing.assert_close(discriminator(image + 0.3, masks)[0], scores, atol=1e-5, rtol=0)
    assert not torch.allclose(discriminator(image * 0.5, masks)[0], scores, atol=1e-3)


def test_fine_detail_is_what_a_blur_takes_away() -> None:
    ramp = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    torch.testing.assert_close(fine_detail(ramp)[..., 2:-2], torch.zeros(1, 3, 32, 28), atol=1e-5, rtol=0)
    dot = torch.zeros(1, 3, 9, 9)
    dot[..., 4, 4] = 1.0
    assert fine_detail(dot)[0, 0, 4, 4].item() == pytest.approx(4 * 24 / 25)
    assert fine_detail(dot)[0, 0, 3, 3].item() == pytest.approx(-4 / 25)
