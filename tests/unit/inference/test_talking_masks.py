"""Talking masks: nothing leaks, and the clip's length or the batch does not matter."""

import numpy as np
import pytest
import torch

from segtalker.config.base import Clock
from segtalker.faces.mouth_box import box_transforms, hide, paste_regions
from segtalker.inference.talking_masks import predict_talking_masks
from segtalker.media.mel import centred_starts
from segtalker.nets.tensors import one_hot
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import NUM_REGIONS

SIZE = (16, 24)
CLOCK = Clock(fps=25, sample_rate_hz=16000, mel_hop=200, smooth_frames=3)


@pytest.fixture(scope="module")
def net() -> TalkingSegmenter:
    torch.manual_seed(0)
    return TalkingSegmenter(
        regions=NUM_REGIONS,
        frames=5,
        mel_bins=80,
        mel_window=16,
        channels=(8, 16),
        decoder_channels=(8, 16),
        audio_channels=(4, 4),
        blocks=0,
        speech=8,
    ).eval()


def _clip(frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, NUM_REGIONS, (frames, 8, 8), dtype=np.uint8)
    face = np.zeros((68, 2))
    face[[36, 39, 42, 45], 0] = (-16.0, -8.0, 8.0, 16.0)
    face[31:36, 1] = 17.0
    landmarks = face + np.array((32, 20)) + rng.normal(0, 1, (frames, 1, 2))
    mel = rng.standard_normal((80, int(frames * 3.2) + 1)).astype(np.float32)
    return coarse.repeat(8, axis=1).repeat(8, axis=2), landmarks, mel


def _starts(numbers: np.ndarray) -> np.ndarray:
    return centred_starts(numbers, CLOCK, 16)


def _predict(
    net: TalkingSegmenter, masks: np.ndarray, landmarks: np.ndarray, mel: np.ndarray, **how: int
) -> np.ndarray:
    return predict_talking_masks(
        net,
        masks,
        landmarks,
        masks[0],
        landmarks[0],
        mel,
        mel_starts=_starts,
        smooth_frames=CLOCK.smooth_frames,
        box_size=SIZE,
        **{"stride": 2, "batch_size": 4, **how},
    )


def test_nothing_of_the_hidden_area_reaches_the_result(net: TalkingSegmenter) -> None:
    masks, landmarks, mel = _clip(9)
    identity = masks[0].copy()
    scrambled = paste_regions(masks, torch.randn(9, NUM_REGIONS, *SIZE), box_transforms(landmarks, SIZE, 3))
    assert (scrambled != masks).any()

    def talk(pose: np.ndarray) -> np.ndarray:
        return predict_talking_masks(
            net, pose, landmarks, identity, landmarks[0], mel,
            mel_starts=_starts, smooth_frames=CLOCK.smooth_frames, box_size=SIZE, stride=2, batch_size=4,
        )  # fmt: skip

    # nearest sampling at the rim of the area may pick a pixel that is pasted over
    assert (talk(scrambled) != talk(masks)).mean() < 0.01


@pytest.mark.parametrize("frames", [1, 4, 5, 6, 31])
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_every_length_and_stride_gives_every_frame(net: TalkingSegmenter, frames: int, stride: int) -> None:
    masks, landmarks, mel = _clip(frames)
    talking = _predict(net, masks, landmarks, mel, stride=stride)
    assert talking.shape == masks.shape
    assert talking.dtype == np.uint8


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_the_batch_does_not_matter(net: TalkingSegmenter, stride: int) -> None:
    masks, landmarks, mel = _clip(33)
    small, large = (_predict(net, masks, landmarks, mel, stride=stride, batch_size=size) for size in (2, 64))
    # sums in another order may tip a tie
    assert (small != large).mean() < 1e-3


def test_speech_moves_the_mouth_and_nothing_else(net: TalkingSegmenter) -> None:
    masks, landmarks, mel = _clip(12)
    area = paste_regions(
        np.full_like(masks, 99), torch.zeros(12, NUM_REGIONS, *SIZE), box_transforms(landmarks, SIZE, 3)
    )
    first, second = _predict(net, masks, landmarks, mel), _predict(net, masks, landmarks, mel[:, ::-1] * 3)
    assert (first != second).any()
    for talking in (first, second):
        np.testing.assert_array_equal(talking[area == 99], masks[area == 99])


def test_hidden_pixels_have_no_region() -> None:
    regions = torch.randint(0, NUM_REGIONS, (3, 64, 96), dtype=torch.uint8)
    visible = one_hot(hide(regions)).sum(dim=1)
    assert set(visible.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(one_hot(regions).argmax(dim=1).to(torch.uint8), regions)
    assert (hide(regions)[:, :7] == regions[:, :7]).all()
