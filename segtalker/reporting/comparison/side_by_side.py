"""Several runs beside each other: what differs, one row a run, seeds; never runs of two protocols in one table."""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean

import pandas as pd

from segtalker.evaluation.protocol import PROTOCOL_DIGITS, SEEDED, differing_parts, say_differences
from segtalker.reporting.comparison.loaded_run import LoadedRun
from segtalker.reporting.tables.intervals import Uncertainty, find_uncertainty
from segtalker.reporting.tables.methods import Method
from segtalker.reporting.tables.scores import Scores
from segtalker.utils.errors import BadInputError

Runs = Mapping[str, LoadedRun]
SEED = "base.seed"
SEED_COLUMNS = ("experiment", "method", "metric", "mean", "lowest", "highest", "n")
_COLOURS = ("#e0526c", "#3f8fd6", "#d99a1c", "#2fa38b", "#9b6fd3", "#6d8f2a", "#c0632b", "#4d78a8")


def differing_settings(runs: Runs) -> pd.DataFrame:
    """Params that are not the same in all runs: `param` and a column a run, text; empty where a run has none such."""
    run_settings = [run.settings for run in runs.values() if run.settings]
    names = sorted({name for settings in run_settings for name in settings})
    differing = [name for name in names if len({settings.get(name, "") for settings in run_settings}) > 1]
    rows = [[name, *(run.settings.get(name, "") for run in runs.values())] for name in differing]
    return pd.DataFrame(rows, columns=["param", *runs], dtype=str)


def changed(run: LoadedRun, first: LoadedRun) -> str:
    """Params by which a run differs from the first, `key=value`, on one line; empty where one of them has none."""
    ours, theirs = run.settings, first.settings
    names = sorted(ours | theirs) if ours and theirs else []
    return " ".join(f"{name}={ours.get(name, '')}" for name in names if ours.get(name) != theirs.get(name))


def system_scores(runs: Runs) -> Scores:
    """The system of each run as a method of its own, named after the run.

    Clips and people are named after the protocol too, so that none of another protocol is taken for the same.
    """
    methods = tuple(
        Method(label, label, "system", changed(run, first(runs)), "", _COLOURS[index % len(_COLOURS)])
        for index, (label, run) in enumerate(runs.items())
    )
    values = pd.concat([_system_values(label, run) for label, run in runs.items()], ignore_index=True)
    metrics = {metric.name: metric for run in runs.values() for metric in run.scores.metrics}
    values = values.sort_values(["method", "metric", "clip_id"], kind="stable", ignore_index=True)
    return Scores(values, tuple(metrics.values()), methods)


def _system_values(label: str, run: LoadedRun) -> pd.DataFrame:
    rows = run.scores.values[run.scores.values["method"] == run.scores.system.name]
    of_clip = rows["clip_id"] != ""
    names = {
        name: rows[name].where(~of_clip, f"{run.protocol_signature}/" + rows[name]) for name in ("clip_id", "subject")
    }
    return rows.assign(method=label, **names)


def first(runs: Runs) -> LoadedRun:
    """The run the others are held against."""
    return next(iter(runs.values()))


def compare_systems(runs: Runs) -> tuple[Scores, Uncertainty]:
    """The systems of runs, with paired differences between those of one protocol."""
    scores = system_scores(runs)
    return scores, find_uncertainty(scores, first(runs).table_settings.bootstrap)


