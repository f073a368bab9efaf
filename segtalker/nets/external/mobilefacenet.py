"""MobileFaceNet (S. Chen et al., arXiv 1804.07573): who is this? Runs the public PyTorch weights `068.ckpt`.

Module names follow that checkpoint. Faces are 112 x 96, laid over a template by eyes, nose tip and mouth corners.
"""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from segtalker.nets.external.state_dicts import load_published

FACE_SIZE = (112, 96)  # px, height and width
# where eyes, nose tip and mouth corners lie, (x, y) px
FACE_TEMPLATE = ((30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655), (62.7299, 92.2041))
_STAGES = (
    (2, 64, 5, 2),
    (4, 128, 1, 2),
    (2, 128, 6, 1),
    (4, 128, 1, 2),
    (2, 128, 2, 1),
)  # factor, width, blocks, stride
_EMBEDDING = 128


class _Conv(nn.Module):
    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int | tuple[int, int],
        stride: int,
        padding: int,
        groups: int,
        linear: bool,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = nn.Identity() if linear else nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu(self.bn(self.conv(x)))


class _Bottleneck(nn.Module):
    """Widen, filter each channel, narrow; added to the input where the size stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, factor: int) -> None:
        super().__init__()
        width = inputs * factor
        self.connect = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False), nn.BatchNorm2d(width), nn.PReLU(width),
            nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.connect else self.conv(x)


def _bottlenecks() -> nn.Sequential:
    blocks, inputs = [], 64
    for factor, width, count, stride in _STAGES:
        for index in range(count):
            blocks.append(_Bottleneck(inputs, width, stride if index == 0 else 1, factor))
            inputs = width
    return nn.Sequential(*blocks)


class MobileFaceNet(nn.Module):
    """A face to a vector that says whose it is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _Conv(3, 64, 3, 2, 1, groups=1, linear=False)
        self.dw_conv1 = _Conv(64, 64, 3, 1, 1, groups=64, linear=False)
        self.blocks = _bottlenecks()
        self.conv2 = _Conv(128, 512, 1, 1, 0, groups=1, linear=False)
        self.linear7 = _Conv(512, 512, (7, 6), 1, 0, groups=512, linear=True)
        self.linear1 = _Conv(512, _EMBEDDING, 1, 1, 0, groups=1, linear=True)
        self.requires_grad_(False).eval()

    def forward(self, faces: Tensor) -> Tensor:
        """Aligned RGB faces, `(B, 3, 112, 96)` float32 in [-1, 1], to unit vectors, `(B, 128)`."""
        assert faces.shape[1:] == (3, *FACE_SIZE), faces.shape
        x = self.blocks(self.dw_conv1(self.conv1(faces)))
        return F.normalize(self.linear1(self.linear7(self.conv2(x))).flatten(1))


def load_mobilefacenet(path: Path) -> MobileFaceNet:
    """The published network, frozen; errors as of `load_published`."""
    net = MobileFaceNet()
    net.load_state_dict(load_published(path, net.state_dict(), "MobileFaceNet (068.ckpt)"))
    return net
