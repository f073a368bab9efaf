"""Every metric by name: what it is, which way is better, in which unit, and from which measurements it is computed.

A track is what is measured of a clip frame by frame (`segtalker.evaluation.clip`); a metric turns a track into a
number. A name states the protocol: a stand-in without published weights has another name, and one that cannot be
measured has no value but a reason.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from segtalker.metrics.functional.masks import intersection_over_union
from segtalker.regions import NUM_REGIONS, REGIONS

Track = Literal[
    "psnr", "ssim", "ms_ssim", "lpips_seeded", "lpips_alex", "cpbd", "temporal", "warp", "flicker", "overlap",
    "overlap_parsed", "mouth_shape", "points_mediapipe", "points_fan", "sync_expert", "sync_syncnet", "identity",
    "features_seeded", "features_inception", "features_clean",
]  # fmt: skip
# published files a track needs, by their names in `segtalker.nets.pretrained`
TRACK_WEIGHTS: dict[Track, tuple[str, ...]] = {
    "lpips_alex": ("lpips_trunk", "lpips_heads"),
    "features_inception": ("fid_inception",),
    "features_clean": ("fid_inception",),
    "sync_syncnet": ("syncnet",),
    "identity": ("mobilefacenet",),
    "points_mediapipe": ("mediapipe_face_landmarker",),
    "points_fan": ("face_alignment_s3fd", "face_alignment_2dfan4"),
}


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
        value: the track of a clip to its number, raising `NotMeasurable`; for a metric of the whole set, which
            distance of the features in its track.
        protocol: how it is measured, one sentence.
        source: where it was published; empty for a measure of this project.
        is_stand_in: takes the place of a published metric whose weights are not part of this project.
    """

    name: str
    unit: str
    higher_is_better: bool | None
    track: Track
    value: Callable[[np.ndarray], float] | Literal["frechet", "kernel"]
    protocol: str
    source: str = ""
    is_stand_in: bool = False

    @property
    def weights(self) -> tuple[str, ...]:
        """Published files it needs, by their names in `segtalker.nets.pretrained`."""
        return TRACK_WEIGHTS.get(self.track, ())


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


def _ratio(reason: str, pairs: np.ndarray) -> float:
    """A video's own sum over its reference's; pairs are `(N, 2)`."""
    own, reference = pairs[np.isfinite(pairs).all(axis=1)].sum(axis=0)
    if not reference > 0:
        raise NotMeasurable(reason)
    return float(own / reference)


def _mean_of_column(column: int, reason: str, values: np.ndarray) -> float:
    return _mean_of_finite(reason, values[:, column])


_STILL = "the reference stands still"
_UNSEEN = "the detector finds no face in it"
_FEW_PIXELS = "no pixel can be followed from one frame to the next"
_MASKS = "the method's talking mask (its parsed frames where it has none) against the reference mask, all frames as one"
_PARSED = "the parsed frames against the reference mask, all frames as one, the same for every method"
_SHIFTS = "mean L2 distance of picture and own speech over the shifts -15 to 15 frames"
_EXPERT = "by this project's image-domain expert, mouth boxes placed by the reference's landmarks, no padding"
_SYNCNET = "by SyncNet as published (syncnet_v2, zero-padded ends), on this project's crop instead of its own"
_POINTS = (
    "mean distance to those found in the reference's frames, centres laid over each other, over frames with a face in"
    " both, whose share is {}"
)
_DETECTED: tuple[tuple[str, Track, str], ...] = (
    ("mediapipe", "points_mediapipe", "MediaPipe"),
    ("fan", "points_fan", "S3FD"),
)
_RANDOM = "features of a convolutional network with fixed random weights"
_OFFSET = f"frames the speech has to move back for the smallest {_SHIFTS}"
_WANG, _WANG_MS = "Wang et al., IEEE TIP 13(4), 2004", "Wang et al., Asilomar 2003"
_ZHANG, _HEUSEL, _BINKOWSKI = "Zhang et al., CVPR 2018", "Heusel et al., NeurIPS 2017", "Bińkowski et al., ICLR 2018"
_PARMAR = "Parmar et al., CVPR 2022"
_CHUNG = "Chung and Zisserman, ACCV workshops 2016; Prajwal et al., ACM MM 2020"
_CHEN = "Chen et al., ECCV 2018"
_LAI = "after Lai et al., ECCV 2018"

