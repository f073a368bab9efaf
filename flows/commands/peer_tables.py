"""Any method by this project's protocol: videos another system made, measured like the rows of an experiment."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from segtalker.clips.store import load_clips, write_table
from segtalker.clips.tables import CLIPS_FILE, write_records
from segtalker.config.params import Params
from segtalker.evaluation.clip import EvaluationRecord
from segtalker.evaluation.peers import NOTE_COLUMNS, Measured
from segtalker.evaluation.protocol import PROTOCOL_FILE, protocol_signature
from segtalker.evaluation.result_files import (
    FACTS_FILE,
    METHOD_FAILURE_COLUMNS,
    METRICS_FILE,
    NOTES_FILE,
    SCORES_FOLDER,
    keep_scores,
)
from segtalker.evaluation.score_table import mean_scores, write_scores
from segtalker.media.video import write_video
from segtalker.reporting.tables.build import FAILURE_TABLE_COLUMNS, make_tables, read_texts
from segtalker.reporting.tables.intervals import Bootstrap
from segtalker.reporting.tables.scores import read_scores
from segtalker.reporting.tables.write import write_tables
from segtalker.tracking.mlflow_runs import start_evaluation
from segtalker.tracking.provenance import git_revision
from segtalker.tracking.run_origin import origin_tags, package_versions, run_owner
from segtalker.utils.atomic import atomic_folder, write_text


def write_measured(measurement: Measured, params: Params, out: Path) -> None:
    """Writes the tables, `notes.csv` and, in `evaluate/`, what they were made of; all or nothing."""
    settings, scores_folder = params.tables, Path(SCORES_FOLDER)
    with atomic_folder(out) as folder:
        (folder / scores_folder).mkdir()
        write_scores(folder / scores_folder / METRICS_FILE, measurement.scores)
        write_text(folder / scores_folder / FACTS_FILE, json.dumps(measurement.facts, indent=1, ensure_ascii=False))
        write_text(folder / scores_folder / PROTOCOL_FILE, json.dumps(measurement.protocol, indent=1))
        write_records(folder / scores_folder / CLIPS_FILE, measurement.records, EvaluationRecord)
        write_table(folder / scores_folder / "failures.csv", measurement.failures, METHOD_FAILURE_COLUMNS)
        write_table(folder / NOTES_FILE, measurement.notes, NOTE_COLUMNS)
        scores = read_scores(folder / scores_folder, settings.headline)
        tables = make_tables(
            scores,
            Bootstrap(settings.bootstrap_draws, settings.confidence),
            clips=read_texts(folder / scores_folder / "clips.csv"),
            failures=_failure_table(measurement.failures),
            splits=pd.DataFrame(),
            training={},
            dataset=measurement.dataset,
            signature=measurement.signature,
        )
        write_tables(tables, scores, folder)


def _failure_table(failures: Sequence[dict]) -> pd.DataFrame:
    rows = [{"stage": "evaluate", "method": "", **row} for row in failures]
    return pd.DataFrame(rows, columns=list(FAILURE_TABLE_COLUMNS))


def log_measured(measurement: Measured, params: Params, out: Path) -> str:
    """Keeps the scores in MLflow as a run of their own, from which `segtalker tables` makes tables again.

    Args:
        measurement: the scores.
        params: by which they were measured.
        out: where `write_measured` wrote them.

    Returns:
        The run's id.
    """
    content = params.model_dump(mode="json")
    root = Path()
    revision, dirty = git_revision(root)
    run = start_evaluation(
        root=root,
        name=measurement.name,
        protocol=protocol_signature(measurement.protocol),
        signature=measurement.signature,
        owner=run_owner(root),
        params={name: content[name] for name in ("base", "evaluate", "tables")},
        tags={
            "segtalker.experiment": params.active.experiment,
            "segtalker.dataset": measurement.dataset,
            "segtalker.git_revision": revision,
            "segtalker.git_dirty": str(dirty).lower(),
        }
        | origin_tags(root, package_versions()),
    )
    keep_scores(run, out / SCORES_FOLDER)
    run.log_artifact(out / NOTES_FILE)
    run.log_metrics(mean_scores(measurement.scores))
    run.finish(succeeded=True)
    return run.run_id


def write_inputs(root: Path, params: Params, folder: Path) -> int:
    """Writes the test clips of an experiment as videos with sound, to be given to another system.

    Returns:
        How many.
    """
    clips = load_clips(root / "data", params.active.dataset, "test")
    for clip in clips:
        path = folder / f"{clip.clip_id}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        base = params.base
        write_video(path, clip.frames, base.fps, clip.audio, base.sample_rate_hz, params.generate.crf)
    return len(clips)
