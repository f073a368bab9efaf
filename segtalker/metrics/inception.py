"""The Inception network of FID with its published weights, `pt_inception-2015-12-05-6726825d.pth`."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from segtalker.nets.external.state_dicts import load_published

FEATURES = 2048
_SIZE = 299  # px


class FidInception(nn.Module):
    """TensorFlow's Inception v3 of 2015 as pytorch-fid ported it: torchvision's with pyiqa's versions of ten blocks.

    Args:
        path: the weights; errors as of `load_published`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        # both take seconds to import, and most experiments have no weights for this
        from pyiqa.archs import inception as blocks
        from torchvision.models import inception_v3

        net = inception_v3(num_classes=1008, aux_logits=False, init_weights=False)
        for name, width, pool_features in (("b", 192, 32), ("c", 256, 64), ("d", 288, 64)):
            setattr(net, f"Mixed_5{name}", blocks.FIDInceptionA(width, pool_features=pool_features))
        for name, width in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
            setattr(net, f"Mixed_6{name}", blocks.FIDInceptionC(768, channels_7x7=width))
        net.Mixed_7b, net.Mixed_7c = blocks.FIDInceptionE_1(1280), blocks.FIDInceptionE_2(FEATURES)
        net.load_state_dict(load_published(path, net.state_dict(), "the Inception network of FID"))
        net.dropout, net.fc = nn.Identity(), nn.Identity()
        self.net = net.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features `(B, 2048)` of RGB images `(B, 3, 299, 299)`, float32 in [-1, 1]."""
        return self.net(images)


def resize_legacy(image: Tensor) -> Tensor:
    """As pytorch-fid does: RGB `(B, 3, H, W)` in [-1, 1] to `(B, 3, 299, 299)`, bilinear, without a filter."""
    return F.interpolate(image, (_SIZE, _SIZE), mode="bilinear", align_corners=False)


def resize_clean(frames: np.ndarray) -> Tensor:
    """As clean-fid does (G. Parmar et al., CVPR 2022): bicubic with a filter, channel by channel in floating point.

    Args:
        frames: RGB, `(T, H, W, 3)`, uint8.

    Returns:
        `(T, 3, 299, 299)`, float32 in [-1, 1).
    """
    channels = np.moveaxis(frames, -1, 1).astype(np.float32)
    images = [
        [np.asarray(Image.fromarray(channel).resize((_SIZE, _SIZE), Image.Resampling.BICUBIC)) for channel in frame]
        for frame in channels
    ]
    return (torch.from_numpy(np.array(images)).clamp_(0.0, 255.0) - 128.0) / 128.0
