"""How far a clip's sound is from its picture, by a sync expert."""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch

from segtalker.clips.store import Clip
from segtalker.config.base import Base
from segtalker.media.mel import window_starts
from segtalker.metrics.sync_expert import embed_clip
from segtalker.metrics.sync_scores import SyncScores, sync_scores
from segtalker.nets.checkpoints import load_net
from segtalker.nets.external import syncnet
from segtalker.nets.external.syncnet import SyncNet, load_syncnet, syncnet_speech
from segtalker.nets.sync import SyncExpert
from segtalker.nets.tensors import RGB_CHANNELS
from segtalker.utils.errors import BadInputError


@cache
def load_expert(kind: Literal["trained", "syncnet"], path: Path) -> SyncExpert | SyncNet:
    """Reads an expert once a process.

    Raises:
        BadInputError: the file is something else, or an expert for masks.
    """
    torch.set_num_threads(1)
    if kind == "syncnet":
        return load_syncnet(path)
    expert = load_net(path, SyncExpert)
    if expert.window[1] != RGB_CHANNELS:
        raise BadInputError(f"{path}: an expert for masks; gate.sync.weights needs the one for images")
    return expert


def find_offset(
    expert: SyncExpert | SyncNet, clip: Clip, base: Base, max_shift: int, batch_size: int
) -> SyncScores | None:
    """Distance, confidence and offset of a clip, see `segtalker.metrics.sync_scores.SyncScores`.

    Args:
        expert: of the image domain.
        clip: cropped.
        base: rates.
        max_shift: frames searched either way.
        batch_size: windows at once.

    Returns:
        None for a clip too short to be shifted so far.
    """
    embed: Callable = _syncnet_embeddings if isinstance(expert, SyncNet) else _own_embeddings
    video, audio = embed(expert, clip, base, batch_size)
    if len(video) <= max_shift:
        return None
    return sync_scores(video, audio, max_shift, zero_padding=isinstance(expert, SyncNet))


def _own_embeddings(expert: SyncExpert, clip: Clip, base: Base, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    parts = []
    reach = expert.window[0] - 1
    mel, landmarks = np.array(clip.mel), np.array(clip.landmarks)
    for first in range(0, len(clip.frames) - reach, batch_size):
        numbers = range(first, min(first + batch_size + reach, len(clip.frames)))
        columns = mel[:, window_starts(np.array([first]), base.clock)[0] :]
        parts.append(
            embed_clip(
                expert,
                clip.frames.read(numbers),
                landmarks[numbers.start : numbers.stop],
                columns,
                clock=base.clock,
                batch_size=batch_size,
            )
        )
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


@torch.inference_mode()
def _syncnet_embeddings(net: SyncNet, clip: Clip, base: Base, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """As its release makes them: frames of 224 px, BGR, one window at a time."""
    if base.fps != syncnet.FPS or base.sample_rate_hz != syncnet.SAMPLE_RATE_HZ:
        raise BadInputError(f"gate.sync.expert syncnet needs {syncnet.FPS} fps and {syncnet.SAMPLE_RATE_HZ} Hz")
    video = torch.cat([net.embed_frames(window[None]) for window in _syncnet_windows(clip.frames)])
    speech = syncnet_speech(clip.audio, len(clip.frames))
    audio = torch.cat([net.embed_audio(part) for part in speech.split(batch_size)])
    return video[: len(speech)].numpy(), audio.numpy()


def _syncnet_windows(frames: Iterable[np.ndarray]) -> Iterable[torch.Tensor]:
    size = (syncnet.FRAME_SIZE, syncnet.FRAME_SIZE)
    recent: list[np.ndarray] = []
    for frame in frames:
        recent = [*recent[-(syncnet.WINDOW_FRAMES - 1) :], cv2.resize(frame[..., ::-1], size)]
        if len(recent) == syncnet.WINDOW_FRAMES:
            yield torch.from_numpy(np.stack(recent)).movedim(-1, 0).float()  # (3, T, 224, 224)
