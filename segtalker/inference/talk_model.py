"""From speech and a face to a talking face: the trained networks and the steps between them.

1. the frame that shows most of the speaker's mouth gives the identity: a mask, and, with frames that show the head in
   other poses and its eyes open, codes for each region;
2. the masks of the source give the pose; with the mouth hidden, speech says what it does (TSG);
3. the codes are painted into the talking masks (SGI);
4. what the masks call background comes from the source.

Everything is done in chunks of a few seconds, so memory does not grow with the length of the speech.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from segtalker.faces.head_pose import head_poses
from segtalker.faces.mouth_box import reference_frame
from segtalker.inference.background import Background
from segtalker.inference.editing import MaskChange
from segtalker.inference.identity import Identity, one_mouth
from segtalker.inference.rendering import encode_identity, render_frames
from segtalker.inference.speech_features import SpeechEncoder, open_encoder
from segtalker.inference.steady_frames import steady_frames, steady_reach
from segtalker.inference.talk_settings import TalkSettings
from segtalker.inference.talking_masks import predict_talking_masks
from segtalker.inference.timeline import Pace, Timeline, at_rate, back_and_forth
from segtalker.nets.checkpoints import load_net
from segtalker.nets.encoder import MaskGuidedEncoder
from segtalker.nets.feature_encoder import SEGMENTERS, FeatureSegmenter
from segtalker.nets.renderers import ENCODERS, GENERATORS, Generator
from segtalker.nets.tensors import composite, is_background, to_frames, to_images
from segtalker.nets.tsg import TalkingSegmenter
from segtalker.regions import REGION_INDEX
from segtalker.utils.errors import BadInputError

SEGMENTER_FILE, GENERATOR_FILE = Path("train_tsg", "tsg.ckpt"), Path("train_sgi", "generator.ckpt")
_EYES = REGION_INDEX["eyes"]
_CHUNK_S = 8  # speech worked on at once
IDENTITY_FRAMES = 200  # from the start of a source, in which the reference is looked for


class Images(Protocol):
    """Pictures by index, such as `segtalker.clips.image_pack.ImagePack`."""

    def __len__(self) -> int: ...

    def read(self, indices: Sequence[int] | None = None) -> np.ndarray:
        """`(T, H, W, 3)` or `(T, H, W)`, uint8."""


class Face(Protocol):
    """A face to bring to speech: frames, masks and landmarks of one crop, such as `segtalker.clips.store.Clip`."""

    @property
    def frames(self) -> Images:
        """RGB, `(T, H, W, 3)`, uint8."""

    @property
    def masks(self) -> Images:
        """Regions, `(T, H, W)`, uint8."""

    @property
    def landmarks(self) -> np.ndarray:
        """`(T, 68, 2)`, float32, pixels of the crop."""


@dataclass(frozen=True)
class TalkingChunk:
    """Some seconds of a talking face.

    Args:
        source: which frame of the source each one moves like, `(T,)`, int.
        masks: talking masks, `(T, H, W)`, uint8.
        frames: RGB, `(H, W, 3)`, uint8, painted as they are asked for.
    """

    source: np.ndarray
    masks: np.ndarray
    frames: Iterator[np.ndarray]


def load_networks(models: Path, settings: TalkSettings) -> tuple[TalkingSegmenter, MaskGuidedEncoder, Generator]:
    """Reads the segmenter, the encoder and the generator of an experiment, on the CPU.

    Args:
        models: `models/<experiment>`.
        settings: of the same experiment.

    Raises:
        MissingWeightsError: one is not trained yet; the message names the stage.
        BadInputError: they are of another size than the settings say, or hear something else.
    """
    segmenter = load_net(models / SEGMENTER_FILE, *SEGMENTERS)
    if isinstance(segmenter, FeatureSegmenter) != (settings.speech.kind == "hubert"):
        raise BadInputError(
            f"{models / SEGMENTER_FILE}: does not hear {settings.speech.kind}, which train_tsg.features names"
        )
    encoder = load_net(models / "train_sgi" / "encoder.ckpt", *ENCODERS)
    generator = load_net(models / GENERATOR_FILE, *GENERATORS)
    trained_size = encoder.sizes[0] * encoder.block
    if trained_size != settings.image_size:
        raise BadInputError(
            f"{models}: trained at {trained_size} px, the params say {settings.image_size}; "
            "set base.image_size as it was, or train again with `segtalker reproduce`"
        )
    return segmenter, encoder, generator


class TalkModel:
    """The trained networks of an experiment.

    Args:
        segmenter: speech and masks to talking masks.
        encoder: a frame and its mask to codes.
        generator: masks and codes to frames.
        settings: what they were trained for.
        speech: what the segmenter hears by; None where it hears the log-mel spectrogram.
    """

    def __init__(
        self,
        segmenter: TalkingSegmenter,
        encoder: MaskGuidedEncoder,
        generator: Generator,
        settings: TalkSettings,
        speech: SpeechEncoder | None = None,
    ) -> None:
        self.segmenter, self.encoder, self.generator = segmenter, encoder, generator
        self.settings, self.speech = settings, speech

    @classmethod
    def load(cls, models: Path, settings: TalkSettings, device: torch.device) -> "TalkModel":
        """Reads the networks of an experiment.

        Args:
            models: `models/<experiment>`.
            settings: of the same experiment.
            device: where they run.

        Raises:
            MissingWeightsError: one is not trained yet; the message names the stage.
            BadInputError: they are of another size than the settings say, or hear something else.
        """
        segmenter, encoder, generator = load_networks(models, settings)
        speech = open_encoder(settings.speech, settings.clock, device)
        if speech and segmenter.config["mel_bins"] != speech.rows:
            raise BadInputError(
                f"{models / SEGMENTER_FILE}: hears {segmenter.config['mel_bins']} features of speech, the encoder that"
                f" train_tsg.features names gives {speech.rows}"
            )
        return cls(segmenter.to(device), encoder.to(device), generator.to(device), settings, speech)

    def hears(self, mel: np.ndarray, samples: Callable[[], np.ndarray]) -> np.ndarray:
        """What the segmenter hears of speech, a column for each of its log-mel spectrogram.

        Args:
            mel: the spectrogram, `(M, N)`, float32.
            samples: gives the sound, `(S,)`, float32 in [-1, 1]; asked where it is needed.

        Returns:
            `(M, N)`: the spectrogram itself, or `(D, N)`: features, see `SpeechEncoder`.
        """
        return mel if self.speech is None else self.speech(samples(), mel.shape[1])

    def identify(self, face: Face) -> Identity:
        """Finds the reference frames among the first `IDENTITY_FRAMES` and encodes them."""
        count = min(len(face.masks), IDENTITY_FRAMES)
        masks, landmarks = face.masks.read(range(count)), np.asarray(face.landmarks)[:count]
        best, references = reference_frame(masks, landmarks), self.settings.pose_references
        poses = head_poses(landmarks)
        chosen = references.choose(poses, best)
        nearest = references.shares(poses, poses[chosen]).argmax(axis=1)
        codes = []
        for number, index in enumerate(chosen):
            # it may be in the middle of a blink, so another frame near in pose tells of the eyes
            near = np.flatnonzero(nearest == number)
            frame_indices = [index, int(near[(masks[near] == _EYES).sum(axis=(1, 2)).argmax()])]
            codes.append(encode_identity(self.encoder, face.frames.read(frame_indices), masks[frame_indices]))
        return Identity(best, masks[best], landmarks[best], one_mouth(torch.cat(codes)), poses[chosen], references)

    def _context(self, pace: Pace) -> int:
        """Frames heard and seen on either side of a chunk, so that its cuts leave no trace: as many as make whole
        strides in each sequence the segmenter sees."""
        clock = self.settings.clock
        # at the trained rate cuts fall on whole mel columns too, as they always have
        unit = math.lcm((clock.mel_rate / clock.fps).denominator, self.settings.stride) * pace.phases
        reach = max(self.segmenter.frames, clock.smooth_frames, math.ceil(self._mel_reach(pace)))
        steady = steady_reach(self.steady_window(pace.rate))
        return math.ceil((Fraction(reach * pace.phases, pace.steps) + steady) / unit) * unit

    def _mel_reach(self, pace: Pace) -> Fraction:
        return self.segmenter.mel_window * pace.sequence_rate / self.settings.clock.mel_rate

    def steady_window(self, rate: Fraction) -> int:
        """Frames of a video of `rate` frames a second over which the places of textures are averaged, odd."""
        return at_rate(self.settings.steady_window, rate, self.settings.clock.fps)

    def trained_timeline(self, face: Face, count: int) -> Timeline:
        """That of `count` frames at the rate of training, a shorter face walked back and forth."""
        return Timeline(Fraction(self.settings.clock.fps), back_and_forth(len(face.frames), count))

    def talking_masks(
        self, face: Face, identity: Identity, mel: np.ndarray, timeline: Timeline, edit: MaskChange | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Masks that speak, chunk by chunk; the same as if done at once.

        Args:
            face: gives the pose.
            identity: who speaks.
            mel: what is heard, see `hears`, `(M, N)`, float32.
            timeline: of the frames wanted.
            edit: a change of the mask, carried to every frame.

        Yields:
            Source indices `(T,)` and masks `(T, H, W)`, uint8.
        """
        for source, masks, own in self._chunks(face, identity, mel, timeline, edit):
            yield source, masks[own]

    def talking_layouts(
        self, face: Face, identity: Identity, mel: np.ndarray, timeline: Timeline, edit: MaskChange | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, Tensor]]:
        """As `talking_masks`, and where their regions lie, `(T, K, 6)`, see `steady_frames`."""
        for source, masks, own in self._chunks(face, identity, mel, timeline, edit):
            yield source, masks[own], self.steady_frames(masks, timeline.rate)[own]

    def _chunks(
        self, face: Face, identity: Identity, mel: np.ndarray, timeline: Timeline, edit: MaskChange | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, slice]]:
        """Source indices of a chunk, its masks with those around it, and which of these are its own."""
        walk, count = timeline.order, len(timeline.order)
        pace = Pace.of(timeline.rate, self.settings.clock.fps)
        context = self._context(pace)
        length = math.ceil(_CHUNK_S * pace.rate / context) * context
        for first in range(0, count, length):
            last = min(count, first + length)
            low, high = max(0, first - context), min(count, last + context)
            source = walk[low:high]
            masks = np.empty((len(source), *identity.mask.shape), np.uint8)
            for phase in range(min(pace.phases, len(source))):
                part = source[phase :: pace.phases]
                masks[phase :: pace.phases] = self._speak(face, identity, mel, part, edit, pace, low + phase)
            yield walk[first:last], masks, slice(first - low, last - low)

    def steady_frames(self, masks: Images | np.ndarray, rate: Fraction | None = None) -> Tensor:
        """Where the regions of consecutive masks lie, `(T, K, 6)`, see `segtalker.inference.steady_frames`; at `rate`
        frames a second, None for that of training."""
        size, count = self.settings.batch_size, len(masks)
        read = masks.__getitem__ if isinstance(masks, np.ndarray) else masks.read
        parts = (read(list(range(first, min(first + size, count)))) for first in range(0, count, size))
        device, hung_mouth = next(self.generator.parameters()).device, self.encoder.hung_mouth
        window = self.settings.steady_window if rate is None else self.steady_window(rate)
        return steady_frames(parts, window, device, hung_mouth=hung_mouth)

    def _speak(
        self,
        face: Face,
        identity: Identity,
        mel: np.ndarray,
        source: np.ndarray,
        edit: MaskChange | None,
        pace: Pace,
        first: int,
    ) -> np.ndarray:
        """Talking masks of a sequence that begins with frame `first`, `(T, H, W)`, uint8."""
        settings, mel_rate = self.settings, self.settings.clock.mel_rate
        pose, landmarks = face.masks.read(source.tolist()), np.asarray(face.landmarks)[source]
        if edit is not None:
            pose = edit.on_pose(pose, landmarks)
        masks = predict_talking_masks(
            self.segmenter,
            pose.repeat(pace.steps, axis=0),
            landmarks.repeat(pace.steps, axis=0),
            identity.mask if edit is None else edit.on_reference(identity.mask),
            identity.landmarks,
            mel,
            mel_starts=lambda numbers: pace.columns(first, numbers, mel_rate, self.segmenter.mel_window),
            smooth_frames=settings.clock.smooth_frames,
            box_size=settings.box_size,
            stride=settings.stride,
            batch_size=settings.batch_size,
        )[:: pace.steps]
        return masks if edit is None else edit.on_talking(masks, landmarks)

    def render(
        self,
        face: Face,
        source: np.ndarray,
        masks: np.ndarray,
        region_frames: Tensor,
        identity: Identity,
        background: Background,
    ) -> Iterator[np.ndarray]:
        """Paints masks.

        Args:
            face: gives what is behind.
            source: its frame for each mask, `(T,)`, int.
            masks: regions, `(T, H, W)`, uint8.
            region_frames: of the masks' regions, `(T, K, 6)`.
            identity: who it is.
            background: what shows behind.

        Yields:
            RGB, `(H, W, 3)`, uint8.
        """
        size = self.settings.batch_size
        for start in range(0, len(masks), size):
            own = slice(start, start + size)
            part, target_masks = source[own], masks[own]
            frames, regions = face.frames.read(part.tolist()), face.masks.read(part.tolist())
            landmarks = np.asarray(face.landmarks)[part]
            behind = background.behind(frames, regions, landmarks)
            painted_frames = render_frames(
                self.generator,
                target_masks,
                identity.codes_at(landmarks),
                None,
                region_frames=region_frames[own],
                edge=self.settings.edge,
                batch_size=size,
            )
            yield from self._before(np.stack(list(painted_frames)), behind, background.outlines(target_masks))

    @torch.inference_mode()
    def _before(self, frames: np.ndarray, behind: np.ndarray, outlines: np.ndarray) -> np.ndarray:
        """Lays faces over pictures: all `(T, H, W[, 3])`, uint8."""
        device = next(self.generator.parameters()).device
        images, backgrounds = to_images(frames, device), to_images(behind, device)
        background_mask = is_background(torch.from_numpy(outlines).to(device))
        return to_frames(composite(images, backgrounds, background_mask, self.settings.edge))

    def talk(
        self,
        face: Face,
        identity: Identity,
        mel: np.ndarray,
        timeline: Timeline,
        background: Background,
        edit: MaskChange | None = None,
    ) -> Iterator[TalkingChunk]:
        """A face says what is heard.

        Args:
            face: gives pose and surroundings.
            identity: who speaks; its codes may be edited.
            mel: what is heard, see `hears`, `(M, N)`, float32.
            timeline: of the frames wanted.
            background: what shows behind.
            edit: a change of the mask.
        """
        for source, masks, region_frames in self.talking_layouts(face, identity, mel, timeline, edit):
            frames = self.render(face, source, masks, region_frames, identity, background)
            yield TalkingChunk(source, masks, frames)
