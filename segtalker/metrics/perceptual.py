"""LPIPS: distance of deep features (R. Zhang et al., "The Unreasonable Effectiveness of Deep Features", CVPR 2018)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk
from segtalker.metrics.registry import MetricNet, frame_metric
from segtalker.nets.external.lpips_alex import LpipsAlex
from segtalker.nets.seeded_features import SeededFeatures

_EPSILON = 1e-10
_ZHANG = "Zhang et al., CVPR 2018"
ALEXNET = MetricNet(LpipsAlex, {"lpips_trunk": "lpips_weights", "lpips_heads": "lpips_heads"})
SEEDED = MetricNet(SeededFeatures)
RANDOM_FEATURES = "features of a convolutional network with fixed random weights"


def feature_distance(reference: Sequence[Tensor], features: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Squared difference of unit channel vectors, weighted by channel, averaged over space, summed over levels.

    Args:
        reference: feature maps, `(T, C, h, w)`, float32, one a level.
        features: likewise.
        weights: of the channels of each level, `(C,)`, float32, at least 0.

    Returns:
        `(T,)`, float32, at least 0.
    """
    total = reference[0].new_zeros(len(reference[0]))
    for have, want, weight in zip(features, reference, weights, strict=True):
        assert have.shape == want.shape, (have.shape, want.shape)
        difference = (_unit(have) - _unit(want)).square()
        total += torch.einsum("tchw,c->t", difference, weight.to(difference)) / difference[0, 0].numel()
    return total


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON)


@once_per_chunk
def alexnet_levels(frames: ChunkFrames) -> list[Tensor]:
    """Features of AlexNet, `(T, C, h, w)` a level."""
    return frames.nets[ALEXNET](frames.images)


@once_per_chunk
def seeded_levels(frames: ChunkFrames) -> list[Tensor]:
    """Features of the network with random weights, `(T, C, h, w)` a level."""
    return frames.nets[SEEDED](frames.images)


@frame_metric(
    needs=ALEXNET,
    unit="",
    higher_is_better=False,
    protocol="LPIPS v0.1 with AlexNet, published weights, mean over frames",
    source=_ZHANG,
)
def lpips_alex(chunk: FrameChunk) -> np.ndarray:
    """Of each frame, `(T,)`, float32."""
    weights = chunk.video.nets[ALEXNET].weights()
    return feature_distance(alexnet_levels(chunk.reference), alexnet_levels(chunk.video), weights).cpu().numpy()


@frame_metric(
    needs=SEEDED,
    unit="",
    higher_is_better=False,
    protocol=f"stand-in for LPIPS: the same distance of {RANDOM_FEATURES}",
    source=_ZHANG,
    is_stand_in=True,
)
def lpips_seeded(chunk: FrameChunk) -> np.ndarray:
    """Of each frame, `(T,)`, float32."""
    weights = chunk.video.nets[SEEDED].weights()
    return feature_distance(seeded_levels(chunk.reference), seeded_levels(chunk.video), weights).cpu().numpy()
