"""Flicker of region masks: how much of it there is, and less of it by averaging over time.

A parser names every frame anew, so at the edge of hair and background, or under changing light, pixels jump to
another region for a frame or two and back. That is what `flicker` counts. A mouth that opens and closes within two
frames is counted too, so exact masks have a little of it: the aim is theirs, not zero.

Less of it comes from a bilateral filter in time (Tomasi and Manduchi 1998, over frames in place of pixels): the
probabilities of a pixel are averaged over neighbouring frames, each weighted by how much the picture around that
pixel looks the same there. Where something moves, the weights vanish and nothing is smeared.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from segtalker.nets.tensors import best_regions
from segtalker.regions import NUM_REGIONS

_SPAN = 4  # frames a blip of two is seen in: before, twice elsewhere, after
_PATCH_SHARE = 64


class FlickerCount:
    """Counts blips of masks as they come; memory does not grow with their number."""

    def __init__(self) -> None:
        self._recent: deque[np.ndarray] = deque(maxlen=_SPAN)
        self._frames = 0
        self._blips = np.zeros(NUM_REGIONS, np.int64)
        self._pixels = np.zeros(NUM_REGIONS, np.int64)

    def add(self, mask: np.ndarray) -> None:
        """Takes the next frame.

        Args:
            mask: region indices, `(H, W)`, uint8 in 0-11.
        """
        self._recent.append(mask)
        self._frames += 1
        self._pixels += np.bincount(mask.ravel(), minlength=NUM_REGIONS)
        if len(self._recent) >= _SPAN - 1:
            before, away, back = list(self._recent)[-3:]
            self._count(before, (before == back) & (before != away), 1)
        if len(self._recent) == _SPAN:
            before, away, still_away, back = self._recent
            self._count(before, (before == back) & (before != away) & (before != still_away), 2)

    def _count(self, left: np.ndarray, blip: np.ndarray, frames: int) -> None:
        self._blips += frames * np.bincount(left[blip], minlength=NUM_REGIONS)

    @property
    def share(self) -> float:
        """Pixels away from their region for one or two frames, of 1000 pixels."""
        return float(1000.0 * self._blips.sum() / max(self._pixels.sum(), 1))

    @property
    def by_region(self) -> np.ndarray:
        """The same of each region, of 1000 pixels of its own: `(K,)`; NaN where it is in no frame."""
        return np.where(self._pixels > 0, 1000.0 * self._blips / np.maximum(self._pixels, 1), np.nan)


def flicker(masks: Iterable[np.ndarray]) -> float:
    """Pixels that leave their region for one or two frames and come back, of 1000 pixels.

    Args:
        masks: region indices in order of time, each `(H, W)`, uint8 in 0-11.
    """
    return _counted(masks).share


def region_flicker(masks: Iterable[np.ndarray]) -> np.ndarray:
    """`flicker` of each region, of 1000 pixels of its own: `(K,)`; NaN where it is in no frame."""
    return _counted(masks).by_region


def _counted(masks: Iterable[np.ndarray]) -> FlickerCount:
    count = FlickerCount()
    for mask in masks:
        count.add(mask)
    return count


@dataclass(frozen=True)
class Smoothing:
    """How masks are averaged over time.

    Args:
        frames: length of the window, odd; 1 averages nothing.
        sigma: difference of colours, 0-255, root of the mean square around a pixel, at which a neighbouring frame
            counts 0.6 of one that looks the same.
    """

    frames: int
    sigma: float


class Scored(NamedTuple):
    """A frame and what the parser makes of it.

    Args:
        colours: RGB, `(3, H, W)`, float32 in 0-255.
        logits: score of each region, `(K, H, W)`, float32.
        regions: the best of them, `(H, W)`, uint8.
    """

    colours: Tensor
    logits: Tensor
    regions: Tensor


def smooth(frame_scores: Iterable[Scored], smoothing: Smoothing) -> Iterator[Tensor]:
    """Averages probabilities over time and names the best region; frames at either end have fewer neighbours.

    Where all frames of the window name the same region, so does any average of theirs: only the other pixels, one or
    two in a hundred, are averaged.

    Args:
        frame_scores: frames in order of time, all of one size and on one device; `smoothing.frames` of them are held.
        smoothing: how.

    Yields:
        Regions of each frame, `(H, W)`, uint8.
    """
    assert smoothing.frames % 2 == 1, smoothing
    radius = smoothing.frames // 2
    window: deque[_Near | None] = deque([None] * (radius + 1), maxlen=smoothing.frames)
    for ahead, item in enumerate(chain(frame_scores, repeat(None, radius))):
        window.append(None if item is None else _near(item, list(window)[-radius:] if radius else [], smoothing.sigma))
        if ahead >= radius and (centre := window[-1 - radius]) is not None:
            yield _average(centre, list(window), len(window) - 1 - radius)


class _Near(NamedTuple):
    """A frame, and how much each of the frames just before looks like it: `(H, W)` in 0-1, the nearest last."""

    frame: Scored
    likeness: list[Tensor | None]


@torch.inference_mode()
def _near(frame: Scored, before: Sequence["_Near | None"], sigma: float) -> _Near:
    return _Near(frame, [other and _likeness(frame.colours, other.frame.colours, sigma) for other in before])


@torch.inference_mode()
def _average(centre: _Near, window: Sequence[_Near | None], place: int) -> Tensor:
    """Regions of the frame at a place of the window."""
    regions = centre.frame.regions
    others = [(index, other) for index, other in enumerate(window) if other is not None and index != place]
    doubtful = torch.zeros_like(regions, dtype=torch.bool)
    for _, other in others:
        doubtful |= other.frame.regions != regions
    if not doubtful.any():
        return regions
    pixels = doubtful.flatten().nonzero()[:, 0]
    total = _chances(centre.frame, pixels)
    for index, other in others:
        # the later of two frames knows how alike they are
        likeness = other.likeness[place - index] if index > place else centre.likeness[index - place]
        assert likeness is not None
        total += likeness.flatten()[pixels] * _chances(other.frame, pixels)
    smooth_regions = regions.flatten().clone()
    smooth_regions[pixels] = best_regions(total[None])[0]
    return smooth_regions.view_as(regions)


def _chances(frame: Scored, pixels: Tensor) -> Tensor:
    """Probability of each region at some pixels, `(K, N)`."""
    return frame.logits.flatten(1).index_select(1, pixels).softmax(dim=0)


def _likeness(colours: Tensor, others: Tensor, sigma: float) -> Tensor:
    """How much two frames look the same around each pixel: `(H, W)` in 0-1."""
    square = (colours - others).square_().mean(0)
    for axis, length in enumerate(square.shape):
        square = _mean_around(square, max(length // _PATCH_SHARE, 1), axis)
    return square.mul_(-0.5 / sigma**2).exp_()


def _mean_around(values: Tensor, radius: int, axis: int) -> Tensor:
    """Means of so many neighbours on either side, fewer at the edges; a tenth of the time of `avg_pool2d` on CPUs."""
    total, length = values.clone(), values.shape[axis]
    for shift in range(1, radius + 1):
        total.narrow(axis, shift, length - shift).add_(values.narrow(axis, 0, length - shift))
        total.narrow(axis, 0, length - shift).add_(values.narrow(axis, shift, length - shift))
    place = torch.arange(length, device=values.device)
    counts = 1 + place.clamp(max=radius) + (length - 1 - place).clamp(max=radius)
    return total.div_(counts[:, None] if axis == 0 else counts)
