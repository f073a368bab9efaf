"""Windows of masks for the segmenter, with their speech and an identity."""

from dataclasses import replace

import numpy as np

from datamodules.tsg import TsgClipWindows, TsgDraws, TsgWindows
from segtalker.clips.store import Clip
from segtalker.media.mel import centred_starts
from segtalker.regions import MOUTH

from .speaking_clips import AS_IT_IS, CLOCK, SIZE, WINDOW, open_mouths


def _draws(clips: list[Clip], weights: dict[str, float]) -> TsgDraws:
    mouths = open_mouths(clips)
    return TsgDraws(TsgWindows(mouths, WINDOW, speech_columns=8), mouths.choice(weights), 1, AS_IT_IS)


def test_tsg_samples_hold_consecutive_frames_and_their_speech(clips: list[Clip]) -> None:
    draws = _draws(clips, {})
    opened = set()
    for draw in range(12):
        regions, identity, speech, sync_speech = draws[draw]
        assert regions.shape == (5, *SIZE)
        assert identity.shape == SIZE
        start = round(float(sync_speech[0, 0] + 4) / 8 * 65 / 3.2)
        columns = centred_starts(start + np.arange(5), CLOCK, 8)
        expected = np.linspace(-4, 4, 66)[columns.clip(0, 65)]
        np.testing.assert_allclose(speech[:, 0, 0], expected, atol=1e-5)
        opening = (regions == MOUTH).sum(dim=(1, 2))
        assert opening[-1] > opening[0]
        opened.add(int((identity == MOUTH).sum()))
    assert len(opened) > 3


def test_tsg_validation_covers_clips_with_the_widest_reference(clips: list[Clip]) -> None:
    samples = TsgClipWindows(TsgWindows(open_mouths(clips), WINDOW, speech_columns=8))
    assert len(samples) == 3 * 4
    widest = max(int((samples[index].regions == MOUTH).sum(dim=(1, 2)).max()) for index in range(4))
    assert abs(int((samples[0].identity == MOUTH).sum()) - widest) <= 4


def test_clips_come_from_the_datasets_that_have_a_weight(clips: list[Clip]) -> None:
    named = [replace(clip, dataset=dataset) for clip, dataset in zip(clips, ("a", "b", "a"), strict=True)]
    own_speech = clips[1].mel[1]  # of the only clip of b
    for draw in range(6):
        assert np.isin(_draws(named, {"b": 2.0})[draw].sync_speech[1].numpy(), own_speech).all()
    others = [_draws(named, {"a": 1.0})[draw].sync_speech[1].numpy() for draw in range(6)]
    assert not any(np.isin(speech, own_speech).all() for speech in others)
