"""How well picture and speech go together, by SyncNet and by this project's own expert."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from segtalker.faces.mouth_box import box_transforms, extract_boxes
from segtalker.media.mel import gather_columns, window_starts
from segtalker.metrics.frame_chunks import FrameChunk, MetricNets, ReferenceClip
from segtalker.metrics.registry import FrameMeasure, MetricNet, NotMeasurable, metric
from segtalker.metrics.sync_scores import SyncScores, sync_scores
from segtalker.nets.checkpoints import load_net
from segtalker.nets.external import syncnet
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import frame_windows, rgb_channels

MAX_SHIFT = 15  # frames
_SHIFTS = "mean L2 distance of picture and own speech over the shifts -15 to 15 frames"
_OFFSET = f"frames the speech has to move back for the smallest {_SHIFTS}"
_SYNCNET = "by SyncNet as published (syncnet_v2, zero-padded ends), on this project's crop instead of its own"
_EXPERT = "by this project's image-domain expert, mouth boxes placed by the reference's landmarks, no padding"
_CHUNG = "Chung and Zisserman, ACCV workshops 2016; Prajwal et al., ACM MM 2020"


def _load_expert(path: Path) -> SyncExpert:
    return load_net(path, SyncExpert)


SYNCNET = MetricNet(syncnet.load_syncnet, {"syncnet": "syncnet_weights"})
EXPERT = MetricNet(_load_expert, trained_by="train_sync")


def _windows(channels: Tensor, count: int) -> Tensor:
    """Windows of consecutive frames, `(W, count, C, H, W)`; none of fewer frames."""
    if len(channels) < count:
        return channels.new_zeros(0, count, *channels.shape[1:])
    return frame_windows(channels, count)


def _syncnet_windows(chunk: FrameChunk) -> np.ndarray:
    """Embeddings of the windows that end in the chunk, `(W, 1024)`; one at a time, they are large."""
    net, nets = chunk.video.nets[SYNCNET], chunk.video.nets
    size, count = (syncnet.FRAME_SIZE, syncnet.FRAME_SIZE), syncnet.WINDOW_FRAMES
    frames = [cv2.resize(frame[..., ::-1], size) for frame in chunk.video.with_context(count - 1)]
    channels = torch.from_numpy(np.stack(frames)).movedim(-1, 1).float().to(nets.device)  # (F, 3, 224, 224)
    embeddings = [net.embed_frames(window.movedim(0, 1)[None]) for window in _windows(channels, count)]
    return torch.cat(embeddings).cpu().numpy()


def _expert_windows(chunk: FrameChunk) -> np.ndarray:
    """Embeddings of the windows that end in the chunk, `(W, D)`."""
    video, clip = chunk.video, chunk.video.clip
    expert = video.nets[EXPERT]
    count, _, *size = expert.window
    frames, last = video.with_context(count - 1), video.numbers.stop
    transforms = box_transforms(clip.landmarks, size, clip.clock.smooth_frames)[last - len(frames) : last]
    channels = rgb_channels(torch.from_numpy(extract_boxes(frames, transforms, size))).to(video.nets.device)
    return expert.embed_frames(_windows(channels, count).contiguous()).cpu().numpy()


def _clip_scores(video: np.ndarray, audio: np.ndarray, zero_padding: bool) -> SyncScores:
    if len(video) <= MAX_SHIFT:
        raise NotMeasurable(f"the clip is too short to be shifted by {MAX_SHIFT} frames")
    return sync_scores(video, audio, MAX_SHIFT, zero_padding)


def _against_syncnet(video: np.ndarray, clip: ReferenceClip, nets: MetricNets) -> SyncScores:
    if clip.clock.fps != syncnet.FPS or clip.clock.sample_rate_hz != syncnet.SAMPLE_RATE_HZ:
        raise NotMeasurable(f"SyncNet was trained at {syncnet.FPS} fps and {syncnet.SAMPLE_RATE_HZ} Hz")
    speech = syncnet.syncnet_speech(clip.audio, len(video) + syncnet.WINDOW_FRAMES - 1)
    speech_embeddings = nets[SYNCNET].embed_audio(speech.to(nets.device)).cpu().numpy()
    return _clip_scores(video[: len(speech)], speech_embeddings, zero_padding=True)


def _against_expert(video: np.ndarray, clip: ReferenceClip, nets: MetricNets) -> SyncScores:
    expert = nets[EXPERT]
    starts = window_starts(np.arange(len(video)), clip.clock)
    speech = torch.from_numpy(gather_columns(clip.mel, starts, expert.audio_tower.window[1]))
    return _clip_scores(video, expert.embed_audio(speech.to(nets.device)).cpu().numpy(), zero_padding=False)


SYNC_SYNCNET = FrameMeasure(
    "sync_syncnet",
    _syncnet_windows,
    needs=SYNCNET,
    lookback=syncnet.WINDOW_FRAMES - 1,
    against_sound=_against_syncnet,
)
SYNC_EXPERT = FrameMeasure(
    "sync_expert",
    _expert_windows,
    needs=EXPERT,
    lookback=lambda nets: nets[EXPERT].window[0] - 1,
    against_sound=_against_expert,
)


def distance(scores: SyncScores) -> float:
    """LSE-D of a clip."""
    return scores.distance


def confidence(scores: SyncScores) -> float:
    """LSE-C of a clip."""
    return scores.confidence


def offset(scores: SyncScores) -> float:
    """Of the speech of a clip, frames."""
    return float(scores.offset)


for _by, _measure, _how, _lse_d, _lse_c in (
    ("syncnet", SYNC_SYNCNET, _SYNCNET, "", ""),
    ("expert", SYNC_EXPERT, _EXPERT, "stand-in for LSE-D: ", "stand-in for LSE-C: "),
):
    _is_stand_in = _measure is SYNC_EXPERT
    metric(
        _measure,
        name=f"lse_d_{_by}",
        unit="",
        higher_is_better=False,
        protocol=f"{_lse_d}smallest {_SHIFTS}, {_how}",
        source=_CHUNG,
        is_stand_in=_is_stand_in,
    )(distance)
    metric(
        _measure,
        name=f"lse_c_{_by}",
        unit="",
        higher_is_better=True,
        protocol=f"{_lse_c}median less smallest {_SHIFTS}, {_how}",
        source=_CHUNG,
        is_stand_in=_is_stand_in,
    )(confidence)
    metric(
        _measure,
        name=f"offset_{_by}",
        unit="frames",
        higher_is_better=None,
        protocol=f"{_OFFSET}, {_how}",
        source=_CHUNG,
        is_stand_in=_is_stand_in,
    )(offset)
