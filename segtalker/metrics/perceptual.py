"""LPIPS: distance of deep features (R. Zhang et al., "The Unreasonable Effectiveness of Deep Features", CVPR 2018)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from segtalker.metrics.areas import Areas, Window
from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk
from segtalker.metrics.registry import AREAS, MetricNet, finite_mean, frame_metric
from segtalker.nets.external.lpips_alex import LpipsAlex
from segtalker.nets.seeded_features import SeededFeatures

_EPSILON = 1e-10
_ZHANG = "Zhang et al., CVPR 2018"
ALEXNET = MetricNet(LpipsAlex, {"lpips_trunk": "lpips_weights", "lpips_heads": "lpips_heads"})
SEEDED = MetricNet(SeededFeatures)
RANDOM_FEATURES = "features of a convolutional network with fixed random weights"


def unit_features(levels: Sequence[Tensor]) -> list[Tensor]:
    """Feature maps, `(T, C, h, w)` a level, with the channels of each pixel scaled to length 1."""
    # a tenth of the time of `linalg.vector_norm` along an inner axis
    return [level / (level.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON) for level in levels]


def feature_distance(
    reference: Sequence[Tensor],
    features: Sequence[Tensor],
    weights: Sequence[Tensor],
    areas: Areas,
    windows: Sequence[Window],
) -> Tensor:
    """Squared difference of features, weighted by channel, averaged over space, summed over levels.

    Args:
        reference: feature maps, `(T, C, h, w)`, float32, one a level; LPIPS has them from `unit_features`.
        features: likewise.
        weights: of the channels of each level, `(C,)`, float32, at least 0.
        areas: where; at each level a place counts by how much of what it stands for is in an area.
        windows: from each level to the next, the first from the image, see `Areas.shares`.

    Returns:
        `(T, A)`, float32, at least 0; NaN where a frame has nothing of an area.
    """
    total = torch.zeros(())
    for level, (have, want, weight) in enumerate(zip(features, reference, weights, strict=True), 1):
        assert have.shape == want.shape, (have.shape, want.shape)
        squares = (have - want).square_().flatten(2)  # (T, C, h w)
        maps = torch.matmul(weight.to(squares), squares).unflatten(1, have.shape[2:])
        total = total + areas.map_means(maps, tuple(windows[:level])).cpu()
    return total


@once_per_chunk
def alexnet_levels(frames: ChunkFrames) -> list[Tensor]:
    """Unit features of AlexNet, `(T, C, h, w)` a level."""
    return unit_features(frames.nets[ALEXNET](frames.images))


@once_per_chunk
def seeded_levels(frames: ChunkFrames) -> list[Tensor]:
    """Features of the network with random weights, `(T, C, h, w)` a level."""
    return frames.nets[SEEDED](frames.images)


@once_per_chunk
def seeded_units(frames: ChunkFrames) -> list[Tensor]:
    """Likewise of length 1."""
    return unit_features(seeded_levels(frames))


@frame_metric(
    over_frames=finite_mean("no frame has any of it"),
    needs=ALEXNET,
    areas=AREAS,
    unit="",
    higher_is_better=False,
    protocol="LPIPS v0.1 with AlexNet, published weights, mean over frames",
    source=_ZHANG,
)
def lpips_alex(chunk: FrameChunk) -> np.ndarray:
    """Of each frame, `(T, A)`, float32."""
    weights = chunk.video.nets[ALEXNET].weights()
    levels = alexnet_levels(chunk.reference), alexnet_levels(chunk.video)
    return feature_distance(*levels, weights, chunk.reference.own_areas, LpipsAlex.WINDOWS).numpy()


@frame_metric(
    over_frames=finite_mean("no frame has any of it"),
    needs=SEEDED,
    areas=AREAS,
    unit="",
    higher_is_better=False,
    protocol=f"stand-in for LPIPS: the same distance of {RANDOM_FEATURES}",
    source=_ZHANG,
    is_stand_in=True,
)
def lpips_seeded(chunk: FrameChunk) -> np.ndarray:
    """Of each frame, `(T, A)`, float32."""
    weights = chunk.video.nets[SEEDED].weights()
    levels = seeded_units(chunk.reference), seeded_units(chunk.video)
    return feature_distance(*levels, weights, chunk.reference.own_areas, SeededFeatures.WINDOWS).numpy()
