"""Gets the recordings: renders the embedded dataset, lists the user's own videos, fetches HDTF, unpacks MEAD."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from flows.stages.common import StageRun
from segtalker.clips.runner import Row, run_clips, table_rows
from segtalker.clips.store import CLIP_COLUMNS, FAILURE_COLUMNS, write_table
from segtalker.clips.worker_pools import Pool
from segtalker.config.data import Download
from segtalker.datasets.file_walk import source_report
from segtalker.datasets.folder import folder_clips
from segtalker.datasets.hdtf import hdtf_recordings
from segtalker.datasets.hdtf_report import hdtf_report
from segtalker.datasets.mead import mead_recordings
from segtalker.datasets.mead_report import mead_report
from segtalker.datasets.synthetic import Recording, record, synthetic_tasks
from segtalker.utils.atomic import write_text
from segtalker.utils.errors import BadInputError

COLUMNS = (*CLIP_COLUMNS, "fps", "audio", "annotations", "start_s", "end_s")
# rows of clips.csv and of failures.csv, and a page in Markdown
Found = tuple[list[Row], list[Row], str]


def _synthetic(run: StageRun, folder: Path) -> Found:
    base, settings = run.params.base, run.params.download.synthetic
    recording = Recording(base.seed, settings.seconds, settings.height, settings.width, base.fps, base.sample_rate_hz)
    tasks = synthetic_tasks(settings, recording, folder)
    work = partial(record, recording=recording)
    pool, allowed = Pool.of(run.params.machine), base.max_failed_fraction
    rows = run_clips(tasks, work, folder, COLUMNS, pool, allowed, "download")
    failures = table_rows(folder / "failures.csv")
    return rows, failures, source_report(run.workspace.dataset, rows, failures)


def _folder(settings: Download, project: Path, dataset: str) -> Found:
    rows, failures = folder_clips(settings.folder, project)
    return rows, failures, source_report(dataset, rows, failures)


def _hdtf(settings: Download, project: Path, dataset: str) -> Found:
    found = hdtf_recordings(settings.hdtf, project)
    return found.rows, found.failures, hdtf_report(found, settings.hdtf.split)


def _mead(settings: Download, project: Path, dataset: str) -> Found:
    rows, failures = mead_recordings(settings.mead, project)
    return rows, failures, mead_report(rows, failures, settings.mead)


SOURCES: dict[str, Callable[[Download, Path, str], Found]] = {"folder": _folder, "hdtf": _hdtf, "mead": _mead}


def download(run: StageRun) -> None:
    """Writes `clips.csv`, the page of the source and, for the embedded dataset, the recordings themselves."""
    folder, settings = run.workspace.data("download"), run.params.download
    if settings.source == "synthetic":
        rows, failures, page = _synthetic(run, folder)
    else:
        rows, failures, page = SOURCES[settings.source](settings, run.workspace.root, run.workspace.dataset)
    write_text(run.workspace.reports / "datasets" / f"{run.workspace.dataset}.md", page)
    write_table(folder / "failures.csv", failures, FAILURE_COLUMNS)
    if not rows:
        reason = f"; the first: {failures[0]['reason']}" if failures else ""
        raise BadInputError(f"{folder / 'failures.csv'}: none of {len(failures)} recordings can be used{reason}")
    write_table(folder / "clips.csv", rows, COLUMNS)
    run.log_metrics({"clips": len(rows), "minutes": sum(float(row["seconds"]) for row in rows) / 60})
    run.log_artifact(folder / "clips.csv")
