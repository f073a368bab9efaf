"""Draws of labelled frames, and those held out."""

import torch

from datamodules.augment import Augmentation
from datamodules.clip_draws import ClipChoice
from datamodules.labelled_frames import LabelledDraws, LabelledFrames
from datamodules.labelled_images import CachedImages
from segtalker.regions import NUM_REGIONS

ALL_ALIKE = ClipChoice(["", "", ""], {})
LIVELY = Augmentation(flip=0.5, rotation_deg=15.0, scale=0.1, shift=0.05, colour=0.2, blur=0.5)


def test_a_draw_is_a_function_of_its_number(faces) -> None:
    draws = [
        LabelledDraws(CachedImages(faces, 1), ALL_ALIKE, seed=3, augmentation=LIVELY, coarse_steps=0) for _ in range(2)
    ]
    first, again = draws[0][17], draws[1][17]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], draws[0][18][0])
    assert not torch.equal(first[0], LabelledDraws(faces, ALL_ALIKE, 4, LIVELY, coarse_steps=0)[17][0])
    image, labels = first
    assert image.shape == (3, 32, 32)
    assert labels.dtype == torch.int64
    assert labels.max() < NUM_REGIONS


def test_the_first_draws_are_half_the_size_and_show_the_same(faces) -> None:
    still = Augmentation(flip=0.0, rotation_deg=0.0, scale=0.0, shift=0.0, colour=0.0, blur=0.0)
    coarse, fine = (LabelledDraws(faces, ALL_ALIKE, 3, still, coarse_steps=count) for count in (2, 0))
    coarse.step_draws = 4
    assert [coarse[draw][1].shape[0] for draw in (0, 7, 8)] == [16, 16, 32]
    (image, labels), (fine_image, fine_labels) = coarse[7], fine[7]
    torch.testing.assert_close(image, torch.nn.functional.avg_pool2d(fine_image, 2), atol=0.01, rtol=0)
    blocks = fine_labels.unfold(0, 2, 2).unfold(1, 2, 2).flatten(2)
    assert (blocks == labels[..., None]).any(-1).all()


def test_validation_frames_spread_over_each_clip(faces) -> None:
    frames = LabelledFrames(faces, per_group=3)
    assert frames.keys[:3] == [(0, 0), (0, 2), (0, 4)]
    assert len(frames) == 9
    assert len(LabelledFrames(faces, per_group=50)) == 15
