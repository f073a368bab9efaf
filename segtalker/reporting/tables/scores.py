"""What `evaluate` measured, read back: one value a clip, method and metric, and each metric's protocol."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segtalker.evaluation.result_files import FACTS_FILE, METRICS_FILE, SCORE_COLUMNS
from segtalker.regions import REGIONS
from segtalker.reporting.tables.methods import Method, order_methods
from segtalker.utils.errors import BadInputError

_REGION_PREFIX = "iou_"
WHOLE_FRAME = "frame"
_NO_NUMBERS = {"", "nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


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
        area: what of a picture is measured: `frame` for all of it, a part such as `face`, or a region.
        whole: name of the same metric of the whole frame; its own where it is that.
    """

    name: str
    protocol: str
    unit: str
    higher_is_better: bool | None
    area: str
    whole: str

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
        floors: what the truth itself gets held against itself, by way to do so and by metric of the whole set.
    """

    values: pd.DataFrame
    metrics: tuple[Metric, ...]
    methods: tuple[Method, ...]
    floors: Mapping[Method, Mapping[str, float]] = field(default_factory=dict)

    @property
    def summary_metrics(self) -> tuple[Metric, ...]:
        """Columns of the main table: every metric but those of single regions and of parts of the frame."""
        return tuple(metric for metric in self.metrics if metric.region is None and metric.area == WHOLE_FRAME)

    @property
    def all_areas(self) -> tuple[Metric, ...]:
        """The columns of the main table, each followed by the same of parts of the frame."""
        parts = [metric for metric in self.metrics if metric.region is None]
        wholes = dict.fromkeys(metric.whole for metric in parts)
        return tuple(metric for whole in wholes for metric in parts if metric.whole == whole)

    @property
    def area_metrics(self) -> tuple[Metric, ...]:
        """Of these the metrics of the picture in the whole frame, the face box and the like."""
        parts = [metric for metric in self.all_areas if metric.area not in REGIONS]
        split_metrics = {metric.whole for metric in parts if metric.area != WHOLE_FRAME}
        return tuple(metric for metric in parts if metric.whole in split_metrics)

    @property
    def texture_metrics(self) -> tuple[Metric, ...]:
        """Of these the metrics of the picture in single regions."""
        return tuple(metric for metric in self.all_areas if metric.area in REGIONS)

    @property
    def region_metrics(self) -> tuple[Metric, ...]:
        """IoU of single regions, in region order."""
        metrics_by_region = {metric.region: metric for metric in self.metrics if metric.region}
        return tuple(metrics_by_region[region] for region in REGIONS if region in metrics_by_region)

    @property
    def system(self) -> Method:
        """The method the report is about: the first system, or where only controls ran the last of them."""
        return next((method for method in self.methods if method.role == "system"), self.methods[-1])

    def means(self) -> pd.DataFrame:
        """Mean over the clips that have a value (the value itself for a metric of the whole set).

        Returns:
            Methods x metrics, NaN where none; `intervals` says on how many clips each stands.
        """
        return self._means.copy()

    @cached_property
    def _means(self) -> pd.DataFrame:
        means = self.values.groupby(["method", "metric"], sort=True)["value"].mean().unstack("metric")
        return means.reindex(
            index=[method.name for method in self.methods], columns=[metric.name for metric in self.metrics]
        )

    @property
    def most_clips(self) -> int:
        """On how many clips the tables stand: those of the method with most of them."""
        return max((self.clips(method.name) for method in self.methods), default=0)

    @property
    def most_subjects(self) -> int:
        """Likewise people."""
        return max((self.subjects(method.name) for method in self.methods), default=0)

    def clips(self, method: str) -> int:
        """On how many clips the method's row stands."""
        return self._distinct["clip_id"].get(method, 0)

    def subjects(self, method: str) -> int:
        """On how many people the method's row stands."""
        return self._distinct["subject"].get(method, 0)

    @cached_property
    def _distinct(self) -> dict[str, dict[str, int]]:
        """Numbers of clips and of people with a value, by method; asked for at every cell of the tables."""
        measured_rows = self.values[self.values["value"].notna() & (self.values["clip_id"] != "")]
        counts = measured_rows.groupby("method")[["clip_id", "subject"]].nunique()
        return {str(column): {str(name): int(count) for name, count in counts[column].items()} for column in counts}


def _read_values(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise BadInputError(f"{path}: no such file; run the stage evaluate (segtalker reproduce)")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [name for name in SCORE_COLUMNS if name not in table.columns]
    if missing:
        raise BadInputError(f"{path}: column {missing[0]!r} is missing; run the stage evaluate again")
    _check_rows(table, path)
    table = _with_numbers(table, path)
    return table.sort_values(["method", "metric", "clip_id"], kind="stable", ignore_index=True)


def _check_rows(table: pd.DataFrame, path: Path) -> None:
    """Sees to it that no value counts twice and every clip is one person's."""
    twice = table[table.duplicated(["clip_id", "method", "metric"])]
    if len(twice):
        raise BadInputError(f"{path}: {_place(twice.iloc[0])} stands there twice; run the stage evaluate again")
    people = table.groupby("clip_id")["subject"].nunique()
    if len(people) and people.max() > 1:
        raise BadInputError(f"{path}: clip {people.idxmax()} has two subjects; run the stage evaluate again")


def _with_numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Values as numbers; one that is not finite is missing, and says so as its reason."""
    numbers = pd.to_numeric(table["value"].replace("", "nan"), errors="coerce").astype(float)
    is_no_number = table["value"].str.strip().str.lower().isin(_NO_NUMBERS)
    wrong = table[numbers.isna() & ~is_no_number]
    if len(wrong):
        text = wrong.iloc[0]["value"]
        raise BadInputError(f"{path}: {text!r}, of {_place(wrong.iloc[0])}, is no number; run the stage evaluate again")
    no_number = ~np.isfinite(numbers)
    missing_reason = np.where(
        table["value"] == "", "no value and no reason were written", "the value is " + table["value"]
    )
    reasons = table["reason"].where(~no_number | (table["reason"] != ""), missing_reason)
    return table.assign(value=numbers.where(~no_number), reason=reasons)


def _place(row: pd.Series) -> str:
    return f"{row['metric']} of {row['method']} on {row['clip_id'] or 'the whole set'}"


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
    # scores of an earlier version say nothing of areas: all are of the whole frame
    area, whole = facts.get("area", WHOLE_FRAME), facts.get("whole", name)
    return Metric(name, protocol, facts["unit"], facts["higher_is_better"], area, whole)


def read_scores(folder: Path, headline: Sequence[str]) -> Scores:
    """Reads the results of the stage `evaluate`.

    Args:
        folder: `results/<experiment>/evaluate`.
        headline: metrics that come first in every table; those not measured here are passed over.

    Raises:
        BadInputError: a file is missing or lacks a column, a value is no number or stands there twice, or a metric
            has no facts.
    """
    values = _read_values(folder / METRICS_FILE)
    metrics = _read_metrics(folder / FACTS_FILE, set(values["metric"]), headline)
    methods = order_methods(set(values["method"]))
    floors = [method for method in methods if method.role == "floor"]
    is_floor = values["method"].isin([floor.name for floor in floors])
    known_floors = values[is_floor & values["value"].notna()]
    return Scores(
        values[~is_floor].reset_index(drop=True),
        metrics,
        tuple(method for method in methods if method not in floors),
        {
            floor: dict(zip(rows["metric"], rows["value"], strict=True))
            for floor in floors
            if len(rows := known_floors[known_floors["method"] == floor.name])
        },
    )