METRICS: tuple[Metric, ...] = (
    Metric("psnr", "dB", True, "psnr", partial(_mean_of_finite, "the frames are the reference's: infinite"),
           "peak signal-to-noise ratio of RGB frames, mean over the frames that differ from the reference at all"),
    Metric("ssim", "", True, "ssim", _mean,
           "structural similarity of luma as pyiqa's `ssim`: Gaussian window 11, sigma 1.5, mean over frames", _WANG),
    Metric("ms_ssim", "", True, "ms_ssim", partial(_mean_of_finite, "frames are smaller than 176 px"),
           "structural similarity of luma at five scales as pyiqa's `ms_ssim`, mean over frames", _WANG_MS),
    Metric("lpips_alex", "", False, "lpips_alex", _mean,
           "LPIPS v0.1 with AlexNet, published weights, mean over frames", _ZHANG),
    Metric("lpips_seeded", "", False, "lpips_seeded", _mean,
           f"stand-in for LPIPS: the same distance of {_RANDOM}", _ZHANG, is_stand_in=True),
    Metric("fid_inception_legacy", "", False, "features_inception", "frechet",
           "Fréchet distance of Inception features of all frames, resized as pytorch-fid does (legacy)", _HEUSEL),
    Metric("fid_inception_clean", "", False, "features_clean", "frechet",
           "Fréchet distance of Inception features of all frames, resized as clean-fid does", _PARMAR),
    Metric("kid_inception_clean", "", False, "features_clean", "kernel",
           "kernel distance of Inception features, resized as clean-fid does, all pairs of up to 10000 frames",
           _BINKOWSKI),
    Metric("fid_seeded", "", False, "features_seeded", "frechet",
           f"stand-in for FID: the Fréchet distance of {_RANDOM}", _HEUSEL, is_stand_in=True),
    Metric("cpbd", "", True, "cpbd", partial(_mean_of_finite, "frames are smaller than a block of 64 x 64"),
           "sharpness without a reference, of luma at the size of the crop, mean over frames",
           "Narvekar and Karam, IEEE TIP 20(9), 2011"),
    Metric("lse_d_syncnet", "", False, "sync_syncnet", partial(_item, 0), f"smallest {_SHIFTS}, {_SYNCNET}", _CHUNG),
    Metric("lse_c_syncnet", "", True, "sync_syncnet", partial(_item, 1),
           f"median less smallest {_SHIFTS}, {_SYNCNET}", _CHUNG),
    Metric("offset_syncnet", "frames", None, "sync_syncnet", partial(_item, 2), f"{_OFFSET}, {_SYNCNET}", _CHUNG),
    Metric("lse_d_expert", "", False, "sync_expert", partial(_item, 0),
           f"stand-in for LSE-D: smallest {_SHIFTS}, {_EXPERT}", _CHUNG, is_stand_in=True),
    Metric("lse_c_expert", "", True, "sync_expert", partial(_item, 1),
           f"stand-in for LSE-C: median less smallest {_SHIFTS}, {_EXPERT}", _CHUNG, is_stand_in=True),
    Metric("offset_expert", "frames", None, "sync_expert", partial(_item, 2), f"{_OFFSET}, {_EXPERT}", _CHUNG,
           is_stand_in=True),
    Metric("lmd_mouth", "% of eye distance", False, "mouth_shape",
           partial(_mean_of_finite, "no frame has a mouth in both masks"),
           "distance of 28 mouth points read off region masks, the parsed frames' against the reference masks', "
           "centres laid over each other, mean over frames with a mouth", f"after {_CHEN}"),
    Metric("lmd_mouth_mediapipe", "% of eye distance", False, "points_mediapipe", partial(_mean_of_column, 0, _UNSEEN),
           f"20 mouth landmarks by MediaPipe: {_POINTS.format('faces_mediapipe')}", _CHEN),
    Metric("lmd_face_mediapipe", "% of eye distance", False, "points_mediapipe", partial(_mean_of_column, 1, _UNSEEN),
           f"68 landmarks by MediaPipe: {_POINTS.format('faces_mediapipe')}", _CHEN),
    Metric("lmd_mouth_fan", "% of eye distance", False, "points_fan", partial(_mean_of_column, 0, _UNSEEN),
           f"20 mouth landmarks by S3FD and 2DFAN-4: {_POINTS.format('faces_fan')}", _CHEN),
    Metric("lmd_face_fan", "% of eye distance", False, "points_fan", partial(_mean_of_column, 1, _UNSEEN),
           f"68 landmarks by S3FD and 2DFAN-4: {_POINTS.format('faces_fan')}", _CHEN),
    *(Metric(f"faces_{name}", "", True, track, partial(_mean_of_column, 2, "the reference has no face"),
             f"share of the reference's frames with a face by {detector} in which it finds one in the video too")
      for name, track, detector in _DETECTED),
    Metric("temporal_error", "grey levels", False, "temporal", _mean,
           "mean absolute difference between the change from frame to frame and the reference's change"),
    Metric("warp_error", "grey levels", False, "warp", partial(_mean_of_column, 0, _FEW_PIXELS),
           "mean absolute difference of each frame from the one before it, carried along by the reference's optical "
           "flow (DIS), where both show the same point", _LAI),
    Metric("warp_ratio", "of the reference's", None, "warp", partial(_ratio, _STILL),
           "warp_error over the reference's own: 1 is as steady as the recording", _LAI),
    Metric("flicker_ratio", "of the reference's", None, "flicker", partial(_ratio, _STILL),
           "mean absolute difference of luma from the mean of the frames before and after, over the reference's own: 1 "
           "is as steady as the recording"),
    Metric("identity_mobilefacenet", "", True, "identity", _mean,
           "cosine of MobileFaceNet embeddings (068.ckpt) of frame and reference, placed by the reference's landmarks",
           "Chen et al., CCBR 2018"),
    Metric("mouth_iou", "", True, "overlap", partial(_region, NUM_REGIONS), f"lips and interior as one: {_MASKS}"),
    Metric("region_iou", "", True, "overlap", _all_regions, f"mean over the regions the reference has: {_MASKS}"),
    Metric("mouth_iou_parsed", "", True, "overlap_parsed", partial(_region, NUM_REGIONS),
           f"lips and interior as one: {_PARSED}"),
    Metric("region_iou_parsed", "", True, "overlap_parsed", _all_regions,
           f"mean over the regions the reference has: {_PARSED}"),
    *(Metric(f"iou_{name}", "", True, "overlap", partial(_region, index), f"{name}: {_MASKS}")
      for index, name in enumerate(REGIONS)),
)  # fmt: skip


