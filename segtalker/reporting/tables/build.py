"""The tables of an experiment as data frames; `formats` writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from segtalker.clips.record import SPLITS
from segtalker.clips.store import read_table
from segtalker.config.workspace import Workspace
from segtalker.evaluation.result_files import GROUPS
from segtalker.reporting.tables.intervals import (
    INTERVAL_COLUMNS,
    Bootstrap,
    Uncertainty,
    find_uncertainty,
    group_table,
)
from segtalker.reporting.tables.scores import Metric, Scores
from segtalker.reporting.tables.verdicts import verdict_table

_DATA_STAGES = ("download", "cut", "crop", "gate", "parse", "split")
_RESULT_STAGES = ("generate", "evaluate")
_HISTORY = "history.csv"
FAILURE_TABLE_COLUMNS = ("stage", "method", "clip_id", "reason")


@dataclass(frozen=True)
class Tables:
    """Every table of one experiment; the functions below say what is in each.

    Args:
        areas: the metrics of the picture by area, see `area_table`.
        textures: likewise by region.
        verdicts: systems against the baseline, see `segtalker.reporting.tables.verdicts`.
        groups: scores by emotion and the like, where the dataset says of its clips which they show.
        training: what training stages left besides their history, by `stage: name`.
    """

    results: pd.DataFrame
    uncertainty: Uncertainty
    areas: pd.DataFrame
    textures: pd.DataFrame
    verdicts: pd.DataFrame
    groups: pd.DataFrame
    regions: pd.DataFrame
    splits: pd.DataFrame
    failures: pd.DataFrame
    unavailable: pd.DataFrame
    glossary: pd.DataFrame
    training: dict[str, pd.DataFrame]


def build_tables(workspace: Workspace, scores: Scores, signature: str, how: Bootstrap) -> Tables:
    """All tables of the experiment whose scores these are; `how` intervals are found."""
    return make_tables(
        scores,
        how,
        clips=read_texts(workspace.results("evaluate") / "clips.csv"),
        failures=failures_table(workspace),
        splits=split_table(workspace),
        training=training_tables(workspace),
        dataset=workspace.dataset,
        signature=signature,
    )


def make_tables(
    scores: Scores,
    how: Bootstrap,
    *,
    clips: pd.DataFrame,
    failures: pd.DataFrame,
    splits: pd.DataFrame,
    training: dict[str, pd.DataFrame],
    dataset: str,
    signature: str,
) -> Tables:
    """All tables, from what does not depend on where it is kept.

    Args:
        scores: of the experiment.
        how: intervals are found.
        clips: that were measured, text; may be empty.
        failures: see `failures_table`.
        splits: see `split_table`; may be empty.
        training: what training stages left besides their history.
        dataset: its name.
        signature: of the experiment.
    """
    uncertainty = find_uncertainty(scores, how)
    return Tables(
        results=results_table(scores, failures, dataset, signature),
        uncertainty=uncertainty,
        areas=area_table(uncertainty, scores.area_metrics, "area"),
        textures=area_table(uncertainty, scores.texture_metrics, "region"),
        verdicts=verdict_table(scores, how),
        groups=group_table(scores, clips, GROUPS, how),
        regions=region_table(scores),
        splits=splits,
        failures=failures,
        unavailable=unavailable_table(scores),
        glossary=glossary_table(scores),
        training=training,
    )


def read_texts(path: Path) -> pd.DataFrame:
    """A table as text, cell by cell; empty where there is no such file."""
    return pd.read_csv(path, dtype=str, keep_default_na=False) if path.is_file() else pd.DataFrame()


def failures_table(workspace: Workspace) -> pd.DataFrame:
    """Every clip a stage gave up on: `FAILURE_TABLE_COLUMNS`; `method` is empty where all methods lost it."""
    folders = {stage: workspace.data(stage) for stage in _DATA_STAGES}
    folders |= {stage: workspace.results(stage) for stage in _RESULT_STAGES}
    tables = [_failures(stage, folder / "failures.csv") for stage, folder in folders.items()]
    return pd.concat(tables, ignore_index=True)


def _failures(stage: str, path: Path) -> pd.DataFrame:
    rows = read_table(path).to_dict("records") if path.is_file() else []
    failure_rows = [{"stage": stage, "method": "", **row} for row in rows]
    return pd.DataFrame(failure_rows, columns=list(FAILURE_TABLE_COLUMNS)).sort_values(
        ["clip_id", "method"], kind="stable"
    )


def _failed_clips(failures: pd.DataFrame, method: str) -> int:
    """Test clips a method lost: its own and those that all methods lost."""
    late = failures[failures["stage"].isin(_RESULT_STAGES) & failures["method"].isin(["", method])]
    return int(late["clip_id"].nunique())


def results_table(scores: Scores, failures: pd.DataFrame, dataset: str, signature: str) -> pd.DataFrame:
    """The main table: one row a method, columns `dataset,method,<metrics>,clips,failed,signature`.

    The last rows are the floors of the metrics of the whole set, where they are known.
    """
    names = [metric.name for metric in scores.summary_metrics]
    table = scores.means()[names].rename_axis("method").rename_axis(None, axis=1).reset_index()
    table["clips"] = [scores.clips(method.name) for method in scores.methods]
    table["failed"] = [_failed_clips(failures, method.name) for method in scores.methods]
    for floor, values in scores.floors.items():
        row = {"method": floor.name, "clips": scores.most_clips, "failed": 0, **values}
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
    table.insert(0, "dataset", dataset)
    table["signature"] = signature
    return table


def area_table(uncertainty: Uncertainty, metrics: Sequence[Metric], part: str) -> pd.DataFrame:
    """Means of the picture by area or region: `metric,<part>,method,mean,low,high,clips,subjects`.

    Args:
        uncertainty: of the scores.
        metrics: those shown, in order.
        part: what the column is called that says where.
    """
    places = pd.DataFrame(
        [(metric.name, metric.whole, metric.area) for metric in metrics], columns=["metric", "whole", part]
    )
    table = places.merge(uncertainty.intervals, on="metric")
    return table.assign(metric=table.pop("whole"))[["metric", part, *INTERVAL_COLUMNS[:1], *INTERVAL_COLUMNS[2:]]]


def region_table(scores: Scores) -> pd.DataFrame:
    """IoU of each region: one row a method, one column a region; no columns where none was measured."""
    names = {metric.name: metric.region for metric in scores.region_metrics}
    table = scores.means()[list(names)].dropna(how="all").rename(columns=names)
    return table.rename_axis("method").rename_axis(None, axis=1).reset_index()


def split_table(workspace: Workspace) -> pd.DataFrame:
    """Subjects, clips and minutes of each split: `split,subjects,clips,minutes`."""
    clips = read_table(workspace.data("split") / "clips.csv")
    groups = clips.groupby("split")
    table = pd.DataFrame(
        {
            "subjects": groups["subject"].nunique(),
            "clips": groups["clip_id"].nunique(),
            "minutes": groups["seconds"].sum() / 60.0,
        }
    )
    table = table.reindex(list(SPLITS)).fillna(0).astype({"subjects": int, "clips": int}).reset_index()
    # as written, so that what is read back from the file is shown alike
    return table.assign(minutes=table["minutes"].round(6))


def unavailable_table(scores: Scores) -> pd.DataFrame:
    """What could not be measured and why: `metric,method,clips,reason`.

    `method` is `all` where the reason holds for every method alike; `clips` is `set` where the metric is of the whole
    set, else on how many clips.
    """
    everyone, rows = len(scores.methods), list[tuple[str, str, str, str]]()
    empty = scores.values[scores.values["value"].isna()]
    for (metric, reason), group in empty.groupby(["metric", "reason"], sort=True):
        clips = {
            str(method): tuple(sorted(missing_clips["clip_id"])) for method, missing_clips in group.groupby("method")
        }
        alike = len(clips) == everyone and len(set(clips.values())) == 1
        entries = {"all": next(iter(clips.values()))} if alike else clips
        rows += [
            (str(metric), method, _count_clips(missing_clips), str(reason)) for method, missing_clips in entries.items()
        ]
    order = {metric.name: index for index, metric in enumerate(scores.metrics)}
    rows.sort(key=lambda row: order[row[0]])
    return pd.DataFrame(rows, columns=["metric", "method", "clips", "reason"])


def _count_clips(clip_ids: tuple[str, ...]) -> str:
    return "set" if clip_ids == ("",) else str(len(clip_ids))


def glossary_table(scores: Scores) -> pd.DataFrame:
    """What each metric means: `metric,direction,unit,protocol`."""
    rows = [(metric.name, metric.arrow, metric.unit, metric.protocol) for metric in scores.metrics]
    return pd.DataFrame(rows, columns=["metric", "direction", "unit", "protocol"])


def training_tables(workspace: Workspace) -> dict[str, pd.DataFrame]:
    """Tables a training stage wrote beside its networks, such as the accuracy of the sync experts."""
    paths = [path for path in sorted(workspace.models.glob("*/*.csv")) if path.name != _HISTORY]
    return {f"{path.parent.name}: {path.stem.replace('_', ' ')}": pd.read_csv(path) for path in paths}


def people_apart(workspace: Workspace) -> bool:
    """Whether nobody is in two splits."""
    clips = read_table(workspace.data("split") / "clips.csv")
    return bool((clips.groupby("subject")["split"].nunique() <= 1).all())
