"""SyncNet (J. S. Chung and A. Zisserman, ACCV workshops 2016), to run the published weights `syncnet_v2.model`.

Module names follow the authors' release, so that its state dict loads as it is. Picture windows are five frames of
224 x 224, BGR in 0-255; speech windows are 20 columns of 13 cepstral coefficients.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from segtalker.media.mfcc import COEFFICIENTS, mfcc
from segtalker.nets.external import syncnet
from segtalker.nets.external.state_dicts import load_published

_PCM_PEAK = 32767.0


def syncnet_speech(audio: np.ndarray, frames: int) -> torch.Tensor:
    """Speech of the windows that SyncNet's release compares: not of the last, nor of those that the sound is short of.

    Args:
        audio: of a clip, `(S,)`, float32 in [-1, 1], at SyncNet's rate.
        frames: of the clip.

    Returns:
        `(W, 13, 20)`, float32.
    """
    whole = min(frames, len(audio) * syncnet.FPS // syncnet.SAMPLE_RATE_HZ)
    count = max(whole - syncnet.WINDOW_FRAMES, 0)
    if not count:
        return torch.zeros(0, COEFFICIENTS, syncnet.WINDOW_COLUMNS)
    cepstra = torch.from_numpy(mfcc(np.rint(audio * _PCM_PEAK), syncnet.SAMPLE_RATE_HZ)).float()
    windows = cepstra.unfold(1, syncnet.WINDOW_COLUMNS, syncnet.COLUMNS_PER_FRAME)[:, :count]  # (13, W, 20)
    return windows.movedim(1, 0).contiguous()


FRAME_SIZE = 224  # px
WINDOW_FRAMES = 5
WINDOW_COLUMNS = 20
COLUMNS_PER_FRAME = 4
FPS = 25
SAMPLE_RATE_HZ = 16000
_EMBEDDING = 1024


def _conv2d(inputs: int, outputs: int, size: int | tuple[int, int], padding: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, size, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _conv3d(
    inputs: int, outputs: int, size: tuple[int, int, int], stride: int = 1, padding: int = 0
) -> list[nn.Module]:
    layer = nn.Conv3d(inputs, outputs, size, stride=(1, stride, stride), padding=(0, padding, padding))
    return [layer, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)]


def _speech_tower() -> nn.Sequential:
    return nn.Sequential(
        *_conv2d(1, 64, 3, 1), nn.MaxPool2d(1, 1),
        *_conv2d(64, 192, 3, 1), nn.MaxPool2d(3, (1, 2)),
        *_conv2d(192, 384, 3, 1),
        *_conv2d(384, 256, 3, 1),
        *_conv2d(256, 256, 3, 1), nn.MaxPool2d(3, (2, 2)),
        *_conv2d(256, 512, (5, 4), 0),
    )  # fmt: skip


def _picture_tower() -> nn.Sequential:
    return nn.Sequential(
        *_conv3d(3, 96, (5, 7, 7), 2), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
        *_conv3d(96, 256, (1, 5, 5), 2, 1), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        *_conv3d(256, 256, (1, 3, 3), 1, 1),
        *_conv3d(256, 256, (1, 3, 3), 1, 1),
        *_conv3d(256, 256, (1, 3, 3), 1, 1), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
        *_conv3d(256, 512, (1, 6, 6)),
    )  # fmt: skip


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, _EMBEDDING))


class SyncNet(nn.Module):
    """Two towers whose embeddings lie close together where picture and sound are in sync."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = _speech_tower()
        self.netfcaud = _head()
        self.netcnnlip = _picture_tower()
        self.netfclip = _head()
        self.requires_grad_(False).eval()

    def embed_audio(self, cepstra: Tensor) -> Tensor:
        """Speech windows `(B, 13, 20)` float32 to `(B, 1024)`."""
        assert cepstra.shape[1:] == (13, WINDOW_COLUMNS), cepstra.shape
        return self.netfcaud(self.netcnnaud(cepstra[:, None]).flatten(1))

    def embed_frames(self, frames: Tensor) -> Tensor:
        """Picture windows, BGR in 0-255, `(B, 3, 5, 224, 224)` float32 to `(B, 1024)`."""
        assert frames.shape[1:] == (3, WINDOW_FRAMES, FRAME_SIZE, FRAME_SIZE), frames.shape
        return self.netfclip(self.netcnnlip(frames).flatten(1))

    def forward(self, frames: Tensor, cepstra: Tensor) -> tuple[Tensor, Tensor]:
        """Both embeddings of matching windows."""
        return self.embed_frames(frames), self.embed_audio(cepstra)


def load_syncnet(path: Path) -> SyncNet:
    """The published network, frozen; errors as of `load_published`."""
    net = SyncNet()
    net.load_state_dict(load_published(path, net.state_dict(), "SyncNet (syncnet_v2.model)"))
    return net
