"""Temporal consistency: does a video change where and as its reference does?"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from segtalker.metrics.areas import Areas
from segtalker.metrics.frame_chunks import ChunkFrames, FrameChunk, once_per_chunk, rgb_steps
from segtalker.metrics.images import chunk_luma
from segtalker.metrics.registry import (
    AREAS,
    REFERENCE_RATIO,
    FrameMeasure,
    NotMeasurable,
    finite_mean,
    frame_metric,
    metric,
)

_NEIGHBOURS = 2  # frames a frame's flicker is seen in
_CONSISTENT = (0.01, 0.5)  # of squared motion, and px squared: what a way there and back may miss by


@frame_metric(
    rgb_steps,
    over_frames=finite_mean("no frame has any of it"),
    lookback=1,
    areas=AREAS,
    unit="grey levels",
    higher_is_better=False,
    protocol="mean absolute difference between the change from frame to frame and the reference's change",
)
def temporal_error(reference: np.ndarray, frames: np.ndarray, areas: Areas) -> np.ndarray:
    """How far the change from each frame to the next differs from the reference's: flicker, wrong or missing motion.

    Args:
        reference: consecutive RGB frames, `(T, H, W, 3)`, uint8.
        frames: likewise.
        areas: where; those of the last frames count.

    Returns:
        Mean absolute difference of the changes in grey levels (of 255), `(T - 1, A)`, float64.
    """
    assert reference.shape == frames.shape, (reference.shape, frames.shape)
    error = frames.astype(np.int16) - reference
    return areas.last(len(error) - 1).means(np.abs(np.diff(error, axis=0)))


@dataclass(frozen=True)
class Motion:
    """How a video came from each frame to the next.

    Args:
        maps: where each pixel was in the frame before, (x, y), `(T - 1, H, W, 2)`, float32, px.
        visible: whether it was seen there at all, `(T - 1, H, W)`, bool.
    """

    maps: np.ndarray
    visible: np.ndarray


def estimate_motion(luma: np.ndarray) -> Motion:
    """Dense optical flow (T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).

    A pixel counts as seen in the frame before where its way there and back ends where it began (N. Sundaram et al.,
    ECCV 2010, with their constants).

    Args:
        luma: consecutive frames, `(T, H, W)`, in [0, 255].
    """
    frames = np.rint(luma).astype(np.uint8)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows, columns = np.mgrid[: luma.shape[1], : luma.shape[2]].astype(np.float32)
    here = np.stack([columns, rows], axis=-1)
    maps, visible = [here[None][:0]], [np.zeros((0, *luma.shape[1:]), bool)]
    for before, after in pairwise(frames):
        back, forth = flow.calc(after, before, None), flow.calc(before, after, None)  # type: ignore[call-overload]
        there = here + back
        forth_there = cv2.remap(forth, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        loop_error = np.square(back + forth_there).sum(axis=-1)
        flow_size = np.square(back).sum(axis=-1) + np.square(forth_there).sum(axis=-1)
        maps.append(there[None])
        visible.append((loop_error < _CONSISTENT[0] * flow_size + _CONSISTENT[1])[None])
    return Motion(np.concatenate(maps), np.concatenate(visible))


def warp_error(frames: np.ndarray, motion: Motion, areas: Areas) -> np.ndarray:
    """How far each frame is from the one before it, carried along by the motion of the reference.

    After W.-S. Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, in absolute grey levels in place of
    squares.

    Args:
        frames: consecutive RGB frames, `(T, H, W, 3)`, uint8.
        motion: of the reference between the same frames.
        areas: where; those of the last frames count.

    Returns:
        Mean absolute difference over the pixels seen in both, grey levels (of 255), `(T - 1, A)`, float64; NaN where
        none is.
    """
    assert len(motion.maps) == len(frames) - 1, (motion.maps.shape, frames.shape)
    errors = np.zeros((len(motion.maps), *frames.shape[1:]), np.uint8)
    for error, before, after, there in zip(errors, frames[:-1], frames[1:], motion.maps, strict=True):
        warped_frame = cv2.remap(before, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        cv2.absdiff(warped_frame, after, error)
    return areas.last(len(errors)).within(motion.visible).means(errors)


def flicker(luma: np.ndarray, areas: Areas) -> np.ndarray:
    """How far each frame is from the mean of its neighbours: motion that goes on adds little, what comes and goes much.

    Args:
        luma: consecutive frames, `(T, H, W)`, float64 in [0, 255].
        areas: where, of the same frames.

    Returns:
        Mean absolute difference, grey levels, `(T - 2, A)`, float64.
    """
    return areas[1:-1].means(np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2))


class PairedErrors(NamedTuple):
    """How steady a video is and how steady its reference, grey levels, `(T', A)` each, float64.

    Args:
        video: of the video.
        reference: of the reference, between the same frames.
    """

    video: np.ndarray
    reference: np.ndarray


@once_per_chunk
def chunk_motion(frames: ChunkFrames) -> Motion:
    """From the frame before the chunk, if there is one, to its last."""
    return estimate_motion(chunk_luma(frames)[max(0, frames.context - 1) :])


@once_per_chunk
def own_warp_error(frames: ChunkFrames) -> np.ndarray:
    """The warp error by a video's own motion; one frame fewer at the start of a clip."""
    return warp_error(frames.with_context(1), chunk_motion(frames), frames.own_areas)


