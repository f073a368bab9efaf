"""What comes out while speech is heard is what comes out when all of it is known."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from drawn_people import HOP, RATE_HZ

from segtalker.clips.store import Clip
from segtalker.config.params import Params
from segtalker.inference.background import SourceBackground
from segtalker.inference.editing import MaskChange
from segtalker.inference.edits import ShapeEdit
from segtalker.inference.streaming import Speaker, TalkStream
from segtalker.inference.talk_model import TalkModel
from segtalker.inference.timeline import Timeline, frames_of_speech, source_order
from segtalker.media.mel import log_mel
from segtalker.utils.errors import BadInputError


@dataclass(frozen=True)
class _Part:
    """The first frames of a clip."""

    clip: Clip
    count: int

    @property
    def frames(self) -> Any:
        return _Some(self.clip.frames, self.count)

    @property
    def masks(self) -> Any:
        return _Some(self.clip.masks, self.count)

    @property
    def landmarks(self) -> np.ndarray:
        return np.asarray(self.clip.landmarks)[: self.count]


@dataclass(frozen=True)
class _Some:
    pack: Any
    count: int

    def __len__(self) -> int:
        return self.count

    def read(self, indices: Any = None) -> np.ndarray:
        return self.pack.read(range(self.count) if indices is None else indices)


def _noise(samples: int) -> np.ndarray:
    """Noise of changing loudness."""
    rng = np.random.default_rng(3)
    loudness = np.interp(
        np.arange(samples) / 4000, np.arange(samples // 4000 + 2), rng.uniform(0, 0.6, samples // 4000 + 2)
    )
    return (rng.uniform(-1, 1, samples) * loudness).astype(np.float32)


def _speaker(talk_model: TalkModel, clip: Clip, count: int, rate: Fraction, loop: Any, edit: Any = None) -> Speaker:
    return Speaker(_Part(clip, count), talk_model.identify(clip), SourceBackground(), edit, rate, loop)


def _whole(talk_model: TalkModel, params: Params, speaker: Speaker, samples: np.ndarray) -> tuple[np.ndarray, ...]:
    """Source, masks and frames of `TalkModel.talk`."""
    count = frames_of_speech(len(samples), RATE_HZ, speaker.rate)
    timeline = Timeline(speaker.rate, source_order(len(speaker.face.frames), count, speaker.loop))
    mel = log_mel(samples, RATE_HZ, params.base.mel)
    chunks = talk_model.talk(speaker.face, speaker.identity, mel, timeline, speaker.background, speaker.edit)
    return _joined(chunks)


def _joined(chunks: Any) -> tuple[np.ndarray, ...]:
    parts = [(chunk.source, chunk.masks, np.stack(list(chunk.frames))) for chunk in chunks]
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))


def _streamed(talk_model: TalkModel, params: Params, speaker: Speaker, samples: np.ndarray) -> tuple[np.ndarray, ...]:
    cuts = np.cumsum(np.random.default_rng(4).integers(100, 6000, len(samples) // 100))
    stream = TalkStream(talk_model, params.base.mel, speaker)
    return _joined(stream.chunks(np.split(samples, cuts[cuts < len(samples)])))


@pytest.mark.parametrize(
    ("rate", "loop", "frames", "samples"),
    [
        (Fraction(25), "pingpong", 1, 40000),
        (Fraction(25), "pingpong", 1, 39400),
        (Fraction(25), "hold", 60, 30000),
        (Fraction(50), "pingpong", 20, 30000),
        (Fraction(12), "hold", 1, 34000),
        (Fraction(30000, 1001), "pingpong", 60, 30123),
        (Fraction(25), "cut", 20, 40000),
        (Fraction(50), "cut", 21, 40000),
        (Fraction(25), "hold", 1, 1500),
        (Fraction(25), "hold", 1, 3400),
    ],
)
def test_frames_are_those_of_the_whole_speech(
    talk_model: TalkModel, params: Params, clips: list[Clip], rate: Fraction, loop: str, frames: int, samples: int
) -> None:
    speaker, sound = _speaker(talk_model, clips[0], frames, rate, loop), _noise(samples)
    source, masks, pictures = _streamed(talk_model, params, speaker, sound)
    whole_source, whole_masks, whole_pictures = _whole(talk_model, params, speaker, sound)
    np.testing.assert_array_equal(source, whole_source)
    # where speech ends while the source moves, the last boxes are steadied otherwise
    same = slice(0, len(masks) if frames == 1 or loop == "cut" else -6)
    # sums in another order may tip a tie
    assert (masks[same] != whole_masks[same]).mean() < 1e-4
    assert np.abs(pictures[same].astype(int) - whole_pictures[same]).max() <= 1
    assert (np.diff(masks.astype(int), axis=0) != 0).any()


def test_edits_of_the_mask_are_carried(talk_model: TalkModel, params: Params, clips: list[Clip]) -> None:
    edit = MaskChange(None, (ShapeEdit("hair", "grow", (8.0,)),))
    speaker, sound = _speaker(talk_model, clips[0], 1, Fraction(25), "hold", edit), _noise(20000)
    _, masks, _ = _streamed(talk_model, params, speaker, sound)
    _, expected, _ = _whole(talk_model, params, speaker, sound)
    assert (masks != expected).mean() < 1e-4


def test_a_frame_comes_as_soon_as_it_is_decided_and_nothing_piles_up(
    talk_model: TalkModel, params: Params, clips: list[Clip]
) -> None:
    """With the speech of the 8th or 9th frame after its own, which is heard for 4.2 frames after its middle."""
    stream = TalkStream(talk_model, params.base.mel, _speaker(talk_model, clips[0], 1, Fraction(25), "hold"))
    sound, given, waits = _noise(8 * RATE_HZ), 0, []
    for first in range(0, len(sound), HOP):
        given += sum(len(chunk.source) for chunk in stream.push(sound[first : first + HOP]))
        waits.append((first + HOP) / RATE_HZ * 25 - given)
        assert stream._heard._kept.shape[1] < 60
        assert len(stream._steady._masks) + sum(map(len, stream._spoken)) < 12
        assert len(stream._steady._frames) < 24
        assert len(stream._sequences[0].means._total) < 12
    settled = waits[len(waits) // 2 :]
    # frames heard, less those given: 11.7 or 12.7 once a frame has come, and one more before the next
    assert 11.2 < min(settled) < 12.0
    assert 13.2 < max(settled) < 14.0


def test_hardly_any_sound_and_networks_that_hear_otherwise_are_said(
    talk_model: TalkModel, params: Params, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = _speaker(talk_model, clips[0], 1, Fraction(25), "hold")
    with pytest.raises(BadInputError, match="no sound came"):
        list(TalkStream(talk_model, params.base.mel, speaker).chunks([np.zeros(100, np.float32)]))
    monkeypatch.setattr(talk_model, "speech", object())
    with pytest.raises(BadInputError, match="leave --stream out"):
        TalkStream(talk_model, params.base.mel, speaker)
