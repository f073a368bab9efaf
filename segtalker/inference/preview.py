"""One frame of a talking face at once: what edits come to, before a video is made.

Finding the face, naming its regions and encoding them take most of the time and do not depend on edits; they are done
once for a portrait, and once for each reference. What is left is one frame through the networks.
"""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from segtalker.inference.background import SourceBackground
from segtalker.inference.edits import Edits
from segtalker.inference.identity import Identity
from segtalker.inference.pictures import Pictures
from segtalker.inference.portrait import Portrait, read_portrait
from segtalker.inference.prepared_edits import PreparedEdits, prepare_edits
from segtalker.inference.stills import edited_still
from segtalker.inference.talk_inputs import read_speech
from segtalker.inference.talk_model import IDENTITY_FRAMES, TalkingChunk, TalkModel
from segtalker.inference.talk_options import PLAIN, Report, TalkOptions, quiet
from segtalker.inference.talker import NO_EDITS, Talker
from segtalker.inference.timeline import Pace, Timeline, frames_of_speech
from segtalker.media.mel import speech_mel

_HEARD_S = 0.6  # of speech around the moment that is shown, so that networks hear what comes before and after
_LOUDNESS_S = 0.1
_MAX_STEP_S = 0.5


@dataclass(frozen=True)
class StillImages:
    """One picture as often as asked for, see `segtalker.inference.talk_model.Images`.

    Args:
        image: `(H, W[, 3])`, uint8.
    """

    image: np.ndarray

    def __len__(self) -> int:
        return 1

    def read(self, indices: Sequence[int] | None = None) -> np.ndarray:
        """`(T, H, W[, 3])`, uint8."""
        return np.repeat(self.image[None], 1 if indices is None else len(indices), axis=0)


@dataclass(frozen=True)
class SpokenMoment:
    """The loudest moment of some speech.

    Args:
        heard: what the segmenter hears around it, see `TalkModel.hears`, `(M, N)`, float32.
        frames: how many frames that takes.
        index: which of them is shown.
    """

    heard: np.ndarray
    frames: int
    index: int


