"""An expert's embeddings give back the offset that was put in."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import box_transforms, extract_boxes
from segtalker.metrics.sync_expert import embed_clip, offset_accuracy, piece_offsets, shift_distances
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import mask_channels, rgb_channels

CLOCK = Clock(fps=25, sample_rate_hz=16000, mel_hop=200, smooth_frames=1)


def _speech(count: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(count, 16, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("offset", range(-15, 16))
def test_a_planted_offset_is_found_in_every_inner_piece(offset: int) -> None:
    audio = _speech(120)
    frames = audio.roll(-offset, dims=0) + 0.3 * _speech(120, seed=1)
    distances = shift_distances(F.normalize(frames, dim=1)[20:100], audio[20:100], max_shift=15)
    offsets = piece_offsets(distances, windows=21, stride=1)
    assert len(offsets) == 60
    assert set(offsets[15:-15].tolist()) == {offset}


def test_distances_beyond_the_clip_are_unknown_and_the_rest_is_plain_l2() -> None:
    frames, audio = _speech(9), _speech(9, seed=1)
    distances = shift_distances(frames, audio, max_shift=3)
    for window in range(9):
        for column, shift in enumerate(range(-3, 4)):
            if 0 <= window + shift < 9:
                expected = torch.linalg.vector_norm(frames[window] - audio[window + shift])
                torch.testing.assert_close(distances[window, column], expected)
            else:
                assert distances[window, column].isnan()


def test_a_clip_shorter_than_a_piece_has_none() -> None:
    assert len(piece_offsets(shift_distances(_speech(5), _speech(5), 3), windows=6, stride=1)) == 0


def test_offset_accuracy_counts_both_sides() -> None:
    assert offset_accuracy([0, 1, -1, 2, -15], tolerance=1) == pytest.approx(0.6)


@pytest.mark.parametrize("channels", [2, 3])
def test_a_clip_is_embedded_window_by_window(channels: int) -> None:
    torch.manual_seed(0)
    expert = SyncExpert(
        image_channels=channels,
        frames=5,
        image_size=(16, 24),
        view=((2, 14), (4, 20)),
        mel_bins=80,
        mel_window=16,
        channels=(4, 8),
        audio_channels=(4, 4),
        blocks=0,
        embedding=8,
        standardise=channels == 3,
        positive=False,
    ).eval()
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 12, (12, 64, 64) if channels == 2 else (12, 64, 64, 3), dtype=np.uint8)
    landmarks = np.tile(rng.uniform(16, 48, (1, 68, 2)), (12, 1, 1))
    mel = rng.standard_normal((80, 40)).astype(np.float32)
    frames, audio = embed_clip(expert, pictures, landmarks, mel, clock=CLOCK, batch_size=3)
    boxes = torch.from_numpy(extract_boxes(pictures, box_transforms(landmarks, (16, 24), 1), (16, 24)))
    seen = mask_channels(boxes) if channels == 2 else rgb_channels(boxes)
    assert frames.shape == audio.shape == (8, 8)
    for start in range(8):
        column = int(80 * start / 25)
        expected = expert(seen[None, start : start + 5], torch.from_numpy(mel[None, :, column : column + 16]))
        np.testing.assert_allclose(frames[start], expected[0][0].detach(), atol=1e-5)
        np.testing.assert_allclose(audio[start], expected[1][0].detach(), atol=1e-5)
