"""Windows of mouth and speech for the sync expert: they belong together and depend on the draw alone."""

import pickle

import numpy as np
import torch

from datamodules.speech_augmentation import SpeechAugmentation
from datamodules.sync import SyncClips, SyncDraws, recoloured
from segtalker.clips.store import Clip
from segtalker.media.mel import window_starts
from segtalker.regions import MOUTH

from .speaking_clips import AS_IT_IS, CHANGED, CLOCK, FRAMES, SIZE, WINDOW, open_mouths


def _sync_draws(clips: list[Clip], augmentation: SpeechAugmentation, seed: int = 1) -> SyncDraws:
    mouths = open_mouths(clips)
    return SyncDraws(
        mouths,
        choice=mouths.choice({}),
        content="masks",
        window=WINDOW,
        seed=seed,
        windows_per_clip=6,
        span_frames=12,
        augmentation=augmentation,
        colour=0.2,
    )


def test_sync_groups_pair_frames_with_their_own_speech(clips: list[Clip]) -> None:
    draws = _sync_draws(clips, AS_IT_IS)
    for draw in range(8):
        boxes, speech = draws[draw]
        assert boxes.shape == (6, 5, *SIZE)
        assert speech.shape == (6, 80, 16)
        # the mouth opens frame by frame, the first mel bin rises column by column
        opening = (boxes == MOUTH).float().mean(dim=(1, 2, 3))
        assert torch.equal(opening.argsort(), speech[:, 0, 0].argsort())


def test_groups_lie_in_a_stretch_and_do_not_repeat(clips: list[Clip]) -> None:
    draws = _sync_draws(clips, AS_IT_IS)
    for draw in range(8):
        columns = ((draws[draw][1][:, 0, 0] + 4) / 8 * 65).round()
        assert len(columns.unique()) == 6
        assert columns.max() - columns.min() <= 12 * 3.2


def test_draws_depend_on_seed_and_number_alone(clips: list[Clip]) -> None:
    draws = _sync_draws(clips, CHANGED)
    copy = pickle.loads(pickle.dumps(draws))
    copy[5]
    for ours, theirs in zip(draws[3], copy[3], strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(draws[3][1], draws[4][1])
    assert not torch.equal(draws[3][1], _sync_draws(clips, CHANGED, seed=2)[3][1])


def test_validation_walks_whole_clips(clips: list[Clip]) -> None:
    boxes, speech = SyncClips(open_mouths(clips), "frames", WINDOW)[2]
    assert boxes.shape == (FRAMES, *SIZE, 3)
    starts = window_starts(np.arange(16), CLOCK)
    np.testing.assert_array_equal(speech[:, :, 0], clips[2].mel[:, starts].T)


def test_recolouring_keeps_the_order_of_brightness_in_each_channel() -> None:
    boxes = np.random.default_rng(0).integers(40, 200, (2, 5, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(recoloured(boxes, np.random.default_rng(1), 0.0), boxes)
    changed = recoloured(boxes, np.random.default_rng(1), 0.2)
    assert (changed != boxes).any()
    for channel in range(3):
        before, after = (values[..., channel].ravel().astype(int) for values in (boxes, changed))
        assert (np.diff(after[before.argsort()]) >= 0).all()
