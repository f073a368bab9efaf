"""What metrics are given: some consecutive frames of a video and of its reference, and the networks that measure.

Nothing here holds more than a chunk of frames, so memory does not grow with the length of a video.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from segtalker.config.base import Clock
from segtalker.faces.detectors import FaceFinder
from segtalker.faces.landmarks import eye_distance
from segtalker.faces.mouth_box import face_transforms
from segtalker.faces.parsing import parse_frames
from segtalker.metrics.areas import Areas
from segtalker.metrics.registry import LandmarkDetector, MetricNet, NetT
from segtalker.nets.tensors import to_images

ResultT = TypeVar("ResultT")
_POINTS = 68
_PARSED_AT_ONCE = 4  # frames; more do not fit a core's cache and take longer


@dataclass(frozen=True)
class MetricNets:
    """The networks that measure.

    Args:
        parser: RGB `(B, 3, H, W)` in [-1, 1] -> logits `(B, K, H, W)`.
        networks: those whose files are at hand, `nets[SYNCNET]`.
        device: where they run.
    """

    parser: nn.Module
    networks: Mapping[MetricNet, nn.Module]
    device: torch.device

    def __getitem__(self, net: MetricNet[NetT]) -> NetT:
        """The network that a metric declares."""
        return cast(NetT, self.networks[net])


@dataclass(frozen=True)
class ReferenceClip:
    """Landmarks and sound of the reference, shared by all methods.

    Args:
        landmarks: `(T, 68, 2)`, float, px.
        mel: log-mel spectrogram, `(M, N)`, float32.
        audio: `(S,)`, float32 in [-1, 1].
        clock: of frames and audio.
    """

    landmarks: np.ndarray
    mel: np.ndarray
    audio: np.ndarray
    clock: Clock

    @cached_property
    def eye_distance(self) -> float:
        """Between the eye centres, mean over frames, px."""
        return eye_distance(self.landmarks)

    @cached_property
    def face_places(self) -> np.ndarray:
        """Where the face of each frame lies, see `segtalker.faces.mouth_box.face_transforms`, `(T, 2, 3)`."""
        return face_transforms(self.landmarks, self.clock.smooth_frames)


class ChunkFrames:
    """Consecutive frames of one video.

    Args:
        frames: RGB, `(C + T, H, W, 3)`, uint8.
        context: C, how many frames at its start belong to the chunk before.
        first: number of the chunk's first frame in the clip.
        clip: the reference.
        nets: the networks that measure.
        detectors: of landmarks, which have seen the frames before.
    """

    def __init__(
        self,
        frames: np.ndarray,
        context: int,
        first: int,
        clip: ReferenceClip,
        nets: MetricNets,
        detectors: Mapping[LandmarkDetector, FaceFinder],
    ) -> None:
        self.frames = frames
        self.context = context
        self.clip = clip
        self.nets = nets
        self.numbers = slice(first, first + len(frames) - context)
        self.results: dict[Callable[..., Any], Any] = {}
        self._detectors = detectors
        self._landmarks: dict[LandmarkDetector, np.ndarray] = {}

    @property
    def own(self) -> np.ndarray:
        """The frames of the chunk itself, `(T, H, W, 3)`, uint8."""
        return self.frames[self.context :]

    def with_context(self, count: int) -> np.ndarray:
        """The chunk and up to `count` frames before."""
        return self.frames[max(0, self.context - count) :]

    @cached_property
    def parsed(self) -> np.ndarray:
        """Region indices, `(T, H, W)`, uint8."""
        return parse_frames(self.nets.parser, self.own, _PARSED_AT_ONCE)

    @cached_property
    def images(self) -> Tensor:
        """`(T, 3, H, W)`, float32 in [-1, 1]."""
        return to_images(self.own, self.nets.device).contiguous()

    @cached_property
    def areas(self) -> Areas:
        """Where the chunk, its context included, is measured, by the landmarks of the reference."""
        places = self.clip.face_places[self.numbers.start - self.context : self.numbers.stop]
        return Areas.of_faces(places, *self.frames.shape[1:3])

    @cached_property
    def own_areas(self) -> Areas:
        """Likewise the chunk itself."""
        return self.areas[self.context :]

    def landmarks(self, detector: LandmarkDetector) -> np.ndarray:
        """Landmarks a detector finds, `(T, 68, 2)`, float64, px; NaN where it finds none."""
        if detector not in self._landmarks:
            finder, no_points = self._detectors[detector], np.full((_POINTS, 2), np.nan)
            points = [finder.landmarks(frame) for frame in self.own]
            self._landmarks[detector] = np.stack([no_points if face is None else face for face in points])
        return self._landmarks[detector]


def once_per_chunk(function: Callable[[ChunkFrames], ResultT]) -> Callable[[ChunkFrames], ResultT]:
    """Keeps what a function gives for the frames of a chunk: several metrics and, of the reference, all methods ask."""

    @wraps(function)
    def remembered(frames: ChunkFrames) -> ResultT:
        if function not in frames.results:
            frames.results[function] = function(frames)
        return frames.results[function]

    return remembered


@dataclass(frozen=True)
class FrameChunk:
    """The same frames of a video and of its reference.

    Args:
        reference: what they should be.
        video: what they are.
        reference_masks: region indices, `(T, H, W)`, uint8.
        masks: the method's own talking masks, likewise, or None where it has none.
    """

    reference: ChunkFrames
    video: ChunkFrames
    reference_masks: np.ndarray
    masks: np.ndarray | None


def once_per_reference(function: Callable[[FrameChunk], ResultT]) -> Callable[[FrameChunk], ResultT]:
    """Likewise what a function gives for a pair of videos that depends on the reference alone."""

    @wraps(function)
    def remembered(chunk: FrameChunk) -> ResultT:
        results = chunk.reference.results
        if function not in results:
            results[function] = function(chunk)
        return results[function]

    return remembered


def rgb_pair(chunk: FrameChunk) -> tuple[np.ndarray, np.ndarray]:
    """The reference's frames and the video's, RGB, `(T, H, W, 3)` each, uint8."""
    return chunk.reference.own, chunk.video.own


def rgb_in_areas(chunk: FrameChunk) -> tuple[np.ndarray, np.ndarray, Areas]:
    """As `rgb_pair`, with the areas they are compared in."""
    return *rgb_pair(chunk), chunk.reference.own_areas


def rgb_steps(chunk: FrameChunk) -> tuple[np.ndarray, np.ndarray, Areas]:
    """As `rgb_in_areas`, with the frame before the chunk, if there is one: for changes from frame to frame."""
    return chunk.reference.with_context(1), chunk.video.with_context(1), chunk.reference.own_areas
