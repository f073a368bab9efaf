"""A run's scores, tables, curves and protocol, read back from the files that are kept with it."""

import ast
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from segtalker.config.evaluation import Tables as TableParams
from segtalker.config.stages import STAGES
from segtalker.evaluation.protocol import PROTOCOL_FILE, protocol_signature, read_protocol
from segtalker.evaluation.result_files import (
    FACTS_FILE,
    FIGURES_FOLDER,
    HISTORY_FILE,
    HISTORY_FOLDER,
    METRICS_FILE,
    SCORE_FILES,
    SCORES_FOLDER,
    TABLES_FOLDER,
)
from segtalker.reporting.comparison.find_run import describe_run, scored_part
from segtalker.reporting.tables.build import FAILURE_TABLE_COLUMNS, Tables, make_tables, read_texts
from segtalker.reporting.tables.intervals import Bootstrap
from segtalker.reporting.tables.scores import Scores, read_scores
from segtalker.tracking.run_store import RunStore, StoredRun
from segtalker.utils.errors import BadInputError

_NEEDED = (METRICS_FILE, FACTS_FILE, PROTOCOL_FILE)
_HISTORY_COLUMNS = ["step", "name", "value"]
_SPLIT_COLUMNS = {"split": str, "subjects": int, "clips": int, "minutes": float}
# they say where and how fast, never what came out
_WITHOUT_EFFECT = ("machine.", "active.", "tables.")
_T = TypeVar("_T")


@dataclass(frozen=True)
class TableSettings:
    """How tables are made, as the run's own params say.

    Args:
        headline: metrics that come first.
        key_metrics: of them, those that count most.
        bootstrap: how intervals are found.
    """

    headline: tuple[str, ...]
    key_metrics: tuple[str, ...]
    bootstrap: Bootstrap


def read_table_settings(params: Mapping[str, str], fallback: TableParams) -> TableSettings:
    """How a run's tables are made.

    Args:
        params: of the run, as text.
        fallback: used for what a run did not log.
    """

    def value(name: str, kind: Callable[[Any], _T]) -> _T:
        try:
            return kind(ast.literal_eval(params[f"tables.{name}"]))
        except (KeyError, ValueError, SyntaxError, TypeError):
            return kind(getattr(fallback, name))

    bootstrap = Bootstrap(value("bootstrap_draws", int), value("confidence", float))
    return TableSettings(value("headline", tuple), value("key_metrics", tuple), bootstrap)


@dataclass(frozen=True)
class LoadedRun:
    """A run and what is kept with it.

    Args:
        store: it is in.
        run: the experiment or the evaluation.
        part: the run that holds its scores.
        table_settings: how its tables are made.
        scores: all of them.
        protocol: what they can be compared by.
        tables: made from them.
    """

    store: RunStore
    run: StoredRun
    part: StoredRun
    table_settings: TableSettings
    scores: Scores
    protocol: dict[str, dict[str, str]]
    tables: Tables

    @cached_property
    def protocol_signature(self) -> str:
        """Names the protocol, 64 hex digits."""
        return protocol_signature(self.protocol)

    @property
    def settings(self) -> dict[str, str]:
        """Params that can change what comes out; none of an evaluation, whose videos were made elsewhere."""
        if self.run.kind == "evaluation":
            return {}
        return {name: value for name, value in self.run.params.items() if not name.startswith(_WITHOUT_EFFECT)}

    def histories(self) -> dict[str, pd.DataFrame]:
        """What each training stage logged, by stage: `step,name,value`; without files that hold something else."""
        stage_curves = {}
        for stage in STAGES:
            path = f"{HISTORY_FOLDER}/{stage}/{HISTORY_FILE}"
            if path in self.store.files(self.part.run_id, f"{HISTORY_FOLDER}/{stage}"):
                stage_curves[stage] = _history(self.store.fetch(self.part.run_id, path))
        return {stage: history for stage, history in stage_curves.items() if len(history)}

    def strips(self) -> dict[str, bytes]:
        """Frame strips as PNG, by clip."""
        return self._kept_figures("strip_", ".png")

    def videos(self) -> dict[str, bytes]:
        """The system's video of each clip its report shows, as MP4; none of runs of before they were kept."""
        return self._kept_figures("video_", ".mp4")

    def true_videos(self) -> dict[str, bytes]:
        """The recordings of the same clips, as MP4."""
        return self._kept_figures("truth_", ".mp4")

    def _kept_figures(self, prefix: str, suffix: str) -> dict[str, bytes]:
        paths = [Path(path) for path in self.store.files(self.part.run_id, FIGURES_FOLDER)]
        names = {path.stem.removeprefix(prefix): path for path in paths if path.name.startswith(prefix)}
        return {
            clip: self.store.fetch(self.part.run_id, path.as_posix())
            for clip, path in sorted(names.items())
            if path.suffix == suffix
        }


