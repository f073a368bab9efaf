"""What `evaluate` measured, read back: one value a clip, method and metric, and each metric's protocol."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from segtalker.errors import BadInputError
from segtalker.regions import REGIONS
from segtalker.reporting.methods import Method, order_methods

METRICS_FILE = "metrics.csv"
FACTS_FILE = "metrics.json"
SCORE_COLUMNS = ("clip_id", "subject", "method", "metric", "value", "reason")
_REGION_PREFIX = "iou_"


def region_of_iou(name: str) -> str | None:
    """The region that `iou_<region>` is the IoU of, or None for any other name."""
    region = name.removeprefix(_REGION_PREFIX)
    return region if region != name and region in REGIONS else None


@dataclass(frozen=True)
class Metric:
    """What a number means.

    Args:
        name: column of the tables; states the protocol.
        protocol: how it is measured, a sentence.
        unit: `dB`, `px`, or empty for a plain number.
        higher_is_better: None where neither direction is.
    """

    name: str
    protocol: str
    unit: str
    higher_is_better: bool | None

    @property
    def arrow(self) -> str:
        """`↑` more is better, `↓` less is better, empty for neither."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]

    @property
    def region(self) -> str | None:
        """The face region this is the IoU of, or None."""
        return region_of_iou(self.name)


@dataclass(frozen=True)
class Scores:
    """All measurements of one experiment.

    Args:
        values: long form, `SCORE_COLUMNS`; a metric of the whole set has no `clip_id`, one that could not be
            measured has a `reason` instead of a value.
        metrics: facts of each, headline metrics first.
        methods: the rows of the tables, in order.
    """

    values: pd.DataFrame
    metrics: tuple[Metric, ...]
    methods: tuple[Method, ...]

    @property
    def summary_metrics(self) -> tuple[Metric, ...]:
        """Columns of the main table: every metric but the single regions."""
        return tuple(metric for metric in self.metrics if metric.region is None)

    @property
    def region_metrics(self) -> tuple[Metric, ...]:
        """IoU of single regions, in region order."""
        found = {metric.region: metric for metric in self.metrics if metric.region}
        return tuple(found[region] for region in REGIONS if region in found)

    @property
    def system(self) -> Method:
        """The method the report is about: the first system, or where only controls ran the last of them."""
        return next((method for method in self.methods if method.role == "system"), self.methods[-1])

    def means(self) -> pd.DataFrame:
        """Mean over clips (the value itself for a metric of the whole set): methods x metrics, NaN where none."""
        means = self.values.groupby(["method", "metric"], sort=True)["value"].mean().unstack("metric")
        return means.reindex(
            index=[method.name for method in self.methods], columns=[metric.name for metric in self.metrics]
        )

    def clips(self, method: str) -> int:
        """On how many clips the method's row stands."""
        return self._distinct(method, "clip_id")

    def subjects(self, method: str) -> int:
        """On how many people the method's row stands."""
        return self._distinct(method, "subject")

    def _distinct(self, method: str, column: str) -> int:
        measured = self.values[(self.values["method"] == method) & self.values["value"].notna()]
        return int(measured.loc[measured["clip_id"] != "", column].nunique())


def _read_values(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise BadInputError(f"{path}: no such file; run the stage evaluate (segtalker reproduce)")
    text = dict.fromkeys((name for name in SCORE_COLUMNS if name != "value"), str)
    table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={"value": [""]})
    missing = [name for name in SCORE_COLUMNS if name not in table.columns]
    if missing:
        raise BadInputError(f"{path}: column {missing[0]!r} is missing; run the stage evaluate again")
    table["value"] = pd.to_numeric(table["value"], errors="coerce")
    return table.sort_values(["method", "metric", "clip_id"], kind="stable", ignore_index=True)


def _read_metrics(path: Path, names: set[str], headline: Sequence[str]) -> tuple[Metric, ...]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: not readable ({error}); run the stage evaluate again") from error
    unknown = sorted(names - facts.keys())
    if unknown:
        raise BadInputError(f"{path}: says nothing of {unknown[0]!r}; run the stage evaluate again")
    first = [name for name in headline if name in facts]
    order = [*first, *(name for name in facts if name not in first)]
    return tuple(_metric(name, facts[name]) for name in order)


def _metric(name: str, facts: Mapping[str, Any]) -> Metric:
    protocol = f"{facts['protocol']}; reference: {facts['reference']}"
    return Metric(name, protocol, facts["unit"], facts["higher_is_better"])


def read_scores(folder: Path, headline: Sequence[str]) -> Scores:
    """Reads the results of the stage `evaluate`.

    Args:
        folder: `results/<experiment>/evaluate`.
        headline: metrics that come first in every table; those not measured here are passed over.

    Raises:
        BadInputError: a file is missing or lacks a column, or a metric has no facts.
    """
    values = _read_values(folder / METRICS_FILE)
    metrics = _read_metrics(folder / FACTS_FILE, set(values["metric"]), headline)
    return Scores(values, metrics, tuple(order_methods(set(values["method"]))))
