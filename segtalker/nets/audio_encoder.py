"""Speech encoder: a mel window to one vector (after Wav2Lip's audio tower, arXiv 2008.10010, section 3.2).

Differs from the published tower in that the number of levels follows from `channels`; the last two published
convolutions without padding are one linear layer over what is left of the window.
"""

from collections.abc import Sequence

import torch
from torch import nn

from segtalker.nets.blocks import ResidualConv, conv_norm

_LEVELS_AT_FULL_RATE = 3


class AudioEncoder(nn.Module):
    """Mel window -> embedding.

    Args:
        mel_bins: M, rows of a window.
        mel_window: N, columns of a window.
        channels: widths, one a level. Every level halves the frequency, those past the third also the time.
        blocks: residual convolutions a level.
        embedding: D, length of the vector.
    """

    def __init__(self, mel_bins: int, mel_window: int, channels: Sequence[int], blocks: int, embedding: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        size, previous = (mel_bins, mel_window), 1
        for level, width in enumerate(channels):
            stride = (2, 1) if level < _LEVELS_AT_FULL_RATE else (2, 2)
            layers += [conv_norm(previous, width, stride), *(ResidualConv(width) for _ in range(blocks))]
            size = ((size[0] - 1) // stride[0] + 1, (size[1] - 1) // stride[1] + 1)
            previous = width
        self.window = (mel_bins, mel_window)
        self.convs = nn.Sequential(*layers)
        self.project = nn.Linear(previous * size[0] * size[1], embedding)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Encodes windows of a log-mel spectrogram.

        Args:
            mel: `(B, M, N)`, float32.

        Returns:
            `(B, D)`, float32.
        """
        assert mel.shape[1:] == self.window, (mel.shape, self.window)
        return self.project(self.convs(mel[:, None]).flatten(1))
