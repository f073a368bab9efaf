"""Temporal consistency: does a video change where and as its reference does?"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

_CONSISTENT = (0.01, 0.5)  # of squared motion, and px squared: what a way there and back may miss by


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
        returned = cv2.remap(forth, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        missed = np.square(back + returned).sum(axis=-1)
        moved = np.square(back).sum(axis=-1) + np.square(returned).sum(axis=-1)
        maps.append(there[None])
        visible.append((missed < _CONSISTENT[0] * moved + _CONSISTENT[1])[None])
    return Motion(np.concatenate(maps), np.concatenate(visible))


def warp_error(frames: np.ndarray, motion: Motion) -> np.ndarray:
    """How far each frame is from the one before it, carried along by the motion of the reference.

    After W.-S. Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, in absolute grey levels in place of
    squares.

    Args:
        frames: consecutive RGB frames, `(T, H, W, 3)`, uint8.
        motion: of the reference between the same frames.

    Returns:
        Mean absolute difference over the pixels seen in both, grey levels (of 255), `(T - 1,)`, float64; NaN where
        none is.
    """
    assert len(motion.maps) == len(frames) - 1, (motion.maps.shape, frames.shape)
    errors = []
    for before, after, there, visible in zip(frames[:-1], frames[1:], motion.maps, motion.visible, strict=True):
        carried = cv2.remap(before, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        seen = visible.view(np.uint8)
        error, count = cv2.copyTo(cv2.absdiff(carried, after), seen), 3 * cv2.countNonZero(seen)
        errors.append(sum(cv2.sumElems(error)) / count if count else np.nan)
    return np.array(errors, dtype=np.float64)


def flicker(luma: np.ndarray) -> np.ndarray:
    """How far each frame is from the mean of its neighbours: motion that goes on adds little, what comes and goes much.

    Args:
        luma: consecutive frames, `(T, H, W)`, float64 in [0, 255].

    Returns:
        Mean absolute difference, grey levels, `(T - 2,)`, float64.
    """
    if len(luma) < 3:
        return np.zeros(0)
    return np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean(axis=(1, 2))