def ablation_table(runs: Runs, scores: Scores, uncertainty: Uncertainty) -> pd.DataFrame:
    """One row a run: the system's mean of each metric and its paired difference to the first run's, with intervals.

    Columns `run,experiment,changed`, then of each metric `<metric>`, `_low`, `_high`, `_difference`,
    `_difference_low` and `_difference_high`, then `clips,signature`.
    """
    rows, means, (base, *_) = [], scores.means(), runs
    metric_names = [metric.name for metric in scores.summary_metrics if means[metric.name].notna().any()]
    for label, run in runs.items():
        row: dict = {"run": label, "experiment": run.run.experiment, "changed": changed(run, first(runs))}
        for name in metric_names:
            own, gap = uncertainty.interval(label, name), uncertainty.difference(label, base, name)
            row[name] = means.at[label, name]
            row |= {f"{name}_low": own.low, f"{name}_high": own.high} if own else {}
            row |= {f"{name}_difference": gap.mean} if gap else {}
            row |= {f"{name}_difference_low": gap.low, f"{name}_difference_high": gap.high} if gap else {}
        rows.append(row | {"clips": scores.clips(label), "signature": run.part.signature})
    endings = ("", "_low", "_high", "_difference", "_difference_low", "_difference_high")
    columns = [f"{name}{ending}" for name in metric_names for ending in endings]
    table = pd.DataFrame(rows, columns=["run", "experiment", "changed", *columns, "clips", "signature"])
    return table.dropna(axis=1, how="all")


def seed_groups(runs: Runs) -> list[dict[str, LoadedRun]]:
    """Runs that differ in their seed only, two or more of them with a seed each."""

    def rest(item: tuple[str, LoadedRun]) -> str:
        settings = {name: value for name, value in item[1].settings.items() if name != SEED}
        return json.dumps([item[1].run.dataset, settings], sort_keys=True)

    seed_runs = [dict(members) for _, members in groupby(sorted(runs.items(), key=rest), key=rest)]
    groups = [{label: run for label, run in runs.items() if label in members} for members in seed_runs]
    return [members for members in groups if len(members) > 1 and len(_seeds(members)) == len(members)]


def _seeds(runs: Runs) -> set[str]:
    return {run.settings[SEED] for run in runs.values() if SEED in run.settings}


def seed_table(runs: Runs) -> pd.DataFrame:
    """Mean, lowest and highest of the seeds' own means: `SEED_COLUMNS`; empty where no runs differ in seed only."""
    rows = []
    for members in seed_groups(runs):
        means = [run.scores.means().to_dict("index") for run in members.values()]
        about = first(members)
        for method in about.scores.methods:
            for metric in about.scores.metrics:
                name, column = method.name, metric.name
                seed_values = [table.get(name, {}).get(column, math.nan) for table in means]
                if values := [value for value in seed_values if math.isfinite(value)]:
                    row = (about.run.experiment, name, column, fmean(values), min(values), max(values), len(values))
                    rows.append(row)
    return pd.DataFrame(rows, columns=list(SEED_COLUMNS))


def protocol_groups(runs: Runs) -> dict[str, dict[str, LoadedRun]]:
    """Runs that may stand in one table, by their protocol, in order."""
    groups: dict[str, dict[str, LoadedRun]] = {}
    for label, run in runs.items():
        groups.setdefault(run.protocol_signature[:PROTOCOL_DIGITS], {})[label] = run
    return groups


def check_protocols(runs: Runs) -> None:
    """Sees to it that runs are comparable, or differ in their seed only and so in people, parser and expert.

    Raises:
        BadInputError: they are not; it says what differs.
    """
    (base, reference), *others = runs.items()
    alike = [set(members) for members in seed_groups(runs)]
    for label, run in others:
        parts = differing_parts(reference.protocol, run.protocol)
        is_seed = any({base, label} <= members for members in alike) and set(parts) <= set(SEEDED)
        if parts and not is_seed:
            raise BadInputError(
                f"run {label}: measured by another protocol than {base}, so its numbers cannot stand in one table; "
                f"different are {say_differences(parts)}; --separate makes tables of each"
            )


def with_run(tables: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """The same table of several runs as one, with a column `run` before the others."""
    parts = [table.assign(run=label) for label, table in tables]
    all_runs = pd.concat(parts, ignore_index=True)
    return all_runs[["run", *(name for name in all_runs.columns if name != "run")]]
