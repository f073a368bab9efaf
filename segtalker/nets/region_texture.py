"""Colours of a region laid out in the region's own frame, so that they move, stretch and swap with it.

A region's frame is centred on the mean of its pixels, scaled by their spread and leans with the head. The mouth's may
hang from the upper edge of its interior instead, as large as the face says, for teeth do not stretch when lips part:
the wider such a mouth opens, the more of its texture shows.
`gather_textures` reads each region of an image into a small square texture in that frame; `paint` lays the textures of
any image into any mask. This widens the plain mean colour of SEAN (arXiv 1911.12861) by a coarse layout: highlights,
shading, where the iris looks, the row of teeth. Cost hardly depends on the number of regions: every pixel belongs to
one.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from segtalker.nets.tensors import best_regions, full_precision
from segtalker.regions import BACKGROUND, MOUTH, NUM_REGIONS, REGION_INDEX, REGIONS

SPREAD = 2.2  # half the side of a texture, in standard deviations of the region; a uniform bar spans 1.73
# regions that lie within the face: together they are the frame of the skin, which so stays put when the mouth opens
INNER_FACE = ("skin", "nose", "lip", "mouth", "eyes", "eyebrows", "glasses")
_MOUTH_SIDES = (0.6, 0.35)  # half sides of the mouth's frame, of the skin's; a wide open mouth fills it
_MOUTH_TOP = 0.3  # how far below the frame's upper side the mouth begins, in half sides: the edge trembles
_TO_EDGE = 1.8  # standard deviations from a mouth's middle to its upper edge; 1.73 in a bar, 2 in an ellipse
EYE_LINE = ("eyes", "eyebrows")
MAX_ROLL = 0.8  # radians; beyond it the eyes are not what was measured
_SAMPLES = 2  # reads per texel and axis, where texels are larger than pixels
_EDGE_FILTER = (0.25, 0.5, 0.25)  # across and along; about what a camera's pixels share of their neighbours
_PRIOR = 0.1  # weight of the coarser level where a texel is only partly covered


def pixel_grid(height: int, width: int, like: Tensor) -> Tensor:
    """Centres of pixels, (x, y) in [-1, 1]: `(H, W, 2)`."""
    y, x = ((torch.arange(side, device=like.device, dtype=like.dtype) * 2 + 1) / side - 1 for side in (height, width))
    return torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), -1)


def _sums(rows: tuple[tuple[str, ...], ...], like: Tensor) -> Tensor:
    """A matrix whose rows add up the regions they name: `(R, K)`."""
    matrix = torch.zeros(len(rows), NUM_REGIONS, dtype=like.dtype, device=like.device)
    for row, names in zip(matrix, rows, strict=True):
        row[[REGION_INDEX[name] for name in names]] = 1.0
    return matrix


def _centred(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Means `(..., 2)` and variances `(..., 3)` (xx, yy, xy) of raw moments `(..., 6)` (1, x, y, xx, yy, xy)."""
    mean = moments[..., 1:3] / moments[..., :1].clamp_min(1e-6)
    squares = torch.cat((mean.square(), mean.prod(-1, keepdim=True)), -1)
    return mean, moments[..., 3:] / moments[..., :1].clamp_min(1e-6) - squares


def _head_roll(moments: Tensor) -> Tensor:
    """How far the head leans, from the line through eyes and brows: `(B,)` radians, 0 where they are hidden."""
    _, variance = _centred(_sums((EYE_LINE,), moments) @ moments)
    xx, yy, xy = variance[:, 0].unbind(-1)
    roll = 0.5 * torch.atan2(2.0 * xy, xx - yy)
    return torch.where((xx > yy) & (roll.abs() < MAX_ROLL), roll, torch.zeros_like(roll))


class RegionFrames(NamedTuple):
    """Where regions lie, all `(B, K, 2)`, in units of half the image.

    Args:
        centre: means, (x, y).
        axis: (cosine, sine) of the frame's lean; the background's frame stands upright.
        extent: half sides, along the axis and across it.
    """

    centre: Tensor
    axis: Tensor
    extent: Tensor


def region_frames(masks: Tensor, *, hung_mouth: bool) -> RegionFrames:
    """The frame of each region: centred on its pixels, as wide as they spread, leaning with the head.

    Args:
        masks: regions, `(B, K, H, W)`, float in [0, 1]; H equals W.
        hung_mouth: whether the mouth's hangs from its upper edge, in the size of the skin's.

    Returns:
        The frames, float32 at least; of an absent region one pixel in the middle.
    """
    # the variance is a small difference of large moments: rounded to bfloat16, 8 bits, little is left of it
    with full_precision(masks.device):
        return _frames(masks if masks.dtype == torch.float64 else masks.float(), hung_mouth)


