"""The talking segmenter: shapes at every size, and which input reaches which frame."""

import pytest
import torch

from segtalker.nets.tsg import TalkingSegmenter

REGIONS, FRAMES, COLUMNS = 12, 5, 16


def _net(levels: int = 2) -> TalkingSegmenter:
    torch.manual_seed(0)
    return TalkingSegmenter(
        regions=REGIONS,
        frames=FRAMES,
        mel_bins=80,
        mel_window=COLUMNS,
        channels=(16, 24, 32, 40)[:levels],
        decoder_channels=(8, 16, 24, 32)[:levels],
        audio_channels=(4, 8, 8),
        blocks=1,
        speech=16,
    ).eval()


def _inputs(height: int, width: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.rand(batch, FRAMES, REGIONS, height, width, generator=generator),
        torch.rand(batch, REGIONS, height, width, generator=generator),
        torch.randn(batch, FRAMES, 80, COLUMNS, generator=generator),
    )


@pytest.mark.parametrize(("levels", "height", "width"), [(2, 16, 24), (3, 64, 96), (4, 128, 192)])
def test_scores_have_the_size_of_the_box(levels: int, height: int, width: int) -> None:
    pose, identity, mel = _inputs(height, width, batch=1)
    assert _net(levels)(pose, identity, mel).shape == (1, FRAMES, REGIONS, height, width)


def test_speech_of_a_frame_moves_that_frame_alone() -> None:
    net, (pose, identity, mel) = _net(), _inputs(16, 24)
    changed = mel.clone()
    changed[:, 3] += 1
    difference = (net(pose, identity, changed) - net(pose, identity, mel)).abs().amax(dim=(0, 2, 3, 4))
    assert difference[3] > 1e-3
    assert difference[[0, 1, 2, 4]].max() == 0


def test_pose_and_identity_both_count() -> None:
    net, (pose, identity, mel) = _net(), _inputs(16, 24)
    scores = net(pose, identity, mel)
    assert not torch.allclose(net(pose.flip(-1), identity, mel), scores, atol=1e-3)
    assert not torch.allclose(net(pose, identity.flip(-1), mel), scores, atol=1e-3)
