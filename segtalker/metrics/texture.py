"""How much texture is kept: freckles, teeth and strands of hair are little of a picture's error and much of its look.

A renderer that pays for every wrong pixel learns to paint the mean, which has no texture; PSNR and SSIM prefer it to a
texture slightly out of place. Three numbers tell such pictures apart: how much gradient there is (a blurred picture has
too little), whether it is the reference's (noise is not), and how far fine detail is from the reference's in features
that forgive small shifts. They are measured in areas and in regions of the reference mask, where a region is large
without its edge, for what lies between two regions is no texture of either.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from segtalker.metrics.areas import Areas
from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk, once_per_reference
from segtalker.metrics.images import own_luma
from segtalker.metrics.perceptual import RANDOM_FEATURES, SEEDED, feature_distance
from segtalker.metrics.registry import (
    AREAS,
    REFERENCE_RATIO,
    FrameMeasure,
    NotMeasurable,
    finite_mean,
    frame_metric,
    metric,
)
from segtalker.nets.seeded_features import SeededFeatures
from segtalker.regions import REGION_INDEX

_LARGE = ("skin", "hair")
_REGIONS = (*_LARGE, "lip", "mouth", "eyes")
_MARGIN = 2  # px of a large region that are not counted, along its edge
_COARSE_SIGMA = 2.0  # px, of the Gaussian whose picture is taken away: what is left is detail of a few pixels
_COARSE_TAPS = 13
_FINE_LEVELS = 2  # of the network, at half and at quarter size; the others see too much of a frame at once
_NOTICEABLE = 1.0 / 127.5  # a grey level: detail weaker than that counts little, whatever its direction
_TEXTURE_AREAS = AREAS | {
    name: f"in the region {name} of the reference mask" + (f", {_MARGIN} px from its edge" if name in _LARGE else "")
    for name in _REGIONS
}


def region_areas(masks: np.ndarray) -> np.ndarray:
    """Where texture of each region is measured.

    Args:
        masks: region indices, `(T, H, W)`, uint8.

    Returns:
        Skin, hair, lip, mouth interior and eyes, the first two without their edges, `(5, T, H, W)`, uint8 in {0, 1}.
    """
    areas = np.stack([masks == REGION_INDEX[name] for name in _REGIONS]).view(np.uint8)
    around = np.ones((2 * _MARGIN + 1,) * 2, np.uint8)
    for area in areas[: len(_LARGE)]:
        for mask in area:
            cv2.erode(mask, around, mask)
    return areas


@once_per_reference
def texture_areas(chunk: FrameChunk) -> Areas:
    """The areas of `_TEXTURE_AREAS`, in their order."""
    return Areas(np.concatenate([chunk.reference.own_areas.masks, region_areas(chunk.reference_masks)]))


@once_per_reference
def _gradient_areas(chunk: FrameChunk) -> Areas:
    """Likewise where there are gradients."""
    return Areas(texture_areas(chunk).masks[:, :, :-1, :-1])


def gradients(luma: np.ndarray) -> np.ndarray:
    """Differences to the next pixel to the right and below: `(T, H, W)` to `(T, H - 1, W - 1, 2)`, float32.

    Unlike central differences they see the finest detail there is, a change from each pixel to the next.
    """
    values = luma.astype(np.float32)
    here = values[:, :-1, :-1]
    return np.stack([values[:, :-1, 1:] - here, values[:, 1:, :-1] - here], axis=-1)


@once_per_chunk
def _chunk_gradients(frames: ChunkFrames) -> np.ndarray:
    return gradients(own_luma(frames))


class GradientSums(NamedTuple):
    """Sums over pixels, `(T, A)` each, float64.

    Args:
        video: squared gradients of the video.
        reference: of the reference.
        both: products of the two.
    """

    video: np.ndarray
    reference: np.ndarray
    both: np.ndarray


def gradient_sums(reference: np.ndarray, video: np.ndarray, areas: Areas) -> np.ndarray:
    """Sums of the products of two gradients, see `gradients`: `(T, A)`, float64."""
    return areas.sums(np.einsum("thwc,thwc->thw", reference, video))


@once_per_reference
def _reference_sums(chunk: FrameChunk) -> np.ndarray:
    own = _chunk_gradients(chunk.reference)
    return gradient_sums(own, own, _gradient_areas(chunk))


def _texture(chunk: FrameChunk) -> GradientSums:
    reference_sums, areas = _reference_sums(chunk), _gradient_areas(chunk)
    if chunk.video is chunk.reference:
        return GradientSums(reference_sums, reference_sums, reference_sums)
    reference, video = _chunk_gradients(chunk.reference), _chunk_gradients(chunk.video)
    return GradientSums(gradient_sums(video, video, areas), reference_sums, gradient_sums(reference, video, areas))


TEXTURE = FrameMeasure("texture", _texture, areas=_TEXTURE_AREAS)


def _reference_energy(sums: GradientSums) -> float:
    """Of a clip, all frames as one, above 0; raises `NotMeasurable` where there is none."""
    energy = float(sums.reference.sum())
    if not energy > 0:
        raise NotMeasurable("the reference has no texture there")
    return energy


@metric(
    TEXTURE,
    unit=REFERENCE_RATIO,
    higher_is_better=None,
    protocol="energy of the gradients of luma, from each pixel to the next, over the reference's own: below 1 texture "
    "is lost, above 1 there is some that the recording has not",
)
def gradient_kept(sums: GradientSums) -> float:
    """Of a clip, all frames as one."""
    return float(sums.video.sum() / _reference_energy(sums))


@metric(
    TEXTURE,
    unit="",
    higher_is_better=True,
    protocol="correlation of the gradients of luma, from each pixel to the next, with the reference's at the same"
    " pixels: whether the texture is that of the recording",
)
def gradient_correlation(sums: GradientSums) -> float:
    """Of a clip, all frames as one; a flat picture has none of it."""
    scale = np.sqrt(sums.video.sum() * _reference_energy(sums))
    return float(sums.both.sum() / scale) if scale > 0 else 0.0


def luma_detail(luma: np.ndarray) -> np.ndarray:
    """What a Gaussian of 2 px takes away: luma `(T, H, W)` in [0, 255] to `(T, H, W)`, float32 in grey levels."""
    values, taps = luma.astype(np.float32), (_COARSE_TAPS,) * 2
    return values - np.stack([cv2.GaussianBlur(frame, taps, _COARSE_SIGMA) for frame in values])


@once_per_chunk
def detail_levels(frames: ChunkFrames) -> list[Tensor]:
    """Features of fine detail, shorter than 1 where there is little, `(T, C, h, w)` a level.

    Lengths of 1, as LPIPS has them, would make the rounding of a smooth cheek as much as the freckles of another.
    """
    detail = torch.from_numpy(luma_detail(own_luma(frames)) / 127.5).to(frames.nets.device)
    levels = frames.nets[SEEDED](detail[:, None].expand(-1, 3, -1, -1), _FINE_LEVELS)
    # white noise of one grey level has features of about this length
    floors = [_NOTICEABLE**2 * level.shape[1] for level in levels]
    lengths = [level.square().sum(dim=1, keepdim=True) for level in levels]
    return [level * (length + floor).rsqrt() for level, length, floor in zip(levels, lengths, floors, strict=True)]


@frame_metric(
    over_frames=finite_mean("the reference has nothing of it"),
    needs=SEEDED,
    areas=_TEXTURE_AREAS,
    unit="",
    higher_is_better=False,
    protocol="distance of fine detail (luma less a Gaussian of 2 px) from the reference's, as LPIPS measures it, by "
    f"{RANDOM_FEATURES}, at half and quarter size",
    source="after Zhang et al., CVPR 2018",
    is_stand_in=True,
)
def detail_seeded(chunk: FrameChunk) -> np.ndarray:
    """Of each frame, `(T, A)`, float32; 0 where the detail is the reference's."""
    levels = detail_levels(chunk.reference), detail_levels(chunk.video)
    equal_weights = [torch.full((level.shape[1],), 1.0 / _FINE_LEVELS) for level in levels[0]]
    return feature_distance(*levels, equal_weights, texture_areas(chunk), SeededFeatures.WINDOWS).numpy()