def chosen_metrics(stand_ins: bool) -> tuple[Metric, ...]:
    """All metrics, or all but the stand-ins."""
    return tuple(metric for metric in METRICS if stand_ins or not metric.is_stand_in)


def clip_value(metric: Metric, track: np.ndarray) -> float:
    """A metric of one clip.

    Raises:
        NotMeasurable: there is no such number, or the track holds no numbers.
    """
    assert callable(metric.value), metric.name
    value = metric.value(track)
    if not math.isfinite(value):
        raise NotMeasurable(f"not a finite number ({value})")
    return value


def describe(reference_masks: str, stand_ins: bool) -> dict[str, dict]:
    """What `metrics.json` says: protocol, unit, direction, weights and source of each metric by name.

    Args:
        reference_masks: whose masks are the reference, `truth` or `parsed`.
        stand_ins: whether stand-ins are measured.
    """
    facts = {}
    for metric in chosen_metrics(stand_ins):
        masks = metric.track in ("overlap", "overlap_parsed", "mouth_shape")
        facts[metric.name] = {
            "protocol": metric.protocol,
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
            "reference": f"{reference_masks} masks" if masks else "the clip's own frames and sound",
            "scope": "clip" if callable(metric.value) else "dataset",
            "weights": list(metric.weights),
            "source": metric.source,
        }
    return facts