def _frames(masks: Tensor, hung_mouth: bool) -> RegionFrames:
    """See `region_frames`; in the precision of the masks."""
    height, width = masks.shape[2:]
    grid = pixel_grid(height, width, masks).view(-1, 2)
    basis = torch.cat((torch.ones_like(grid[:, :1]), grid, grid.square(), grid.prod(1, keepdim=True)), 1)
    moments = masks.flatten(2) @ basis  # (B, K, 6)
    own = tuple(INNER_FACE if name == "skin" else (name,) for name in REGIONS)
    centre, variance = _centred(_sums(own, moments) @ moments)
    roll = _head_roll(moments)[:, None] * (torch.arange(NUM_REGIONS, device=masks.device) != BACKGROUND)
    cosine, sine = roll.cos(), roll.sin()
    xx, yy, xy = variance.unbind(-1)
    cross = 2.0 * cosine * sine * xy
    along, across = cosine**2 * xx + cross + sine**2 * yy, sine**2 * xx - cross + cosine**2 * yy
    spread = torch.stack((along, across), -1).clamp_min(0.0).sqrt()
    frames = RegionFrames(centre, torch.stack((cosine, sine), -1), SPREAD * spread + 2.0 / width)
    return _with_hung_mouth(frames, spread[:, MOUTH, 1:], moments[:, MOUTH, :1] > 0) if hung_mouth else frames


def _with_hung_mouth(frames: RegionFrames, spread: Tensor, is_open: Tensor) -> RegionFrames:
    """Lets the mouth's frame hang from the upper edge of what is open, in the size of the skin's.

    Args:
        frames: of all regions, the mouth's like the others'.
        spread: standard deviation of the mouth across its axis, `(B, 1)`.
        is_open: whether there is a mouth at all, `(B, 1)`, bool.
    """
    sides = frames.extent[:, REGION_INDEX["skin"]] * frames.extent.new_tensor(_MOUTH_SIDES)
    down = frames.axis[:, MOUTH].flip(1) * frames.axis.new_tensor((-1.0, 1.0))
    drop = ((1.0 - _MOUTH_TOP) * sides[:, 1:] - _TO_EDGE * spread) * down
    centre, extent = frames.centre.clone(), frames.extent.clone()
    centre[:, MOUTH] += drop * is_open
    extent[:, MOUTH] = torch.where(is_open, sides, extent[:, MOUTH])
    return RegionFrames(centre, frames.axis, extent)


def _to_frame(place: Tensor, frames: Tensor) -> Tensor:
    """Places in the image, `(..., 2)`, to places in a frame; `frames` hold centre, axis and extent, `(..., 6)`."""
    (x, y), (cosine, sine) = (place - frames[..., :2]).unbind(-1), frames[..., 2:4].unbind(-1)
    return torch.stack((cosine * x + sine * y, cosine * y - sine * x), -1) / frames[..., 4:]