@once_per_chunk
def chunk_flicker(frames: ChunkFrames) -> np.ndarray:
    """Of the frames whose next one is in the chunk: two fewer at the start of a clip."""
    first = max(0, frames.context - _NEIGHBOURS)
    return flicker(chunk_luma(frames)[first:], frames.areas[first:])


def _warp_errors(chunk: FrameChunk) -> PairedErrors:
    """Both by the reference's motion."""
    video, reference = chunk.video, chunk.reference
    if video is reference:
        return PairedErrors(own_warp_error(video), own_warp_error(video))
    error = warp_error(video.with_context(1), chunk_motion(reference), reference.own_areas)
    return PairedErrors(error, own_warp_error(reference))


def _flickers(chunk: FrameChunk) -> PairedErrors:
    return PairedErrors(chunk_flicker(chunk.video), chunk_flicker(chunk.reference))


WARP = FrameMeasure("warp", _warp_errors, lookback=1, areas=AREAS)
FLICKER = FrameMeasure("flicker", _flickers, lookback=_NEIGHBOURS, areas=AREAS)
_LAI = "after Lai et al., ECCV 2018"


def _ratio(errors: PairedErrors) -> float:
    """The video's sum over the reference's, of the frames that have both."""
    pairs = np.stack(errors, axis=1)  # (T', 2)
    own, reference = pairs[np.isfinite(pairs).all(axis=1)].sum(axis=0)
    if not reference > 0:
        raise NotMeasurable("the reference stands still")
    return float(own / reference)


@metric(
    WARP,
    name="warp_error",
    unit="grey levels",
    higher_is_better=False,
    protocol="mean absolute difference of each frame from the one before it, carried along by the reference's optical "
    "flow (DIS), where both show the same point",
    source=_LAI,
)
def mean_warp_error(errors: PairedErrors) -> float:
    """Of a clip, over the frames of which any pixel can be followed."""
    return finite_mean("no pixel can be followed from one frame to the next")(errors.video)


@metric(
    WARP,
    unit=REFERENCE_RATIO,
    higher_is_better=None,
    protocol="warp_error over the reference's own: 1 is as steady as the recording",
    source=_LAI,
)
def warp_ratio(errors: PairedErrors) -> float:
    """Of a clip."""
    return _ratio(errors)


@metric(
    FLICKER,
    unit=REFERENCE_RATIO,
    higher_is_better=None,
    protocol="mean absolute difference of luma from the mean of the frames before and after, over the reference's own: "
    "1 is as steady as the recording",
)
def flicker_ratio(errors: PairedErrors) -> float:
    """Of a clip."""
    return _ratio(errors)