class PreviewedPortrait:
    """A portrait that was read once, to be shown with one set of edits after the other.

    Args:
        talker: the networks.
        portrait: image or video.
        report: hears what is being done while it is read.

    Attributes:
        crop: the reference frame as the networks see it, RGB, `(H, W, 3)`, uint8.
        mask: its regions, `(H, W)`, uint8; what an edited mask is an edit of.

    Raises:
        BadInputError: the portrait cannot be read, or shows no face.
    """

    def __init__(self, talker: Talker, portrait: Path, report: Report = quiet) -> None:
        self.talker, self.portrait = talker, portrait
        self._own, self._still = self._read(portrait, report)
        self.crop, self.mask = self._still.frames.read()[0], self._own.mask
        self._lenders: dict[Path, Identity] = {}
        self._moments: dict[Path, SpokenMoment] = {}

    @property
    def _talk_model(self) -> TalkModel:
        return self.talker.talk_model

    def show(self, edits: Edits = NO_EDITS, options: TalkOptions = PLAIN, audio: Path | None = None) -> np.ndarray:
        """The reference frame with edits.

        Args:
            edits: local edits.
            options: of the video that is previewed.
            audio: sound at whose loudest moment it is shown; None for the picture that `Talker.edit` writes.

        Returns:
            RGB, `(H, W, 3)`, uint8, or with an alpha channel, `(H, W, 4)`: the whole picture, or the face's square.

        Raises:
            BadInputError: a file of the edits, or the sound, cannot be used.
        """
        prepared = prepare_edits(edits, self._own, self._identify)
        if audio is None:
            return edited_still(self._talk_model, self._still, prepared, options.crop_only)[0]
        chunk = self._spoken_moment(prepared, self._moment(audio))
        composer = self.talker.composer(self._still, prepared, options)
        return next(composer.frames(iter([chunk]), 1, self._still.pictures.rate))

    def _spoken_moment(self, prepared: PreparedEdits, moment: SpokenMoment) -> TalkingChunk:
        """The frame with the mouth that says what is heard."""
        model, timeline = self._talk_model, Timeline(self._still.pictures.rate, np.zeros(moment.frames, int))
        layouts = model.talking_layouts(self._still, prepared.identity, moment.heard, timeline, prepared.mask_change)
        masks, region_frames = next((masks, region_frames) for _, masks, region_frames in layouts)
        shown, source = slice(moment.index, moment.index + 1), np.zeros(1, int)
        painted_frames = model.render(
            self._still, source, masks[shown], region_frames[shown], prepared.identity, SourceBackground()
        )
        return TalkingChunk(source, masks[shown], painted_frames)

    def _read(self, path: Path, report: Report) -> tuple[Identity, Portrait]:
        """Who is seen in a portrait, and its reference frame as a portrait of its own."""
        with tempfile.TemporaryDirectory() as folder:
            face = read_portrait(self.talker.reader, path, IDENTITY_FRAMES, Path(folder), report)
            identity = self._talk_model.identify(face.face())
            still = _still(face, int(np.flatnonzero(face.seen)[identity.index]))
            return replace(identity, index=0), still

    def _identify(self, path: Path) -> Identity:
        """Who is seen in a reference; kept, for the next preview asks again."""
        if path not in self._lenders:
            self._lenders[path] = self._read(path, quiet)[0]
        return self._lenders[path]

    def _moment(self, audio: Path) -> SpokenMoment:
        if audio not in self._moments:
            with tempfile.TemporaryDirectory() as folder:
                samples = read_speech(audio, self.talker.params.base.sample_rate_hz, Path(folder))
                self._moments[audio] = self._hear(samples)
        return self._moments[audio]

    def _hear(self, samples: np.ndarray) -> SpokenMoment:
        params, fps = self.talker.params, self._still.pictures.rate
        rate = params.base.sample_rate_hz
        loudest = loudest_sample(samples, rate)
        wanted = max(0, int((loudest - _HEARD_S * rate / 2) * fps / rate))
        first = round((wanted - wanted % self._step(fps)) * rate / fps)
        part = samples[first : loudest + round(_HEARD_S * rate / 2)]
        frames = frames_of_speech(len(part), rate, fps)
        heard = self._talk_model.hears(speech_mel(part, params), lambda: part)
        return SpokenMoment(heard, frames, min(frames - 1, int((loudest - first) * fps / rate)))

    def _step(self, fps: Fraction) -> int:
        """Frames after which a part of speech may begin: windows of the spectrogram and sequences of frames then lie as
        the video's do. Where only parts too long to be heard at once would, a whole frame has to do."""
        clock, stride = self.talker.settings.clock, self.talker.settings.stride
        step = math.lcm((clock.mel_rate / fps).denominator, stride) * Pace.of(fps, clock.fps).phases
        return step if step <= _MAX_STEP_S * fps else 1


def loudest_sample(samples: np.ndarray, sample_rate_hz: int) -> int:
    """The middle of the loudest tenth of a second, as an index.

    Args:
        samples: `(S,)`, float32 in [-1, 1].
        sample_rate_hz: theirs.
    """
    length = min(len(samples), max(1, round(_LOUDNESS_S * sample_rate_hz)))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    return int((energy[length:] - energy[:-length]).argmax()) + length // 2


def _still(face: Portrait, index: int) -> Portrait:
    """One frame of a portrait as a portrait that needs no files."""
    picture = next(islice(iter(face.pictures), index, None))
    own = slice(index, index + 1)
    return replace(
        face,
        frames=StillImages(face.frames.read([index])[0]),
        masks=StillImages(face.masks.read([index])[0]),
        landmarks=face.landmarks[own],
        squares=face.squares[own],
        seen=face.seen[own],
        pictures=Pictures(picture, face.pictures.own_rate, face.pictures.times, 0, None),
        loop="hold",
    )
