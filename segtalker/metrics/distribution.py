"""Distances of two sets of frames by their features: FID and KID, over all clips at once.

M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017;
M. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018. Moments are summed up clip by clip. Linear algebra is torch's,
whose number of threads a process can set: on a busy machine NumPy's wait for each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from segtalker.metrics.frame_chunks import FrameChunk
from segtalker.metrics.inception import FidInception, resize_clean, resize_legacy
from segtalker.metrics.perceptual import RANDOM_FEATURES, SEEDED, seeded_levels
from segtalker.metrics.registry import FrameMeasure, MetricNet, NotMeasurable, set_metric
from segtalker.nets.seeded_features import SeededFeatures

_ROWS = 500  # of products, at once
_KERNEL_FRAMES = 10_000
_HEUSEL, _PARMAR = "Heusel et al., NeurIPS 2017", "Parmar et al., CVPR 2022"
_BINKOWSKI = "Bińkowski et al., ICLR 2018"


@dataclass(frozen=True)
class Moments:
    """Mean and scatter of features seen so far.

    Args:
        count: how many.
        mean: `(D,)`, float64.
        scatter: sum of outer products of the deviations from the mean, `(D, D)`, float64.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """Of one batch, `(N, D)`, any real type, N at least 1."""
        assert features.ndim == 2, features.shape
        assert len(features), features.shape
        values = features.astype(np.float64)
        mean = values.mean(axis=0)
        deviations = torch.from_numpy(values - mean)
        return cls(len(values), mean, (deviations.T @ deviations).numpy())

    def __add__(self, other: "Moments") -> "Moments":
        """Of both together (T. Chan et al., 1979: stable however many are added)."""
        count = self.count + other.count
        step = other.mean - self.mean
        weight = other.count / count
        scatter = self.scatter + other.scatter + np.outer(step, step) * (self.count * weight)
        return Moments(count, self.mean + step * weight, scatter)

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance, `(D, D)`; needs two features."""
        return self.scatter / (self.count - 1)


def _root(matrix: Tensor) -> Tensor:
    """Square root of a symmetric positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0.0).sqrt()) @ vectors.T


def frechet_distance(a: Moments, b: Moments) -> float:
    """Squared Fréchet distance of two Gaussians with these moments.

    The trace of the root of the product is taken as that of a symmetric matrix with the same eigenvalues, so it
    stays real and stable where the covariances are singular (fewer features than dimensions).

    Returns:
        At least 0 but for rounding; in squared units of the features.
    """
    first, second = torch.from_numpy(a.covariance), torch.from_numpy(b.covariance)
    root = _root(first)
    cross = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0.0).sqrt().sum()
    step = a.mean - b.mean
    return float(np.square(step).sum() + float(first.trace() + second.trace() - 2.0 * cross))