def _halve(values: Tensor) -> Tensor:
    """Means of 2x2 blocks, `(..., G, G)` to half the size; sums of slices take a third of `avg_pool2d`'s time."""
    rows = values[..., ::2, :] + values[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def _fill(colours: Tensor, weight: Tensor) -> Tensor:
    """Mean colours; what is not covered takes the colours of its wider surroundings (pull-push).

    Args:
        colours: weighted colours, `(N, 3, G, G)`, G a power of two.
        weight: share of each texel that is covered, `(N, 1, G, G)`, in [0, 1].
    """
    if colours.shape[-1] == 1:
        return colours / weight.clamp_min(1e-6)
    coarse = _fill(_halve(colours), _halve(weight))
    around = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
    return around.mul_(_PRIOR).add_(colours).div_(weight + _PRIOR)


def _texel_grid(frames: RegionFrames, side: int) -> Tensor:
    """Where the texels of each region's frame lie in the image, (x, y), on it in [-1, 1]: `(B, K, side, side, 2)`."""
    (cosine, sine), (along, across) = frames.axis[..., None, None].unbind(2), frames.extent[..., None, None].unbind(2)
    x, y = frames.centre[..., None, None].unbind(2)
    steps = (torch.arange(side, device=x.device, dtype=x.dtype) * 2 + 1) / side - 1
    down, right = steps[:, None] * across, steps * along
    return torch.stack((cosine * right + (x - sine * down), sine * right + (y + cosine * down)), -1)


def gather_textures(image: Tensor, masks: Tensor, size: int, *, hung_mouth: bool) -> Tensor:
    """Reads the texture of every region.

    Args:
        image: RGB, `(B, 3, H, W)`, in [-1, 1].
        masks: one-hot regions, `(B, K, H, W)`.
        size: G, texels a side, a power of two.
        hung_mouth: see `region_frames`.

    Returns:
        Textures, `(B, K, 3, G, G)`, in [-1, 1]; of an absent region 0. No gradient flows through.
    """
    batch, regions, height, _ = masks.shape
    samples = 1 if size >= height else _SAMPLES
    side = size * samples
    with torch.no_grad():
        grid = _texel_grid(region_frames(masks, hung_mouth=hung_mouth), side)
        own = _nearest(masks.flatten(0, 1)[:, None], grid.flatten(0, 1)).view(batch, 1, regions * side, side)
        # one region below the other, and a map a region once they are small: moving them costs as much as reading them
        colours = _nearest(image, grid.view(batch, regions * side, side, 2)).mul_(own)
        if samples > 1:
            colours, own = F.avg_pool2d(colours, samples), F.avg_pool2d(own, samples)
        colours = colours.unflatten(2, (regions, size)).transpose(1, 2).flatten(0, 1)
        textures = _fill(colours, own.view(batch * regions, 1, size, size))
    return textures.view(batch, regions, 3, size, size)


def _nearest(values: Tensor, grid: Tensor) -> Tensor:
    """The pixels at places, `(B, C, h, w)`; 0 outside of the image."""
    return F.grid_sample(values, grid, mode="nearest", padding_mode="zeros", align_corners=False)


def region_coordinates(masks: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """The region of each pixel and the pixel's place in that region's frame.

    Args:
        masks: regions, `(B, K, H, W)`; where they are soft the largest wins.
        frames: of the regions, centre, axis and extent one after the other, `(B, K, 6)`.

    Returns:
        Region indices, `(B, H, W)` int64, and (x, y) in the frame, `(B, H, W, 2)`, clamped to [-1, 1].
    """
    batch, _, height, width = masks.shape
    labels = best_regions(masks).long()
    own = frames.gather(1, labels.view(batch, -1, 1).expand(-1, -1, 6)).view(batch, height, width, 6)
    return labels, _to_frame(pixel_grid(height, width, masks), own).clamp(-1.0, 1.0)


def paint(textures: Tensor, labels: Tensor, local: Tensor) -> Tensor:
    """Lays textures into a mask.

    Args:
        textures: `(B, K, 3, G, G)`.
        labels: regions, `(B, H, W)`, int64, see `region_coordinates`.
        local: places in the region's frame, `(B, H, W, 2)`.

    Returns:
        RGB, `(B, 3, H, W)`.
    """
    batch, regions, _, size, _ = textures.shape
    atlas = textures.transpose(1, 2).reshape(batch, 3, regions * size, size)
    # half a texel from the edge, so that neighbours in the atlas do not mix
    reach = local.clamp(1.0 / size - 1.0, 1.0 - 1.0 / size)
    row = (2.0 * labels + 1.0 + reach[..., 1]) / regions - 1.0
    grid = torch.stack((reach[..., 0], row), -1)
    return F.grid_sample(atlas, grid, mode="bilinear", padding_mode="border", align_corners=False)


def soften_edges(image: Tensor, labels: Tensor) -> Tensor:
    """Mixes colours where regions meet, as a camera's pixels do; a hard mask leaves a staircase there.

    Args:
        image: painted colours, `(B, 3, H, W)`.
        labels: regions they were painted by, `(B, H, W)`, int64.

    Returns:
        RGB, `(B, 3, H, W)`; pixels whose eight neighbours are of their own region stay as they are.
    """
    indices = labels[:, None].to(image.dtype)
    around = F.pad(indices, (1, 1, 1, 1), mode="replicate")
    meets = F.max_pool2d(around, 3, stride=1) != -F.max_pool2d(-around, 3, stride=1)
    row = image.new_tensor(_EDGE_FILTER)
    kernel = (row[:, None] * row).expand(image.shape[1], 1, -1, -1)
    with full_precision(image.device):  # colours in bfloat16 have steps of a grey level
        mixed = F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), kernel, groups=image.shape[1])
    return torch.where(meets, mixed, image)
