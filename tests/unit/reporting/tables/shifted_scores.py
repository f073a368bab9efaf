"""Scores of clips that differ much between people, and of methods that differ by known shifts."""

import numpy as np
import pandas as pd

from segtalker.reporting.tables.intervals import Bootstrap, Uncertainty, find_uncertainty
from segtalker.reporting.tables.methods import order_methods
from segtalker.reporting.tables.scores import Metric, Scores

BOOTSTRAP = Bootstrap(1000, 0.95)
QUALITY = Metric("quality", "", "", True, "frame", "quality")
ERROR = Metric("error", "", "px", False, "frame", "error")
OFFSET = Metric("offset", "", "frames", None, "frame", "offset")
WHOLE = Metric("whole", "", "", False, "frame", "whole")


def make_scores(shifts: dict[str, float], noise: float, *, people: int = 6) -> Scores:
    """Clips that differ much between people, and methods that differ by `shifts` on every clip."""
    rng = np.random.default_rng(0)
    clips = [(f"p{who}", f"p{who}_{clip}") for who in range(people) for clip in range(1 + who % 3)]
    level = {clip: 5 * rng.normal() for _, clip in clips}
    rows = [
        {"clip_id": clip, "subject": who, "method": method, "metric": metric.name, "reason": "",
         "value": level[clip] + (shift if metric.higher_is_better is not False else -shift) + noise * rng.normal()}
        for method, shift in shifts.items()
        for metric in (QUALITY, ERROR, OFFSET)
        for who, clip in clips
    ]  # fmt: skip
    rows += [
        {"clip_id": "", "subject": "", "method": method, "metric": "whole", "value": 1.0, "reason": ""}
        for method in shifts
    ]
    columns = ["clip_id", "subject", "method", "metric", "value", "reason"]
    return Scores(
        pd.DataFrame(rows, columns=columns), (QUALITY, ERROR, OFFSET, WHOLE), tuple(order_methods(set(shifts)))
    )


def measured(shifts: dict[str, float], noise: float) -> tuple[Scores, Uncertainty]:
    scores = make_scores(shifts, noise)
    return scores, find_uncertainty(scores, BOOTSTRAP)
