"""BiSeNet for faces (arXiv 1808.00897), to run the published weights of face-parsing.PyTorch.

Module names follow that project's checkpoint, `79999_iter.pth`, so that its state dict loads as it is: a ResNet-18
context path with attention refinement at two scales, fused with its own 1/8 features in place of a spatial path,
and three heads of which only the first is used at inference. 19 labels of CelebAMask-HQ in BiSeNet order.
"""

import pickle
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segtalker.regions import BISENET_LABELS, NUM_REGIONS, region_table
from segtalker.utils.errors import BadInputError

_SIZE = 512  # px, what it was trained at
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_STAGES = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))  # inputs, outputs, stride


class _ConvBNReLU(nn.Module):
    def __init__(self, inputs: int, outputs: int, size: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (ResNet, arXiv 1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        changes = inputs != outputs or stride != 1
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if changes
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(residual + (x if self.downsample is None else self.downsample(x)))


def _two_blocks(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_BasicBlock(inputs, outputs, stride), _BasicBlock(outputs, outputs, 1))


class _Resnet18(nn.Module):
    """ResNet-18 without its classifier; gives features at 1/8, 1/16 and 1/32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1, self.layer2, self.layer3, self.layer4 = (_two_blocks(*stage) for stage in _STAGES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        eighth = self.layer2(self.layer1(x))
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)


class _AttentionRefinement(nn.Module):
    """A convolution whose channels are weighed by the picture's mean."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _ConvBNReLU(inputs, outputs, 3, 1)
        self.conv_atten = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        weight = self.bn_atten(self.conv_atten(x.mean((2, 3), keepdim=True)))
        return x * weight.sigmoid()


class _ContextPath(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.resnet = _Resnet18()
        self.arm16 = _AttentionRefinement(256, 128)
        self.arm32 = _AttentionRefinement(512, 128)
        self.conv_head32 = _ConvBNReLU(128, 128, 3, 1)
        self.conv_head16 = _ConvBNReLU(128, 128, 3, 1)
        self.conv_avg = _ConvBNReLU(512, 128, 1, 0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        eighth, sixteenth, last = self.resnet(x)
        context = self.conv_avg(last.mean((2, 3), keepdim=True))
        deep = self.arm32(last) + context
        deep = self.conv_head32(F.interpolate(deep, sixteenth.shape[2:], mode="nearest"))
        fine = self.arm16(sixteenth) + deep
        return eighth, self.conv_head16(F.interpolate(fine, eighth.shape[2:], mode="nearest"))


class _FeatureFusion(nn.Module):
    """Joins two feature maps and weighs the channels of the sum."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convblk = _ConvBNReLU(inputs, outputs, 1, 0)
        self.conv1 = nn.Conv2d(outputs, outputs // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs // 4, outputs, 1, bias=False)

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        features = self.convblk(torch.cat((spatial, context), dim=1))
        weight = self.conv2(F.relu(self.conv1(features.mean((2, 3), keepdim=True)))).sigmoid()
        return features * weight + features


class _Head(nn.Module):
    def __init__(self, inputs: int, width: int, labels: int) -> None:
        super().__init__()
        self.conv = _ConvBNReLU(inputs, width, 3, 1)
        self.conv_out = nn.Conv2d(width, labels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))


class BiSeNet(nn.Module):
    """The published network: scores of 19 labels at an eighth of the size."""

    def __init__(self) -> None:
        super().__init__()
        labels = len(BISENET_LABELS)
        self.cp = _ContextPath()
        self.ffm = _FeatureFusion(256, 256)
        self.conv_out = _Head(256, 256, labels)
        self.conv_out16 = _Head(128, 64, labels)
        self.conv_out32 = _Head(128, 64, labels)

    def forward(self, image: Tensor) -> Tensor:
        """Scores the labels.

        Args:
            image: RGB, `(B, 3, H, W)`, normalised by ImageNet's mean and deviation; sides multiples of 32.

        Returns:
            Logits, `(B, 19, H / 8, W / 8)`; the auxiliary heads only served training.
        """
        spatial, context = self.cp(image)
        return self.conv_out(self.ffm(spatial, context))


class BiSeNetParser(nn.Module):
    """BiSeNet with the interface of `segtalker.nets.parser.FaceParser`.

    Args:
        net: the published network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: BiSeNet) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Scores regions; a region's score is that of its best label.

        Args:
            image: RGB, `(B, 3, H, W)`, in [-1, 1], of the precision of the network.

        Returns:
            Logits, `(B, K, H, W)`.
        """
        assert image.ndim == 4, f"expected (B, 3, H, W), got {tuple(image.shape)}"
        assert image.shape[1] == 3, f"expected (B, 3, H, W), got {tuple(image.shape)}"
        # in float32, for there is no other such filter on the CPU
        large = F.interpolate(image.float(), (_SIZE, _SIZE), mode="bilinear", align_corners=False, antialias=True)
        labels = self.net((large.to(image.dtype) / 2 + 0.5 - self.mean) / self.std)
        labels = F.interpolate(labels, image.shape[2:], mode="bilinear", align_corners=True)
        table = region_table("bisenet")[: len(BISENET_LABELS)]
        members = [(table == region).nonzero()[0].tolist() for region in range(NUM_REGIONS)]
        return torch.stack([labels[:, member].amax(dim=1) for member in members], dim=1)


def load_bisenet(path: Path) -> BiSeNetParser:
    """Reads the published weights, frozen, in evaluation mode.

    Args:
        path: `79999_iter.pth`, see `segtalker.nets.pretrained`.

    Raises:
        BadInputError: not a state dict of this network.
    """
    net = BiSeNet()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict(state)
    except (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, pickle.UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise BadInputError(f"{path}: not the weights of face-parsing.PyTorch's BiSeNet ({reason})") from error
    return BiSeNetParser(net).requires_grad_(False).eval()
