"""Every metric there is, in the order of the tables."""

import math
from typing import Any

from segtalker.metrics import (
    cpbd,
    distribution,
    identity,
    images,
    landmarks,
    masks,
    motion,
    perceptual,
    silence,
    sync,
    texture,
)
from segtalker.metrics.registry import Metric, NotMeasurable, registered
from segtalker.regions import REGION_INDEX

# columns of the tables come in this order, within a module in the order of its lines
MODULES = (images, perceptual, distribution, cpbd, texture, sync, silence, landmarks, motion, identity, masks)
_PLACES = {module.__name__: place for place, module in enumerate(MODULES)}


def all_metrics() -> tuple[Metric, ...]:
    """Every metric; one of a module that is not in `MODULES` comes last."""
    return tuple(sorted(registered, key=lambda metric: _PLACES.get(metric.module, len(_PLACES))))


def chosen_metrics(stand_ins: bool) -> tuple[Metric, ...]:
    """All metrics, or all but the stand-ins."""
    return tuple(metric for metric in all_metrics() if stand_ins or not metric.is_stand_in)


def clip_value(metric: Metric, values: Any) -> float:
    """A metric of one clip, from what its measure gave for it.

    Raises:
        NotMeasurable: there is no such number.
    """
    assert metric.scope == "clip", metric.name
    value = metric.value(values)
    if not math.isfinite(value):
        raise NotMeasurable(f"not a finite number ({value})")
    return value


def describe(reference_masks: str, stand_ins: bool) -> dict[str, dict]:
    """What `metrics.json` says: protocol, unit, direction, area, weights and source of each metric by name.

    Args:
        reference_masks: whose masks are the reference, `truth` or `parsed`.
        stand_ins: whether stand-ins are measured.
    """
    masks, recording = f"{reference_masks} masks", "the clip's own frames and sound"

    def reference(metric: Metric) -> str:
        if metric.measure.compares_masks:
            return masks
        return f"{recording}, regions by {masks}" if metric.area in REGION_INDEX else recording

    return {
        metric.name: {
            "protocol": metric.protocol,
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
            "reference": reference(metric),
            "scope": metric.scope,
            "area": metric.area,
            "whole": metric.whole,
            "weights": list(metric.measure.weights),
            "source": metric.source,
        }
        for metric in chosen_metrics(stand_ins)
    }
