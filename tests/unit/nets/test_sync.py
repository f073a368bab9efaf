"""The sync expert: shapes, unit vectors, and the published size."""

import pytest
import torch

from segtalker.nets.sync import SyncExpert


def _expert(image_channels: int, positive: bool = False, **changes: object) -> SyncExpert:
    config = {
        "image_channels": image_channels,
        "frames": 5,
        "image_size": (32, 48),
        "view": ((4, 28), (8, 40)),
        "mel_bins": 80,
        "mel_window": 16,
        "channels": (8, 16),
        "audio_channels": (8, 8, 16, 16),
        "blocks": 1,
        "embedding": 24,
        "standardise": False,
        "positive": positive,
    }
    torch.manual_seed(0)
    return SyncExpert(**{**config, **changes}).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("positive", [True, False])
def test_embeddings_are_unit_vectors(channels: int, positive: bool) -> None:
    frames, audio = _expert(channels, positive)(torch.rand(4, 5, channels, 32, 48), torch.randn(4, 80, 16))
    for embedding in (frames, audio):
        assert embedding.shape == (4, 24)
        torch.testing.assert_close(embedding.norm(dim=1), torch.ones(4))
        assert (embedding.min() >= 0) == positive


def test_a_window_is_embedded_alike_in_any_batch() -> None:
    expert = _expert(2)
    windows = torch.rand(3, 5, 2, 32, 48)
    torch.testing.assert_close(expert.embed_frames(windows)[1:2], expert.embed_frames(windows[1:2]))


def test_the_order_of_frames_counts() -> None:
    expert = _expert(2)
    windows = torch.rand(2, 5, 2, 32, 48)
    assert not torch.allclose(expert.embed_frames(windows), expert.embed_frames(windows.flip(1)), atol=1e-3)


def test_params_take_it_to_the_published_size() -> None:
    expert = _expert(
        3,
        image_size=(48, 96),
        view=((0, 48), (0, 96)),
        channels=(32, 64, 128, 256, 512),
        audio_channels=(32, 64, 128, 256, 512),
        blocks=2,
        embedding=512,
    )
    assert sum(parameter.numel() for parameter in expert.parameters()) > 10e6
    assert expert.embed_frames(torch.rand(1, 5, 3, 48, 96)).shape == (1, 512)


def test_a_window_of_another_size_is_refused() -> None:
    with pytest.raises(AssertionError):
        _expert(2).embed_frames(torch.rand(1, 5, 2, 64, 96))


def test_standardised_windows_ignore_light_and_skin() -> None:
    windows = torch.rand(2, 5, 3, 32, 48)
    relit = windows * torch.tensor([0.5, 0.7, 0.9])[:, None, None] + torch.tensor([0.1, -0.2, 0.3])[:, None, None]
    plain, standardised = _expert(3), _expert(3, standardise=True)
    torch.testing.assert_close(standardised.embed_frames(relit), standardised.embed_frames(windows), atol=0.02, rtol=0)
    assert (plain.embed_frames(relit) - plain.embed_frames(windows)).abs().max() > 0.1


def test_only_the_view_counts() -> None:
    expert, windows = _expert(2), torch.rand(2, 5, 2, 32, 48)
    outside, inside = windows.clone(), windows.clone()
    outside[..., :4, :] = 1.0
    outside[..., 40:] = 0.0
    inside[..., 4, 8] += 1.0
    assert torch.equal(expert.embed_frames(outside), expert.embed_frames(windows))
    assert not torch.equal(expert.embed_frames(inside), expert.embed_frames(windows))
