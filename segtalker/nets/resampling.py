"""StyleGAN2's resampling: the filter [1, 3, 3, 1], zeros beyond the image (arXiv 1912.04958, after 1812.04948)."""

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = (0.125, 0.375, 0.375, 0.125)


def blur(values: Tensor, before: int, after: int, gain: float = 1.0, stride: int = 1) -> Tensor:
    """Filters each channel.

    Args:
        values: `(B, C, H, W)`.
        before: rows and columns of zeros above and left.
        after: below and right.
        gain: times the result.
        stride: from one kept row and column to the next.

    Returns:
        `(B, C, H + before + after - 3, ...)`, of them every `stride`th.
    """
    row = values.new_tensor(TAPS)
    kernel = (gain * row[:, None] * row).expand(values.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(values, (before, after, before, after)), kernel, stride=stride, groups=values.shape[1])


def enlarge(values: Tensor) -> Tensor:
    """Twice the size: `(B, C, H, W)` to `(B, C, 2 H, 2 W)`.

    Inside the image that filter is bilinear interpolation; at its edge it runs into zeros.
    """
    larger = F.interpolate(F.pad(values, (1, 1, 1, 1)), scale_factor=2.0, mode="bilinear", align_corners=False)
    return larger[..., 2:-2, 2:-2]


def enlarging_taps(weight: Tensor) -> Tensor:
    """What a transposed 3x3 convolution of stride 2 and `blur` after it are together, pixel by pixel.

    Each pixel of the larger image sums up 3x3 pixels around the one it lies over; its place in that one's 2x2 block
    says with which weights.

    Args:
        weight: `(O, I, 3, 3)`.

    Returns:
        `(2 * 2 * 3 * 3, I, O)`: place down and right in the block, then row and column of the pixel read.
    """
    mix = weight.new_zeros(2, 3, 3)  # place, pixel read, weight
    for place, read, tap in product(range(2), range(3), range(3)):
        filter_tap = 2 * (read - 1) + 1 + tap - place
        if 0 <= filter_tap < len(TAPS):
            mix[place, read, tap] = 2.0 * TAPS[filter_tap]
    return torch.einsum("prt,qsu,oitu->pqrsio", mix, mix, weight).flatten(0, 3)


def channels_at(size: int, base: int, most: int) -> int:
    """Width of a StyleGAN2 level of `size` px: `base / size`, `most` at most; published: 32768 and 512."""
    return max(1, min(most, base // size))


def level_sizes(image_size: int) -> list[int]:
    """Sides of the levels: 4, 8, ... to that of the image, a power of two."""
    return [2**power for power in range(2, image_size.bit_length())]
