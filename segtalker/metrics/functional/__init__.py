"""Pure metric functions: arrays in, numbers out."""

from segtalker.metrics.functional.cpbd import cpbd, cpbd_frames
from segtalker.metrics.functional.frechet import Moments, frechet_distance
from segtalker.metrics.functional.images import luma, ms_ssim, psnr, ssim, temporal_error
from segtalker.metrics.functional.kernel import kernel_distance
from segtalker.metrics.functional.landmarks import landmark_distance, mouth_points
from segtalker.metrics.functional.masks import intersection_over_union, overlap_counts
from segtalker.metrics.functional.motion import Motion, estimate_motion, flicker, warp_error
from segtalker.metrics.functional.perceptual import feature_distance
from segtalker.metrics.functional.sync import SyncScores, sync_scores

__all__ = [
    "Moments",
    "Motion",
    "SyncScores",
    "cpbd",
    "cpbd_frames",
    "estimate_motion",
    "feature_distance",
    "flicker",
    "frechet_distance",
    "intersection_over_union",
    "kernel_distance",
    "landmark_distance",
    "luma",
    "mouth_points",
    "ms_ssim",
    "overlap_counts",
    "psnr",
    "ssim",
    "sync_scores",
    "temporal_error",
    "warp_error",
]
