"""Every metric by name: what it is, which way is better, in which unit, and from which measurements it is computed.

A track is what is measured of a clip frame by frame (`segtalker.evaluation`); a metric turns a track into a number. A
name states the protocol: a stand-in without published weights has another name, and one that cannot be measured has no
value but a reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from segtalker.metrics.functional.masks import intersection_over_union
from segtalker.regions import NUM_REGIONS, REGIONS

Track = Literal[
    "psnr", "ssim", "lpips_seeded", "lpips_alex", "cpbd", "temporal", "overlap", "mouth_shape", "sync_expert",
    "sync_syncnet", "identity", "features_seeded", "features_inception",
]  # fmt: skip


class NotMeasurable(Exception):
    """This clip has no such number; the message says why."""


@dataclass(frozen=True)
class Metric:
    """One column of the tables.

    Args:
        name: states the protocol.
        unit: empty for a plain number.
        higher_is_better: None where neither direction is.
        track: what it is computed from.
        value: the track of a clip to its number, raising `NotMeasurable`; None for a metric of the whole set, the
            Fréchet distance of the features in its track.
        protocol: how it is measured, one sentence.
    """

    name: str
    unit: str
    higher_is_better: bool | None
    track: Track
    value: Callable[[np.ndarray], float] | None
    protocol: str


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


def _mean_of_finite(reason: str, values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise NotMeasurable(reason)
    return float(finite.mean())


def _item(index: int, values: np.ndarray) -> float:
    return float(values[index])


def _region(index: int, counts: np.ndarray) -> float:
    iou = intersection_over_union(counts)[index]
    if np.isnan(iou):
        raise NotMeasurable("the reference has no such region")
    return float(iou)


def _all_regions(counts: np.ndarray) -> float:
    return float(np.nanmean(intersection_over_union(counts)[:NUM_REGIONS]))


_MASKS = "the method's talking mask (its parsed frames where it has none) against the reference mask, all frames as one"
_SHIFTS = "mean L2 distance of picture and own speech over the shifts -15 to 15 frames"
_EXPERT = "by this project's image-domain expert, mouth boxes placed by the reference's landmarks, no padding"
_SYNCNET = "by SyncNet as published (syncnet_v2, zero-padded ends), on this project's crop instead of its own"

METRICS: tuple[Metric, ...] = (
    Metric("psnr", "dB", True, "psnr", partial(_mean_of_finite, "the frames are the reference's: infinite"),
           "peak signal-to-noise ratio of RGB frames, mean over the frames that differ from the reference at all"),
    Metric("ssim", "", True, "ssim", _mean,
           "structural similarity of luma (Wang et al. 2004, Gaussian window 11, sigma 1.5), mean over frames"),
    Metric("lpips_alex", "", False, "lpips_alex", _mean,
           "LPIPS v0.1 with AlexNet (Zhang et al. 2018), published weights, mean over frames"),
    Metric("lpips_seeded", "", False, "lpips_seeded", _mean,
           "stand-in for LPIPS: the same distance of features of a convolutional network with fixed random weights"),
    Metric("fid_inception_legacy", "", False, "features_inception", None,
           "Fréchet distance of Inception features of all frames, resized as pytorch-fid does (legacy)"),
    Metric("fid_seeded", "", False, "features_seeded", None,
           "stand-in for FID: the Fréchet distance of features of a convolutional network with fixed random weights"),
    Metric("cpbd", "", True, "cpbd", partial(_mean_of_finite, "frames are smaller than a block of 64 x 64"),
           "sharpness without a reference (Narvekar and Karam 2011) of luma at the size of the crop, mean over frames"),
    Metric("lse_d_syncnet", "", False, "sync_syncnet", partial(_item, 0), f"smallest {_SHIFTS}, {_SYNCNET}"),
    Metric("lse_c_syncnet", "", True, "sync_syncnet", partial(_item, 1), f"median less smallest {_SHIFTS}, {_SYNCNET}"),
    Metric("offset_syncnet", "frames", None, "sync_syncnet", partial(_item, 2),
           f"frames the speech has to move back for the smallest {_SHIFTS}, {_SYNCNET}"),
    Metric("lse_d_expert", "", False, "sync_expert", partial(_item, 0), f"smallest {_SHIFTS}, {_EXPERT}"),
    Metric("lse_c_expert", "", True, "sync_expert", partial(_item, 1), f"median less smallest {_SHIFTS}, {_EXPERT}"),
    Metric("offset_expert", "frames", None, "sync_expert", partial(_item, 2),
           f"frames the speech has to move back for the smallest {_SHIFTS}, {_EXPERT}"),
    Metric("lmd_mouth", "% of eye distance", False, "mouth_shape",
           partial(_mean_of_finite, "no frame has a mouth in both masks"),
           "distance of 28 mouth points read off region masks, the parsed frames' against the reference masks', "
           "centres laid over each other, mean over frames with a mouth"),
    Metric("temporal_error", "grey levels", False, "temporal", _mean,
           "mean absolute difference between the change from frame to frame and the reference's change"),
    Metric("identity_mobilefacenet", "", True, "identity", _mean,
           "cosine of MobileFaceNet embeddings (068.ckpt) of frame and reference, placed by the reference's landmarks"),
    Metric("mouth_iou", "", True, "overlap", partial(_region, NUM_REGIONS), f"lips and interior as one: {_MASKS}"),
    Metric("region_iou", "", True, "overlap", _all_regions, f"mean over the regions the reference has: {_MASKS}"),
    *(Metric(f"iou_{name}", "", True, "overlap", partial(_region, index), f"{name}: {_MASKS}")
      for index, name in enumerate(REGIONS)),
)  # fmt: skip


def describe(reference_masks: str) -> dict[str, dict]:
    """What `metrics.json` says: protocol, unit and direction of each metric by name.

    Args:
        reference_masks: whose masks are the reference, `truth` or `parsed`.
    """
    facts = {}
    for metric in METRICS:
        masks = metric.track in ("overlap", "mouth_shape")
        facts[metric.name] = {
            "protocol": metric.protocol,
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
            "reference": f"{reference_masks} masks" if masks else "the clip's own frames and sound",
            "scope": "clip" if metric.value else "dataset",
        }
    return facts
