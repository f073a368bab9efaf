"""Sync expert: do these frames and this speech belong together? (Wav2Lip's SyncNet, arXiv 2008.10010, section 3.1.)

The same class serves two domains: RGB boxes (3 channels) and mask boxes (lip and mouth interior, soft or one-hot, 2
channels), the latter being SegTalker's sync loss in the mask domain. Differs from the published expert in that the
number of levels follows from `channels` and, for the contrastive loss, in that the embedding may be negative.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from segtalker.nets.audio_encoder import AudioEncoder
from segtalker.nets.blocks import ResidualConv, conv_norm
from segtalker.nets.network import Network

_EPSILON = 1e-3


class SyncExpert(Network):
    """Two towers whose unit vectors lie close together where picture and sound are in sync.

    Args:
        image_channels: C, channels of one frame.
        frames: T, frames of a window.
        image_size: height and width of a frame, the mouth box.
        view: rows and columns of it that the expert looks at, ((first, end), (first, end)): the mouth itself.
        mel_bins: M.
        mel_window: N, mel columns of a window.
        channels: widths of the image tower, one a level; every level halves the size.
        audio_channels: widths of the speech tower.
        blocks: residual convolutions a level.
        embedding: D.
        standardise: give every channel of a window mean 0 and deviation 1: another skin in another light is the same.
        positive: keep embeddings non-negative, so that the cosine is a probability (needed by `sync_bce`).
    """

    kind = "sync_expert"

    def __init__(
        self,
        *,
        image_channels: int,
        frames: int,
        image_size: Sequence[int],
        view: Sequence[Sequence[int]],
        mel_bins: int,
        mel_window: int,
        channels: Sequence[int],
        audio_channels: Sequence[int],
        blocks: int,
        embedding: int,
        standardise: bool,
        positive: bool,
    ) -> None:
        super().__init__()
        self.window = (frames, image_channels, *image_size)
        self.rows, self.columns = (slice(first, end) for first, end in view)
        self.standardise = standardise
        self.positive = positive
        layers: list[nn.Module] = []
        previous, (height, width) = frames * image_channels, (end - first for first, end in view)
        for count in channels:
            layers += [conv_norm(previous, count, 2), *(ResidualConv(count) for _ in range(blocks))]
            previous, height, width = count, (height - 1) // 2 + 1, (width - 1) // 2 + 1
        self.image_tower = nn.Sequential(*layers, nn.Flatten(), nn.Linear(previous * height * width, embedding))
        self.audio_tower = AudioEncoder(mel_bins, mel_window, audio_channels, blocks, embedding)

    def _unit(self, embedding: torch.Tensor) -> torch.Tensor:
        # in float32 under autocast too: cosines near 1 differ by less than bfloat16 can tell
        embedding = embedding.float()
        return F.normalize(embedding.relu() if self.positive else embedding, dim=1)

    def embed_frames(self, frames: torch.Tensor) -> torch.Tensor:
        """Embeds windows of frames.

        Args:
            frames: RGB in [-1, 1] or mask channels in [0, 1], `(B, T, C, H, W)`, float32.

        Returns:
            Unit vectors, `(B, D)`, float32.
        """
        assert frames.shape[1:] == self.window, (frames.shape, self.window)
        frames = frames[..., self.rows, self.columns]
        if self.standardise:
            frames = frames - frames.mean(dim=(1, 3, 4), keepdim=True)
            # two passes: right for any mean, and faster than `std_mean` over memory with gaps
            frames = frames / (frames.square().mean(dim=(1, 3, 4), keepdim=True).sqrt() + _EPSILON)
        return self._unit(self.image_tower(frames.flatten(1, 2)))

    def embed_audio(self, mel: torch.Tensor) -> torch.Tensor:
        """Embeds mel windows, `(B, M, N)` float32, as unit vectors, `(B, D)` float32."""
        return self._unit(self.audio_tower(mel))

    def forward(self, frames: torch.Tensor, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both embeddings of matching windows, see `embed_frames` and `embed_audio`."""
        return self.embed_frames(frames), self.embed_audio(mel)
