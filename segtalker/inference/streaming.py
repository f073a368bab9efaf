"""A face that says what is heard while it is heard.

Frames are those of `segtalker.inference.talk_model.TalkModel.talk`, which knows the whole speech (tested), but for a
source that moves: where speech ends in the middle of its movement, `talk` steadies the mouth's box of the last frames
over fewer neighbours. What is still to be heard or averaged is all that is kept, so memory does not grow.

A frame comes out when the speech of some frames after it is there. At 25 frames a second, with the networks of the
demo, these are 4 frames of a window of five, one more where windows begin with every other frame, 4 of the mean over
nine frames that steadies textures, and 4.2 that the sound around a frame takes.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from segtalker.config.base import Mel
from segtalker.inference.background import Background
from segtalker.inference.editing import MaskChange
from segtalker.inference.identity import Identity
from segtalker.inference.mask_stream import MaskStream
from segtalker.inference.steady_frames import averaged, own_frames, steady_reach
from segtalker.inference.talk_model import Face, TalkingChunk, TalkModel
from segtalker.inference.timeline import Loop, Pace, frames_of_source, frames_of_speech
from segtalker.media.live_mel import HeardColumns, LiveMel
from segtalker.utils.errors import BadInputError


class NoSpeechError(BadInputError):
    """Speech ended before there was enough of it to be heard."""


@dataclass(frozen=True)
class Speaker:
    """Who speaks, and how.

    Args:
        face: gives pose and surroundings.
        identity: its codes may be edited.
        background: what shows behind.
        edit: a change of the mask.
        rate: frames a second of the video.
        loop: what follows where the face's frames end.
    """

    face: Face
    identity: Identity
    background: Background
    edit: MaskChange | None
    rate: Fraction
    loop: Loop


class TalkStream:
    """Takes speech as it comes and gives frames as soon as they are decided.

    Args:
        talk_model: the networks; they hear the spectrogram.
        mel: how it is made.
        speaker: who speaks.

    Raises:
        BadInputError: the networks hear an encoder's features, which it makes of whole sentences.
    """

    def __init__(self, talk_model: TalkModel, mel: Mel, speaker: Speaker) -> None:
        if talk_model.speech is not None:
            raise BadInputError(
                "--stream: these networks hear features of whole sentences (train_tsg.features); leave --stream out"
            )
        self.talk_model, self.speaker = talk_model, speaker
        self.clock = talk_model.settings.clock
        self.pace = Pace.of(speaker.rate, self.clock.fps)
        self._mel, self._heard = LiveMel(self.clock.sample_rate_hz, mel), HeardColumns(mel.bins)
        self._sequences = [
            MaskStream(
                talk_model, speaker.face, speaker.identity, speaker.edit, speaker.loop, self.pace, phase, self._heard
            )
            for phase in range(self.pace.phases)
        ]
        self._spoken = [deque[np.ndarray]() for _ in self._sequences]  # masks, by sequence
        self._steady = _SteadyStream(talk_model, speaker.rate)
        self._limit = len(speaker.face.frames) if speaker.loop == "cut" else None
        self._taken = 0  # masks, in the order of the video
        self._given = 0  # frames
        self.has_ended = False

    def chunks(self, pieces: Iterable[np.ndarray]) -> Iterator[TalkingChunk]:
        """Frames for all of a speech.

        Args:
            pieces: its samples as they come, `(S,)` each, float32 in [-1, 1].
        """
        for samples in pieces:
            yield from self.push(samples)
            if self.has_ended:
                return
        yield from self.finish()

    def push(self, samples: np.ndarray) -> Iterator[TalkingChunk]:
        """Takes the next samples, `(S,)`, float32 in [-1, 1]; gives what is decided by now."""
        self._heard.push(self._mel.push(samples))
        if self._limit is not None and self._has_heard(self._limit):
            yield from self._end()
        else:
            yield from self._decided(None)
            self._heard.forget(min(sequence.first_column for sequence in self._sequences))

    def finish(self) -> Iterator[TalkingChunk]:
        """The frames that are left when speech has ended.

        Raises:
            NoSpeechError: there was hardly any.
        """
        self._heard.push(self._mel.finish())
        if not self._heard.count:
            raise NoSpeechError("--stream: no sound came")
        yield from self._end()

    def _has_heard(self, count: int) -> bool:
        """Whether the speech of the first frames of the video is there."""
        phases, steps = self.pace.phases, self.pace.steps
        own_counts = (len(range(phase, count, phases)) * steps for phase in range(phases))
        return all(sequence.count_heard() >= own for sequence, own in zip(self._sequences, own_counts, strict=True))

    def _count(self) -> int:
        return frames_of_speech(self._mel.samples, self.clock.sample_rate_hz, self.speaker.rate)

    def _end(self) -> Iterator[TalkingChunk]:
        self.has_ended = True
        count = self._count()
        yield from self._decided(count if self._limit is None else min(count, self._limit))

    def _decided(self, count: int | None) -> Iterator[TalkingChunk]:
        """Frames that are decided by now; of `count` in all, None as long as speech goes on."""
        phases, steps = self.pace.phases, self.pace.steps
        for phase, (sequence, spoken) in enumerate(zip(self._sequences, self._spoken, strict=True)):
            own = None if count is None else len(range(phase, count, phases)) * steps
            if own != 0:
                for masks in sequence.masks(own):
                    spoken.extend(masks)
        new_masks = []
        while spoken := self._spoken[self._taken % phases]:
            new_masks.append(spoken.popleft())
            self._taken += 1
        size = self.talk_model.settings.batch_size
        for first in range(0, len(new_masks), size):
            yield from self._painted(*self._steady.push(np.stack(new_masks[first : first + size])))
        if count is not None:
            yield from self._painted(*self._steady.finish())

    def _painted(self, masks: np.ndarray, region_frames: torch.Tensor) -> Iterator[TalkingChunk]:
        if not len(masks):
            return
        face, own = self.speaker.face, np.arange(self._given, self._given + len(masks))
        self._given += len(masks)
        source = frames_of_source(len(face.frames), own, self.speaker.loop)
        frames = self.talk_model.render(
            face, source, masks, region_frames, self.speaker.identity, self.speaker.background
        )
        yield TalkingChunk(source, masks, frames)


class _SteadyStream:
    """Where the regions of consecutive masks lie, steadied over time, see `segtalker.inference.steady_frames`."""

    def __init__(self, talk_model: TalkModel, rate: Fraction) -> None:
        self.device = next(talk_model.generator.parameters()).device
        self.hung_mouth, self.reach = talk_model.encoder.hung_mouth, steady_reach(talk_model.steady_window(rate))
        self._masks: list[np.ndarray] = []  # that wait
        self._frames = self._present = torch.zeros(0)
        self._first = self._given = self._known = 0

    def push(self, masks: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
        """Takes the next masks, `(T, H, W)`, uint8; gives those that are decided and where their regions lie."""
        frames, present = own_frames(masks, self.device, hung_mouth=self.hung_mouth)
        if not self._known:
            self._frames, self._present = frames[:0], present[:0]
        self._frames, self._present = torch.cat([self._frames, frames]), torch.cat([self._present, present])
        self._masks.extend(masks)
        self._known += len(masks)
        waiting = np.arange(self._given, self._known)
        return self._taken(int((waiting + waiting.clip(max=self.reach) < self._known).sum()))

    def finish(self) -> tuple[np.ndarray, torch.Tensor]:
        """The rest, when there are no more."""
        return self._taken(self._known - self._given)

    def _taken(self, count: int) -> tuple[np.ndarray, torch.Tensor]:
        if not count:
            return np.zeros((0, 0, 0), np.uint8), self._frames[:0]
        first = self._given - self._first
        region_frames = averaged(self._frames, self._present, self.reach)[first : first + count]
        masks, self._masks = np.stack(self._masks[:count]), self._masks[count:]
        self._given += count
        drop = max(0, self._given - self.reach) - self._first
        self._frames, self._present = self._frames[drop:], self._present[drop:]
        self._first += drop
        return masks, region_frames
