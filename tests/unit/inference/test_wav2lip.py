"""The baseline at work: it reads its frames as it goes, looks only where it may, and hears."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from segtalker.clips.store import Clip
from segtalker.config.base import Clock
from segtalker.faces.mouth_box import box_transforms, face_box_transforms, paste_faces, paste_regions
from segtalker.inference.wav2lip import Wav2LipSettings, Wav2LipTalker
from segtalker.regions import LIP, NUM_REGIONS
from segtalker.utils.errors import MissingWeightsError

BATCH, REFERENCE = 8, 7
CLOCK = Clock(fps=25, sample_rate_hz=16000, mel_hop=200, smooth_frames=5)
BOX = (64, 96)


class Frames:
    """Pictures in memory that note how many are read at once."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        self.most = 0

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: Sequence[int] | None = None) -> np.ndarray:
        assert indices is not None, "all at once"
        self.most = max(self.most, len(indices))
        return self.images[list(indices)]


class Person:
    """A face whose masks nobody needs."""

    def __init__(self, images: np.ndarray, landmarks: np.ndarray) -> None:
        self.frames, self.landmarks = Frames(images), landmarks

    @property
    def masks(self) -> Frames:
        """Fails."""
        raise AssertionError("the baseline looked at masks")


@pytest.fixture(scope="module")
def wav2lip(models: Path) -> Wav2LipTalker:
    """The untrained network, its batch norms set to what it sees."""
    made = _load(models, BATCH)
    torch.manual_seed(0)
    made.net.train()
    for _ in range(30):
        made.net(torch.rand(8, 6, made.net.size, made.net.size), torch.randn(8, 80, 16))
    made.net.eval()
    return made


def _load(models: Path, batch_size: int) -> Wav2LipTalker:
    return Wav2LipTalker.load(models, Wav2LipSettings(CLOCK, 2, batch_size), torch.device("cpu"))


def _render(wav2lip: Wav2LipTalker, clip: Clip, images: np.ndarray, mel: np.ndarray) -> np.ndarray:
    return np.stack(list(wav2lip.render(Person(images, np.array(clip.landmarks)), REFERENCE, mel)))


def test_it_reads_a_batch_at_a_time_and_cuts_leave_no_trace(wav2lip: Wav2LipTalker, clips: list[Clip]) -> None:
    person = Person(clips[0].frames.read(), np.array(clips[0].landmarks))
    frames = wav2lip.render(person, REFERENCE, clips[0].mel)
    next(frames)
    assert person.frames.most == BATCH
    rest = list(frames)
    assert len(rest) == len(person.frames) - 1
    whole = Wav2LipTalker(wav2lip.net, Wav2LipSettings(CLOCK, 2, len(person.frames)))
    again = _render(whole, clips[0], person.frames.images, clips[0].mel)
    assert np.abs(again[1:].astype(int) - rest).max() <= 1


def test_what_segtalker_must_not_see_the_baseline_does_not_see(wav2lip: Wav2LipTalker, clips: list[Clip]) -> None:
    clip = clips[0]
    images, landmarks = clip.frames.read(), np.array(clip.landmarks)
    fill = torch.zeros(len(images), NUM_REGIONS, *BOX)
    fill[:, LIP] = 1.0
    hidden = paste_regions(np.zeros(images.shape[:3], np.uint8), fill, box_transforms(landmarks, BOX, 5)) == LIP
    hidden[REFERENCE] = False
    noise = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    scrambled = np.where(hidden[..., None], noise, images)
    assert hidden[0].mean() > 0.05
    hard = Wav2LipTalker(wav2lip.net, Wav2LipSettings(CLOCK, 0, BATCH))
    own, blind = (_render(hard, clip, frames, clip.mel) for frames in (images, scrambled))
    inner = hidden & np.roll(hidden, 2, 1) & np.roll(hidden, -2, 1) & np.roll(hidden, 2, 2) & np.roll(hidden, -2, 2)
    assert inner[0].any()
    np.testing.assert_array_equal(own[inner], blind[inner])


def test_around_the_face_box_the_frames_stay_as_they_are(wav2lip: Wav2LipTalker, clips: list[Clip]) -> None:
    clip = clips[0]
    images, side = clip.frames.read(), wav2lip.net.size
    transforms = face_box_transforms(np.array(clip.landmarks), (side, side), 5)
    inside = paste_faces(np.zeros_like(images), torch.ones(len(images), 3, side, side), transforms, 2)[..., 0]
    frames = _render(wav2lip, clip, images, clip.mel)
    np.testing.assert_array_equal(frames[inside == 0], images[inside == 0])
    assert 0.2 < (inside == 0).mean() < 0.8
    assert (frames != images)[inside == 255].mean() > 0.8


def test_speech_and_reference_show(wav2lip: Wav2LipTalker, clips: list[Clip]) -> None:
    clip = clips[0]
    images = clip.frames.read()
    own = _render(wav2lip, clip, images, clip.mel).astype(int)
    assert np.abs(_render(wav2lip, clip, images, clips[2].mel) - own).max() >= 1
    other = images.copy()
    other[REFERENCE] = 255 - other[REFERENCE]
    assert np.abs(_render(wav2lip, clip, other, clip.mel) - own)[np.arange(len(own)) != REFERENCE].max() >= 2


def test_untrained_it_says_which_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="--until train_wav2lip"):
        _load(tmp_path, 1)