def _history(content: bytes) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.BytesIO(content))[_HISTORY_COLUMNS]
        numbers = table.assign(step=pd.to_numeric(table["step"]), value=pd.to_numeric(table["value"]))
    except (ValueError, KeyError):
        return pd.DataFrame(columns=_HISTORY_COLUMNS)
    return numbers.assign(name=numbers["name"].astype(str)).dropna()


def load_run(store: RunStore, run: StoredRun, fallback: TableParams) -> LoadedRun:
    """Reads a run's scores and makes its tables.

    Args:
        store: it is in.
        run: the experiment or the evaluation.
        fallback: how tables are made where the run did not log it.

    Raises:
        BadInputError: it has no scores, or what is kept of them cannot be used.
    """
    part = scored_part(run, store.runs)
    if part is None:
        raise BadInputError(_unfinished(run, store.runs))
    score_files = set(store.files(part.run_id, SCORES_FOLDER))
    if missing := [name for name in _NEEDED if f"{SCORES_FOLDER}/{name}" not in score_files]:
        raise BadInputError(
            f"run {describe_run(run)}: {SCORES_FOLDER}/{missing[0]} is not kept with it in MLflow; where its results "
            "are, segtalker report keeps them"
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in SCORE_FILES:
            if f"{SCORES_FOLDER}/{name}" in score_files:
                (folder / name).write_bytes(store.fetch(part.run_id, f"{SCORES_FOLDER}/{name}"))
        try:
            return _load(store, run, part, folder, read_table_settings(run.params, fallback))
        except (BadInputError, ValueError, KeyError) as error:
            reason = " ".join(str(error).replace(str(folder), SCORES_FOLDER).split())
            raise BadInputError(f"run {describe_run(run)}: {reason}") from error


def _unfinished(run: StoredRun, runs: Sequence[StoredRun]) -> str:
    stages = [part.stage for part in reversed(runs) if part.parent_id == run.run_id and part.status == "FINISHED"]
    so_far = f"it came as far as {stages[-1]}" if stages else "no stage of it has finished"
    again = f"; segtalker reproduce --experiment {run.experiment} goes on" if run.kind == "experiment" else ""
    return f"run {describe_run(run)}: has no scores, {so_far} ({run.status.lower()}){again}"


def _load(store: RunStore, run: StoredRun, part: StoredRun, folder: Path, settings: TableSettings) -> LoadedRun:
    scores = read_scores(folder, settings.headline)
    tables = make_tables(
        scores,
        settings.bootstrap,
        clips=read_texts(folder / "clips.csv"),
        failures=_failures(store, part, folder),
        splits=_splits(store, part),
        training={},
        dataset=run.dataset,
        signature=part.signature,
    )
    return LoadedRun(store, run, part, settings, scores, read_protocol(folder / PROTOCOL_FILE), tables)


def _kept_table(store: RunStore, part: StoredRun, name: str) -> bytes | None:
    path = f"{TABLES_FOLDER}/{name}"
    return store.fetch(part.run_id, path) if path in store.files(part.run_id, TABLES_FOLDER) else None


def _failures(store: RunStore, part: StoredRun, folder: Path) -> pd.DataFrame:
    """Clips given up on: by every stage where the stage `tables` kept that, else by `evaluate` alone."""
    content = _kept_table(store, part, "failures.csv")
    if content is None:
        own = read_texts(folder / "failures.csv").assign(stage="evaluate")
        return own.reindex(columns=list(FAILURE_TABLE_COLUMNS)).fillna("")
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)[list(FAILURE_TABLE_COLUMNS)]


def _splits(store: RunStore, part: StoredRun) -> pd.DataFrame:
    content = _kept_table(store, part, "splits.csv")
    return pd.DataFrame() if content is None else pd.read_csv(io.BytesIO(content), dtype=_SPLIT_COLUMNS)


def label_runs(runs: Sequence[StoredRun]) -> list[str]:
    """A name for each run, no two alike: its own, with the beginning of its id where that is not enough."""
    names = [" ".join(run.name.split()) or run.run_id for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} {run.run_id[:8]}" for name, run in zip(names, runs, strict=True)
    ]
