"""What is measured of a video frame by frame, stretch by stretch, for the metrics in `segtalker.metrics.registry`.

Nothing here holds more than a stretch of frames, so memory does not grow with the length of a video.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import cv2
import numpy as np
import torch
from torch import Tensor

from segtalker.evaluation.metric_nets import NEIGHBOURS, Instruments
from segtalker.faces.alignment import align_faces, five_points
from segtalker.faces.detectors import FaceFinder
from segtalker.faces.mouth_box import box_transforms, extract_boxes
from segtalker.faces.parsing import parse_frames
from segtalker.media.mel import gather_columns, window_starts
from segtalker.metrics import functional as F
from segtalker.metrics.functional.identity import cosines
from segtalker.metrics.functional.landmarks import eye_distance
from segtalker.metrics.inception import resize_clean, resize_legacy
from segtalker.metrics.registry import NotMeasurable, Track
from segtalker.nets.external import syncnet
from segtalker.nets.external.mobilefacenet import FACE_SIZE, FACE_TEMPLATE
from segtalker.nets.external.syncnet import syncnet_speech
from segtalker.nets.seeded_features import SeededFeatures
from segtalker.nets.tensors import frame_windows, rgb_channels

MAX_SHIFT = 15  # frames
_MOUTH_POINTS = slice(48, 68)
_PARSED_AT_ONCE = 4  # frames; more do not fit a core's cache and take longer


@dataclass(frozen=True)
class Speaker:
    """The reference clip's landmarks and sound, shared by all methods.

    Args:
        landmarks: `(T, 68, 2)`, float, px.
        mel: log-mel spectrogram, `(M, N)`, float32.
        audio: `(S,)`, float32 in [-1, 1].
        fps: frames a second.
        mel_rate: mel columns a second.
        sample_rate_hz: of the audio.
        smooth_frames: see `box_transforms`.
    """

    landmarks: np.ndarray
    mel: np.ndarray
    audio: np.ndarray
    fps: int
    mel_rate: float
    sample_rate_hz: int
    smooth_frames: int

    @cached_property
    def eye_distance(self) -> float:
        """Between the eye centres, px."""
        return eye_distance(self.landmarks)


class Pictures:
    """Frames of a stretch with what several tracks want of them.

    Args:
        frames: RGB, `(C + T, H, W, 3)`, uint8.
        context: C, how many frames at its start belong to the stretch before.
        tools: networks.
        finders: landmark detectors by name, which have seen the frames before.
    """

    def __init__(self, frames: np.ndarray, context: int, tools: Instruments, finders: Mapping[str, FaceFinder]) -> None:
        self.frames = frames
        self.context = context
        self._tools = tools
        self._finders = finders
        self._points: dict[str, np.ndarray] = {}

    @property
    def own(self) -> np.ndarray:
        """The frames of the stretch itself, `(T, H, W, 3)`, uint8."""
        return self.frames[self.context :]

    def with_context(self, count: int) -> np.ndarray:
        """The stretch and up to `count` frames before."""
        return self.frames[max(0, self.context - count) :]

    @cached_property
    def parsed(self) -> np.ndarray:
        """Region indices, `(T, H, W)`, uint8."""
        return parse_frames(self._tools.parser, self.own, _PARSED_AT_ONCE)

    @cached_property
    def all_luma(self) -> np.ndarray:
        """With the context, `(C + T, H, W)`, float64 in [0, 255]."""
        return F.luma(self.frames)

    @property
    def luma(self) -> np.ndarray:
        """`(T, H, W)`, float64 in [0, 255]."""
        return self.all_luma[self.context :]

    @cached_property
    def motion(self) -> F.Motion:
        """From the frame before the stretch, if there is one, to its last."""
        return F.estimate_motion(self.all_luma[max(0, self.context - 1) :])

    @cached_property
    def warp_error(self) -> np.ndarray:
        """Of the frames against their own motion, see `segtalker.metrics.functional.motion.warp_error`."""
        return F.warp_error(self.with_context(1), self.motion)

    @cached_property
    def flicker(self) -> np.ndarray:
        """Of the frames whose next one is in the stretch, grey levels."""
        return F.flicker(self.all_luma[max(0, self.context - NEIGHBOURS) :])

    @cached_property
    def images(self) -> Tensor:
        """`(T, 3, H, W)`, float32 in [-1, 1]."""
        colours = torch.from_numpy(np.ascontiguousarray(self.own)).to(self._tools.device)
        return rgb_channels(colours).contiguous()

    @cached_property
    def seeded(self) -> list[Tensor]:
        """Levels of the network with random weights."""
        return self._tools.seeded(self.images)

    @cached_property
    def alex(self) -> list[Tensor]:
        """Levels of AlexNet."""
        assert self._tools.alex is not None
        return self._tools.alex(self.images)

    def points(self, detector: str) -> np.ndarray:
        """Landmarks a detector finds, `(T, 68, 2)`, float64, px; NaN where it finds none."""
        if detector not in self._points:
            found = [self._finders[detector].landmarks(frame) for frame in self.own]
            nothing = np.full((68, 2), np.nan)
            self._points[detector] = np.stack([nothing if points is None else points for points in found])
        return self._points[detector]


@dataclass(frozen=True)
class Stretch:
    """Some consecutive frames of a video and of its reference.

    Args:
        reference: what they should be.
        video: what they are.
        reference_masks: region indices, `(T, H, W)`, uint8.
        masks: the method's own, likewise, or None where it has none.
        speaker: of the whole clip.
        first: number of the first frame in the clip.
        tools: networks.
    """

    reference: Pictures
    video: Pictures
    reference_masks: np.ndarray
    masks: np.ndarray | None
    speaker: Speaker
    first: int
    tools: Instruments

    @property
    def numbers(self) -> slice:
        """Where the stretch lies in the clip."""
        return slice(self.first, self.first + len(self.video.own))


def _overlap(stretch: Stretch) -> np.ndarray:
    masks = stretch.video.parsed if stretch.masks is None else stretch.masks
    return F.overlap_counts(stretch.reference_masks, masks)


def _overlap_parsed(stretch: Stretch) -> np.ndarray:
    return F.overlap_counts(stretch.reference_masks, stretch.video.parsed)


def _mouth_shape(stretch: Stretch) -> np.ndarray:
    found, wanted = F.mouth_points(stretch.video.parsed), F.mouth_points(stretch.reference_masks)
    return F.landmark_distance(wanted, found) / stretch.speaker.eye_distance * 100.0


def _points(detector: str, stretch: Stretch) -> np.ndarray:
    """Distances of mouth and of all landmarks, and 1 where a face is found, 0 where it is lost: `(T, 3)`."""
    wanted, found = stretch.reference.points(detector), stretch.video.points(detector)
    mouth = F.landmark_distance(wanted[:, _MOUTH_POINTS], found[:, _MOUTH_POINTS])
    distances = np.stack([mouth, F.landmark_distance(wanted, found)], axis=1) / stretch.speaker.eye_distance * 100.0
    is_seen, was_seen = (np.isfinite(points[:, 0, 0]) for points in (found, wanted))
    return np.column_stack([distances, np.where(was_seen, is_seen, np.nan)])


def _warp(stretch: Stretch) -> np.ndarray:
    """Errors of the video and of the reference itself, `(T, 2)`; one fewer at the start of a clip."""
    error = F.warp_error(stretch.video.with_context(1), stretch.reference.motion)
    return np.stack([error, stretch.reference.warp_error], axis=1)


def _flicker(stretch: Stretch) -> np.ndarray:
    """Of the video and of the reference itself, `(T, 2)`; two fewer at the start of a clip."""
    return np.stack([stretch.video.flicker, stretch.reference.flicker], axis=1)


def _lpips_seeded(stretch: Stretch) -> np.ndarray:
    weights = stretch.tools.seeded.weights()
    return F.feature_distance(stretch.reference.seeded, stretch.video.seeded, weights).cpu().numpy()


def _lpips_alex(stretch: Stretch) -> np.ndarray:
    assert stretch.tools.alex is not None
    weights = stretch.tools.alex.weights()
    return F.feature_distance(stretch.reference.alex, stretch.video.alex, weights).cpu().numpy()


def _features_inception(stretch: Stretch) -> np.ndarray:
    assert stretch.tools.inception is not None
    return stretch.tools.inception(resize_legacy(stretch.video.images)).cpu().numpy()


def _features_clean(stretch: Stretch) -> np.ndarray:
    assert stretch.tools.inception is not None
    return stretch.tools.inception(resize_clean(stretch.video.own).to(stretch.tools.device)).cpu().numpy()


def _identity(stretch: Stretch) -> np.ndarray:
    net, device = stretch.tools.face_net, stretch.tools.device
    assert net is not None
    points, template = five_points(stretch.speaker.landmarks[stretch.numbers]), np.array(FACE_TEMPLATE)
    faces = [align_faces(video.own, points, template, FACE_SIZE) for video in (stretch.reference, stretch.video)]
    images = [rgb_channels(torch.from_numpy(face).to(device)).contiguous() for face in faces]
    return cosines(*(net(image).cpu().numpy() for image in images))


def _sync_expert(stretch: Stretch) -> np.ndarray:
    """Embeddings of the windows that end in the stretch, `(W, D)`."""
    expert = stretch.tools.expert
    assert expert is not None
    count, _, *size = expert.window
    frames, speaker = stretch.video.with_context(count - 1), stretch.speaker
    last = stretch.numbers.stop
    transforms = box_transforms(speaker.landmarks, size, speaker.smooth_frames)[last - len(frames) : last]
    channels = rgb_channels(torch.from_numpy(extract_boxes(frames, transforms, size))).to(stretch.tools.device)
    return expert.embed_frames(_windows(channels, count).contiguous()).cpu().numpy()


def _sync_syncnet(stretch: Stretch) -> np.ndarray:
    """Embeddings of the windows that end in the stretch, `(W, 1024)`; one at a time, they are large."""
    net = stretch.tools.syncnet
    assert net is not None
    size, count = (syncnet.FRAME_SIZE, syncnet.FRAME_SIZE), syncnet.WINDOW_FRAMES
    frames = [cv2.resize(frame[..., ::-1], size) for frame in stretch.video.with_context(count - 1)]
    channels = torch.from_numpy(np.stack(frames)).movedim(-1, 1).float().to(stretch.tools.device)  # (F, 3, 224, 224)
    embedded = [net.embed_frames(window.movedim(0, 1)[None]) for window in _windows(channels, count)]
    return torch.cat(embedded).cpu().numpy()


def _windows(channels: Tensor, count: int) -> Tensor:
    if len(channels) < count:
        return channels.new_zeros(0, count, *channels.shape[1:])
    return frame_windows(channels, count)


MEASURE: dict[Track, Callable[[Stretch], np.ndarray]] = {
    "psnr": lambda stretch: F.psnr(stretch.reference.own, stretch.video.own),
    "ssim": lambda stretch: F.ssim(stretch.reference.luma, stretch.video.luma),
    "ms_ssim": lambda stretch: F.ms_ssim(stretch.reference.luma, stretch.video.luma),
    "lpips_seeded": _lpips_seeded,
    "lpips_alex": _lpips_alex,
    "cpbd": lambda stretch: F.cpbd_frames(stretch.video.luma),
    "temporal": lambda stretch: F.temporal_error(stretch.reference.with_context(1), stretch.video.with_context(1)),
    "warp": _warp,
    "flicker": _flicker,
    "overlap": _overlap,
    "overlap_parsed": _overlap_parsed,
    "mouth_shape": _mouth_shape,
    "points_mediapipe": partial(_points, "mediapipe"),
    "points_fan": partial(_points, "face_alignment"),
    "sync_expert": _sync_expert,
    "sync_syncnet": _sync_syncnet,
    "identity": _identity,
    "features_seeded": lambda stretch: SeededFeatures.pooled(stretch.video.seeded).cpu().numpy(),
    "features_inception": _features_inception,
    "features_clean": _features_clean,
}


def _sync_values(video: np.ndarray, audio: np.ndarray, zero_padding: bool) -> np.ndarray:
    if len(video) <= MAX_SHIFT:
        raise NotMeasurable(f"the clip is too short to be shifted by {MAX_SHIFT} frames")
    scores = F.sync_scores(video, audio, MAX_SHIFT, zero_padding)
    return np.array([scores.distance, scores.confidence, scores.offset])


def _against_expert(video: np.ndarray, speaker: Speaker, tools: Instruments) -> np.ndarray:
    assert tools.expert is not None
    starts = window_starts(np.arange(len(video)), speaker.fps, speaker.mel_rate)
    speech = torch.from_numpy(gather_columns(speaker.mel, starts, tools.expert.audio_tower.window[1]))
    return _sync_values(video, tools.expert.embed_audio(speech.to(tools.device)).cpu().numpy(), zero_padding=False)


def _against_syncnet(video: np.ndarray, speaker: Speaker, tools: Instruments) -> np.ndarray:
    assert tools.syncnet is not None
    if speaker.fps != syncnet.FPS or speaker.sample_rate_hz != syncnet.SAMPLE_RATE_HZ:
        raise NotMeasurable(f"SyncNet was trained at {syncnet.FPS} fps and {syncnet.SAMPLE_RATE_HZ} Hz")
    speech = syncnet_speech(speaker.audio, len(video) + syncnet.WINDOW_FRAMES - 1)
    embedded = tools.syncnet.embed_audio(speech.to(tools.device)).cpu().numpy()
    return _sync_values(video[: len(speech)], embedded, zero_padding=True)


# tracks that need the sound of the whole clip before they are numbers: distance, confidence, offset
AGAINST_SOUND: dict[Track, Callable[[np.ndarray, Speaker, Instruments], np.ndarray]] = {
    "sync_expert": _against_expert,
    "sync_syncnet": _against_syncnet,
}