def kernel_distance(reference: np.ndarray, features: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x . y / D + 1)^3, over all pairs.

    The release averages it over 100 random subsets of 1000; over all pairs it has the same mean and no chance in it.

    Args:
        reference: `(N, D)`, float, N at least 2.
        features: `(M, D)`, likewise.

    Returns:
        About 0 for samples of one distribution, on either side of it.
    """
    assert min(len(reference), len(features)) > 1, (reference.shape, features.shape)
    x, y = (torch.from_numpy(values.astype(np.float64)) for values in (reference, features))
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2.0 * _sum(x, y) / (len(x) * len(y))


def _kernel(products: torch.Tensor, size: int) -> torch.Tensor:
    return (products / size + 1.0) ** 3


def _sum(x: torch.Tensor, y: torch.Tensor) -> float:
    """Over all pairs; some rows at a time, for all of them together take gigabytes."""
    return sum(float(_kernel(rows @ y.T, x.shape[1]).sum()) for rows in x.split(_ROWS))


def _mean_of_pairs(x: torch.Tensor) -> float:
    """Over pairs of different samples."""
    alone = float(_kernel(x.square().sum(dim=1), x.shape[1]).sum())
    return (_sum(x, x) - alone) / (len(x) * (len(x) - 1))


@dataclass(frozen=True)
class FeatureSet:
    """Features of all frames of a method.

    Args:
        clips: one function a clip, which reads its features, `(T, D)`: one clip is in memory at a time.
    """

    clips: Sequence[Callable[[], np.ndarray]]

    @cached_property
    def moments(self) -> Moments:
        """Of all of them; raises `NotMeasurable` where there are too few."""
        total = None
        for read in self.clips:
            part = Moments.of(read())
            total = part if total is None else total + part
        if total is None or total.count < 2:
            raise NotMeasurable("fewer than two frames")
        return total

    def spread(self, limit: int) -> np.ndarray:
        """At most `limit` of them, evenly spread over all frames, `(N, D)`; raises `NotMeasurable` likewise."""
        lengths = [len(read()) for read in self.clips]
        total = sum(lengths)
        if total < 2:
            raise NotMeasurable("fewer than two frames")
        frame_indices = np.unique(np.linspace(0, total - 1, min(limit, total)).round().astype(int))
        starts = np.cumsum([0, *lengths])
        return np.concatenate(
            [
                read()[frame_indices[(frame_indices >= first) & (frame_indices < last)] - first]
                for read, first, last in zip(self.clips, starts[:-1], starts[1:], strict=True)
            ]
        )


INCEPTION = MetricNet(FidInception, {"fid_inception": "fid_weights"})


def _legacy_features(chunk: FrameChunk) -> np.ndarray:
    nets = chunk.video.nets
    return nets[INCEPTION](resize_legacy(chunk.video.images)).cpu().numpy()


def _clean_features(chunk: FrameChunk) -> np.ndarray:
    nets = chunk.video.nets
    return nets[INCEPTION](resize_clean(chunk.video.own).to(nets.device)).cpu().numpy()


def _seeded_features(chunk: FrameChunk) -> np.ndarray:
    return SeededFeatures.pooled(seeded_levels(chunk.video)).cpu().numpy()


INCEPTION_LEGACY = FrameMeasure("features_inception", _legacy_features, INCEPTION, cache_name="fid_inception_legacy")
INCEPTION_CLEAN = FrameMeasure("features_clean", _clean_features, INCEPTION, cache_name="fid_inception_clean")
SEEDED_FEATURES = FrameMeasure("features_seeded", _seeded_features, SEEDED)


def fid(reference: FeatureSet, video: FeatureSet) -> float:
    """Fréchet distance of two sets of frames."""
    # rounding takes the distance of a set to itself a hair below 0
    return max(frechet_distance(reference.moments, video.moments), 0.0)


set_metric(
    INCEPTION_LEGACY,
    name="fid_inception_legacy",
    unit="",
    higher_is_better=False,
    protocol="Fréchet distance of Inception features of all frames, resized as pytorch-fid does (legacy)",
    source=_HEUSEL,
)(fid)
set_metric(
    INCEPTION_CLEAN,
    name="fid_inception_clean",
    unit="",
    higher_is_better=False,
    protocol="Fréchet distance of Inception features of all frames, resized as clean-fid does",
    source=_PARMAR,
)(fid)


@set_metric(
    INCEPTION_CLEAN,
    unit="",
    higher_is_better=False,
    protocol="kernel distance of Inception features, resized as clean-fid does, all pairs of up to 10000 frames",
    source=_BINKOWSKI,
)
def kid_inception_clean(reference: FeatureSet, video: FeatureSet) -> float:
    """Kernel distance of two sets of frames."""
    return kernel_distance(reference.spread(_KERNEL_FRAMES), video.spread(_KERNEL_FRAMES))


set_metric(
    SEEDED_FEATURES,
    name="fid_seeded",
    unit="",
    higher_is_better=False,
    protocol=f"stand-in for FID: the Fréchet distance of {RANDOM_FEATURES}",
    source=_HEUSEL,
    is_stand_in=True,
)(fid)
