"""Talking segmentation generation (SegTalker, arXiv 2409.03605, section 3): speech and face masks -> talking masks.

The paper names a U-Net-like network over a pose source, whose mouth is hidden, and an identity reference, driven by
speech; its widths are not public. Decided here: it works on the mouth box, folds 2x2 pixels into channels, encodes
the T frames and the reference together, and decodes each frame with the same weights, so that one mapping from
sound to shape learns from every frame. Speech, a mel window around each frame (the paper uses AV-HuBERT), enters
every level but the finest.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from segtalker.nets.audio_encoder import AudioEncoder
from segtalker.nets.blocks import ResidualConv, conv_norm
from segtalker.nets.network import Network
from segtalker.nets.tensors import pixel_shuffle

_FOLD = 2


class SpeechBlock(nn.Module):
    """Residual convolution whose features are scaled and shifted by speech (FiLM, arXiv 1709.07871).

    Args:
        channels: C.
        speech: length of the speech vector.
    """

    def __init__(self, channels: int, speech: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.affine = nn.Linear(speech, 2 * channels)

    def forward(self, features: torch.Tensor, speech: torch.Tensor) -> torch.Tensor:
        """Maps `(B, C, H, W)` and speech `(B, D)`, float32, to `(B, C, H, W)`."""
        scale, shift = self.affine(speech)[:, :, None, None].chunk(2, dim=1)
        return torch.relu(self.norm(self.conv(features)) * (1 + scale) + shift + features)


class TalkingSegmenter(Network):
    """Predicts the regions of T frames from what is visible of them, a reference mask and speech.

    Args:
        regions: K.
        frames: T.
        mel_bins: M.
        mel_window: N, mel columns around each frame.
        channels: widths of the encoder, one a level; the first works at half size, each next one halves again.
        decoder_channels: widths of the decoder at the same levels.
        audio_channels: widths of the speech encoder.
        blocks: residual convolutions a level.
        speech: D, length of the speech vector.
    """

    kind = "tsg"

    def __init__(
        self,
        *,
        regions: int,
        frames: int,
        mel_bins: int,
        mel_window: int,
        channels: Sequence[int],
        decoder_channels: Sequence[int],
        audio_channels: Sequence[int],
        blocks: int,
        speech: int,
    ) -> None:
        super().__init__()
        assert len(channels) == len(decoder_channels), (channels, decoder_channels)
        self.regions, self.frames, self.mel_window = regions, frames, mel_window
        self.audio = AudioEncoder(mel_bins, mel_window, audio_channels, blocks, speech)
        fold = nn.Conv2d((frames + 1) * regions, channels[0], _FOLD, stride=_FOLD, bias=False)
        stem = nn.Sequential(fold, nn.BatchNorm2d(channels[0]), nn.ReLU(inplace=True))
        levels = [stem, *(conv_norm(before, after, 2) for before, after in pairwise(channels))]
        self.encoder = nn.ModuleList(
            nn.Sequential(level, *(ResidualConv(width) for _ in range(blocks)))
            for level, width in zip(levels, channels, strict=True)
        )
        pairs = list(zip(channels, decoder_channels, strict=True))
        self.skips = nn.ModuleList(nn.Conv2d(wide, frames * narrow, 1) for wide, narrow in pairs)
        self.speech_blocks = nn.ModuleList(SpeechBlock(narrow, speech) for narrow in decoder_channels[1:])
        self.finest = ResidualConv(decoder_channels[0])
        self.widen = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(decoder_channels))
        self.head = nn.Conv2d(decoder_channels[0], regions * _FOLD**2, 1)

    def _encode(self, pose: torch.Tensor, identity: torch.Tensor) -> list[torch.Tensor]:
        """Features of all frames together, one map a level, finest first."""
        features = [torch.cat([pose.flatten(1, 2), identity], dim=1)]
        for level in self.encoder:
            features.append(level(features[-1]))
        return features[1:]

    def _per_frame(self, features: torch.Tensor) -> torch.Tensor:
        """`(B, T*C, H, W)` -> `(B*T, C, H, W)`."""
        return features.unflatten(1, (self.frames, -1)).flatten(0, 1)

    def forward(self, pose: torch.Tensor, identity: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        """Predicts talking masks in the mouth box.

        Args:
            pose: one-hot regions of T frames, all zero where hidden, `(B, T, K, H, W)`, float32; H and W are
                multiples of 2 to the number of levels.
            identity: one-hot regions of the reference, `(B, K, H, W)`, float32.
            mel: window around each frame, `(B, T, M, N)`, float32.

        Returns:
            Scores of the regions, `(B, T, K, H, W)`, float32.
        """
        assert pose.shape[1:3] == (self.frames, self.regions), pose.shape
        assert mel.shape[:2] == pose.shape[:2], (mel.shape, pose.shape)
        speech = self.audio(mel.flatten(0, 1))  # (B*T, D)
        skips = [
            self._per_frame(skip(level)) for skip, level in zip(self.skips, self._encode(pose, identity), strict=True)
        ]
        features = skips.pop()
        for skip, block, widen in zip(skips[::-1], self.speech_blocks[::-1], self.widen[::-1], strict=True):
            features = skip + F.interpolate(widen(block(features, speech)), scale_factor=2, mode="nearest")
        return pixel_shuffle(self.head(self.finest(features)), _FOLD).unflatten(0, pose.shape[:2])
