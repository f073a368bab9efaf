"""Wav2Lip's generator: the published network at the published widths, and what it looks at."""

import pytest
import torch
from torch import nn

from segtalker.nets.wav2lip import Wav2LipGenerator, face_size, net_input

PUBLISHED = {
    "channels": (16, 32, 64, 128, 256, 512, 512),
    "blocks": (0, 2, 3, 2, 2, 1),
    "decoder_channels": (64, 128, 256, 384, 512, 512, 512),
    "decoder_blocks": (2, 2, 2, 2, 2, 1),
    "audio_channels": (32, 64, 128, 256, 512),
    "audio_blocks": (2, 2, 2, 1),
    "mel_bins": 80,
    "mel_window": 16,
}
# weights of the released network's convolutions in order of use, read off its layers: face encoder, speech, decoder
ENCODER = [
    (16, 6, 7, 7),
    (32, 16, 3, 3), (32, 32, 3, 3), (32, 32, 3, 3),
    (64, 32, 3, 3), (64, 64, 3, 3), (64, 64, 3, 3), (64, 64, 3, 3),
    (128, 64, 3, 3), (128, 128, 3, 3), (128, 128, 3, 3),
    (256, 128, 3, 3), (256, 256, 3, 3), (256, 256, 3, 3),
    (512, 256, 3, 3), (512, 512, 3, 3),
    (512, 512, 3, 3), (512, 512, 1, 1),
]  # fmt: skip
AUDIO = [
    (32, 1, 3, 3), (32, 32, 3, 3), (32, 32, 3, 3),
    (64, 32, 3, 3), (64, 64, 3, 3), (64, 64, 3, 3),
    (128, 64, 3, 3), (128, 128, 3, 3), (128, 128, 3, 3),
    (256, 128, 3, 3), (256, 256, 3, 3),
    (512, 256, 3, 3), (512, 512, 1, 1),
]  # fmt: skip
# a transposed convolution names its inputs first
DECODER = [
    (512, 512, 1, 1),
    (1024, 512, 3, 3), (512, 512, 3, 3),
    (1024, 512, 3, 3), (512, 512, 3, 3), (512, 512, 3, 3),
    (768, 384, 3, 3), (384, 384, 3, 3), (384, 384, 3, 3),
    (512, 256, 3, 3), (256, 256, 3, 3), (256, 256, 3, 3),
    (320, 128, 3, 3), (128, 128, 3, 3), (128, 128, 3, 3),
    (160, 64, 3, 3), (64, 64, 3, 3), (64, 64, 3, 3),
    (32, 80, 3, 3), (3, 32, 1, 1),
]  # fmt: skip
PUBLISHED_PARAMETERS = 36_298_035


def _weights(*parts: nn.Module) -> list[tuple[int, ...]]:
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return [tuple(layer.weight.shape) for part in parts for layer in part.modules() if isinstance(layer, kinds)]


@pytest.fixture(scope="module")
def published() -> Wav2LipGenerator:
    with torch.device("meta"):
        return Wav2LipGenerator(**PUBLISHED)  # type: ignore[arg-type]


def _small(levels: int = 4) -> Wav2LipGenerator:
    torch.manual_seed(0)
    return Wav2LipGenerator(
        channels=(4, 6, 8, 10, 12)[:levels],
        blocks=(0, 1, 1, 1)[: levels - 1],
        decoder_channels=(6, 8, 8, 10, 12)[:levels],
        decoder_blocks=(1, 1, 1, 1)[: levels - 1],
        audio_channels=(4, 4, 6, 6, 8),
        audio_blocks=(1, 1, 1, 1),
        mel_bins=80,
        mel_window=16,
    ).eval()


def test_at_the_published_widths_it_is_the_published_network(published: Wav2LipGenerator) -> None:
    assert _weights(published.encoder) == ENCODER
    assert _weights(published.audio) == AUDIO
    assert _weights(published.start, published.decoder, published.paint) == DECODER
    assert sum(weight.numel() for weight in published.parameters()) == PUBLISHED_PARAMETERS


def test_features_have_the_published_sizes(published: Wav2LipGenerator) -> None:
    sizes: list[int] = []
    for level in [*published.encoder, *published.decoder]:
        level.register_forward_hook(lambda _, __, out: sizes.append(out.shape[-1]))
    faces, mel = torch.empty(2, 6, 96, 96, device="meta"), torch.empty(2, 80, 16, device="meta")
    assert published(faces, mel).shape == (2, 3, 96, 96)
    assert sizes == [96, 48, 24, 12, 6, 3, 1, 3, 6, 12, 24, 48, 96]


@pytest.mark.parametrize("levels", [3, 4, 5])
def test_the_size_of_the_face_follows_from_the_levels(levels: int) -> None:
    size = face_size(levels)
    painted = _small(levels)(torch.rand(2, 6, size, size), torch.randn(2, 80, 16))
    assert painted.shape == (2, 3, size, size)
    assert painted.min() >= 0
    assert painted.max() <= 1


def test_the_lower_half_is_not_seen_but_all_else_is() -> None:
    net, size = _small().train(), face_size(4)
    generator = torch.Generator().manual_seed(1)
    for _ in range(30):  # batch norms of a fresh network let next to nothing through
        net(torch.rand(8, 6, size, size, generator=generator), torch.randn(8, 80, 16, generator=generator))
    net.eval()
    faces, reference, mel = (
        torch.rand(1, 3, size, size, generator=generator),
        torch.rand(1, 3, size, size, generator=generator),
        torch.randn(1, 80, 16, generator=generator),
    )

    def paint(faces: torch.Tensor, reference: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        return net(net_input(faces, reference), mel)

    before, painted = faces.clone(), paint(faces, reference, mel)
    other = faces.clone()
    other[:, :, size // 2 :] = torch.rand(1, 3, size - size // 2, size, generator=generator)
    assert torch.equal(paint(other, reference, mel), painted)
    assert torch.equal(faces, before)
    other[:, :, size // 2 - 1] += 0.5
    for changed in (paint(other, reference, mel), paint(faces, reference.flip(-2), mel), paint(faces, reference, -mel)):
        assert (changed - painted).abs().max() > 1e-3


def test_a_face_or_window_of_another_size_is_refused() -> None:
    net, size = _small(), face_size(4)
    with pytest.raises(AssertionError, match=f"expected {size} px"):
        net(torch.rand(1, 6, 2 * size, 2 * size), torch.randn(1, 80, 16))
    with pytest.raises(AssertionError):
        net(torch.rand(1, 6, size, size), torch.randn(1, 80, 20))
