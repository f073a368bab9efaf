"""Gets the recordings: renders the embedded dataset, lists the user's own videos, fetches HDTF, unpacks MEAD."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from flows.stages.common import StageRun
from segtalker.clips.record import ClipFailure, ClipRecord
from segtalker.clips.runner import run_clips
from segtalker.clips.tables import CLIPS_FILE, FAILURES_FILE, read_records, write_records
from segtalker.clips.worker_pools import Pool
from segtalker.config.data import Download
from segtalker.datasets.file_walk import source_report
from segtalker.datasets.folder import folder_clips
from segtalker.datasets.hdtf import hdtf_recordings
from segtalker.datasets.hdtf_report import hdtf_report
from segtalker.datasets.mead import mead_recordings
from segtalker.datasets.mead_report import mead_report
from segtalker.datasets.synthetic import Recording, render_recording, synthetic_tasks
from segtalker.utils.atomic import write_text
from segtalker.utils.errors import BadInputError

# the clips, what cannot be used, and a page in Markdown
Listing = tuple[list[ClipRecord], list[ClipFailure], str]


def _synthetic(run: StageRun, folder: Path) -> Listing:
    base, settings = run.params.base, run.params.download.synthetic
    recording = Recording(base.seed, settings.height, settings.width, base.fps, base.sample_rate_hz)
    tasks = synthetic_tasks(settings, recording, folder)
    work = partial(render_recording, recording=recording)
    pool, max_failed = Pool.of(run.params.machine), base.max_failed_fraction
    records = run_clips(tasks, work, folder, pool, max_failed, "download")
    failures = read_records(folder / FAILURES_FILE, ClipFailure)
    return records, failures, source_report(run.workspace.dataset, records, failures)


def _folder(settings: Download, project: Path, dataset: str) -> Listing:
    records, failures = folder_clips(settings.folder, project)
    return records, failures, source_report(dataset, records, failures)


def _hdtf(settings: Download, project: Path, dataset: str) -> Listing:
    listing = hdtf_recordings(settings.hdtf, project)
    return listing.records, listing.failures, hdtf_report(listing, settings.hdtf.split)


def _mead(settings: Download, project: Path, dataset: str) -> Listing:
    records, failures = mead_recordings(settings.mead, project)
    return records, failures, mead_report(records, failures, settings.mead)


SOURCES: dict[str, Callable[[Download, Path, str], Listing]] = {"folder": _folder, "hdtf": _hdtf, "mead": _mead}


def download(run: StageRun) -> None:
    """Writes `clips.csv`, the page of the source and, for the embedded dataset, the recordings themselves."""
    folder, settings = run.workspace.data("download"), run.params.download
    if settings.source == "synthetic":
        records, failures, page = _synthetic(run, folder)
    else:
        records, failures, page = SOURCES[settings.source](settings, run.workspace.root, run.workspace.dataset)
    write_text(run.workspace.reports / "datasets" / f"{run.workspace.dataset}.md", page)
    write_records(folder / FAILURES_FILE, failures, ClipFailure)
    if not records:
        reason = f"; the first: {failures[0].reason}" if failures else ""
        raise BadInputError(f"{folder / FAILURES_FILE}: none of {len(failures)} recordings can be used{reason}")
    write_records(folder / CLIPS_FILE, records, ClipRecord)
    run.log_metrics({"clips": len(records), "minutes": sum(record.seconds for record in records) / 60})
    run.log_artifact(folder / CLIPS_FILE)
