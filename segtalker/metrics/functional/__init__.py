"""Pure metric functions: arrays in, numbers out."""

from segtalker.metrics.functional.cpbd import cpbd, cpbd_frames
from segtalker.metrics.functional.frechet import Moments, frechet_distance
from segtalker.metrics.functional.images import luma, psnr, ssim, temporal_error
from segtalker.metrics.functional.landmarks import landmark_distance, mouth_points
from segtalker.metrics.functional.masks import intersection_over_union, overlap_counts
from segtalker.metrics.functional.perceptual import feature_distance
from segtalker.metrics.functional.sync import SyncScores, sync_scores

__all__ = [
    "Moments",
    "SyncScores",
    "cpbd",
    "cpbd_frames",
    "feature_distance",
    "frechet_distance",
    "intersection_over_union",
    "landmark_distance",
    "luma",
    "mouth_points",
    "overlap_counts",
    "psnr",
    "ssim",
    "sync_scores",
    "temporal_error",
]
