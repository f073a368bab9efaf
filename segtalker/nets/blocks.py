"""The residual convolution shared by the sync experts and the talking segmenter."""

import torch
from torch import nn


def conv_norm(in_channels: int, out_channels: int, stride: int | tuple[int, int]) -> nn.Sequential:
    """3x3 convolution, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class ResidualConv(nn.Module):
    """3x3 convolution and batch norm, the input added before the ReLU (Wav2Lip's residual block).

    Args:
        channels: channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Maps `(B, C, H, W)` float32 to the same shape."""
        return torch.relu(self.norm(self.conv(features)) + features)
