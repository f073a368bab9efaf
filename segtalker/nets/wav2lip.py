"""Wav2Lip's generator (Prajwal et al. 2020, arXiv 2008.10010, section 3.3): a face whose lower half is blank, another
picture of it and speech -> the face with the mouth that belongs to the speech.

The baseline of the tables. Kernels, strides, paddings and residual convolutions are the published ones, widths come
from outside; at the published widths it has the published 36.3 million parameters. What differs:

- the number of levels, and with it the size of the face, follows from `channels`: seven give the published 96 px;
- the last convolution of the speech tower covers what is left of the window; of the published 80x16 that is 3x3;
- the face is cut out by eyes and nose, not by a detector's box
  (`segtalker.faces.mouth_box.face_box_transforms`): upright, scaled, from ear to ear and from
  the forehead to below an open chin, so that the box does not tell of the mouth;
- the window of speech is centred on its frame, in training as at inference;
- the reference is one frame of the clip for all; the release gives each frame itself, mouth included, as reference.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from segtalker.nets.network import Network

_FIRST_KERNEL = 7
_SMALLEST = 3  # px, the face before its last level
_AUDIO_STRIDES = ((1, 1), (3, 1), (3, 3), (3, 2))


class _Residual(nn.Module):
    """3x3 convolution and batch norm, the input added before the ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(features)) + features)


def _normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))


def _level(convolution: nn.Conv2d | nn.ConvTranspose2d, blocks: int) -> nn.Sequential:
    return nn.Sequential(_normed(convolution), *(_Residual(convolution.out_channels) for _ in range(blocks)))


def _to_vector(inputs: int, outputs: int, kernel: tuple[int, int]) -> nn.Sequential:
    """The end of a tower: one convolution over all that is left, one on the single place that remains."""
    return nn.Sequential(_normed(nn.Conv2d(inputs, outputs, kernel)), _normed(nn.Conv2d(outputs, outputs, 1)))


def face_size(levels: int) -> int:
    """Side of the face in pixels for a number of levels, two or more: 96 for the published seven."""
    return _SMALLEST * 2 ** (levels - 2)


def net_input(faces: Tensor, reference: Tensor) -> Tensor:
    """What the network sees.

    Args:
        faces: the faces to speak, RGB, `(B, 3, S, S)`, in [0, 1]; their lower half is not read.
        reference: the same person in another frame, likewise.

    Returns:
        `(B, 6, S, S)`, the lower half of the first three channels 0.
    """
    upper = faces.clone()
    upper[:, :, faces.shape[2] // 2 :] = 0.0
    return torch.cat([upper, reference], dim=1)


class Wav2LipGenerator(Network):
    """Speech and a face without its lower half -> the face.

    Args:
        channels: widths of the face encoder, one a level; the first works at full size, each next one halves it, the
            last one is a vector.
        blocks: residual convolutions of its levels but the last.
        decoder_channels: widths of the decoder at the same levels.
        decoder_blocks: residual convolutions of its levels but the last.
        audio_channels: five widths of the speech tower.
        audio_blocks: residual convolutions of its levels but the last.
        mel_bins: M, rows of a window.
        mel_window: N, columns of a window.
    """

    kind = "wav2lip"

    def __init__(
        self,
        *,
        channels: Sequence[int],
        blocks: Sequence[int],
        decoder_channels: Sequence[int],
        decoder_blocks: Sequence[int],
        audio_channels: Sequence[int],
        audio_blocks: Sequence[int],
        mel_bins: int,
        mel_window: int,
    ) -> None:
        super().__init__()
        assert len(channels) == len(decoder_channels), (channels, decoder_channels)
        self.size = face_size(len(channels))
        self.window = (mel_bins, mel_window)
        self.encoder = nn.ModuleList(self._encoder_levels(channels, blocks))
        self.audio = nn.Sequential(*self._audio_levels(audio_channels, audio_blocks))
        self.start = _normed(nn.Conv2d(audio_channels[-1], decoder_channels[-1], 1))
        self.decoder = nn.ModuleList(self._decoder_levels(channels, decoder_channels, decoder_blocks))
        width = decoder_channels[0] // 2
        last = nn.Conv2d(decoder_channels[0] + channels[0], width, 3, padding=1)
        self.paint = nn.Sequential(_normed(last), nn.Conv2d(width, 3, 1), nn.Sigmoid())

    @staticmethod
    def _encoder_levels(channels: Sequence[int], blocks: Sequence[int]) -> list[nn.Module]:
        """Fine to coarse."""
        first = nn.Conv2d(6, channels[0], _FIRST_KERNEL, padding=_FIRST_KERNEL // 2)
        halving = (nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairwise(channels[:-1]))
        levels = [_level(convolution, count) for convolution, count in zip([first, *halving], blocks, strict=True)]
        return [*levels, _to_vector(channels[-2], channels[-1], (_SMALLEST, _SMALLEST))]

    def _audio_levels(self, channels: Sequence[int], blocks: Sequence[int]) -> list[nn.Module]:
        rows, columns = self.window
        levels: list[nn.Module] = []
        for (inputs, outputs), stride, count in zip(pairwise([1, *channels[:-1]]), _AUDIO_STRIDES, blocks, strict=True):
            levels.append(_level(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), count))
            rows, columns = (rows - 1) // stride[0] + 1, (columns - 1) // stride[1] + 1
        return [*levels, _to_vector(channels[-2], channels[-1], (rows, columns))]

    @staticmethod
    def _decoder_levels(
        channels: Sequence[int], decoder_channels: Sequence[int], blocks: Sequence[int]
    ) -> list[nn.Module]:
        """Coarse to fine; each sees what the one before made and the encoder's features at that one's level."""
        levels: list[nn.Module] = []
        for level in reversed(range(len(channels) - 1)):
            inputs, outputs = decoder_channels[level + 1] + channels[level + 1], decoder_channels[level]
            if level == len(channels) - 2:
                grow = nn.ConvTranspose2d(inputs, outputs, _SMALLEST)
            else:
                grow = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
            levels.append(_level(grow, blocks[level]))
        return levels

    def forward(self, faces: Tensor, mel: Tensor) -> Tensor:
        """Paints faces.

        Args:
            faces: see `net_input`, `(B, 6, S, S)`, float32 in [0, 1].
            mel: window around each frame, `(B, M, N)`, float32.

        Returns:
            RGB, `(B, 3, S, S)`, float32 in [0, 1].
        """
        assert faces.shape[1:] == (6, self.size, self.size), f"{tuple(faces.shape)}, expected {self.size} px"
        assert mel.shape[1:] == self.window, (mel.shape, self.window)
        features = [faces]
        for level in self.encoder:
            features.append(level(features[-1]))
        decoder_features = torch.cat([self.start(self.audio(mel[:, None])), features.pop()], dim=1)
        for level in self.decoder:
            decoder_features = torch.cat([level(decoder_features), features.pop()], dim=1)
        return self.paint(decoder_features)
