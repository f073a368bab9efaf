"""Gets the recordings: renders the embedded dataset, lists the user's own videos, fetches HDTF, unpacks MEAD."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from flows.stages.common import StageRun
from segtalker.clips.record import ClipFailure, ClipRecord
from segtalker.clips.runner import run_clips
from segtalker.clips.tables import CLIPS_FILE, FAILURES_FILE, read_records, write_records
from segtalker.clips.worker_pools import Pool
from segtalker.config.data import SYNTHETIC, Download, Source
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


def _synthetic(run: StageRun, title: str) -> Listing:
    folder = run.workspace.data("download")
    base, settings = run.params.base, run.params.download.synthetic
    recording = Recording(base.seed, settings.height, settings.width, base.fps, base.sample_rate_hz)
    tasks = synthetic_tasks(settings, recording, folder)
    work = partial(render_recording, recording=recording)
    pool, max_failed = Pool.of(run.params.machine), base.max_failed_fraction
    records = run_clips(tasks, work, folder, pool, max_failed, "download")
    failures = read_records(folder / FAILURES_FILE, ClipFailure)
    return records, failures, source_report(title, records, failures)


def _folder(settings: Download, project: Path, title: str) -> Listing:
    records, failures = folder_clips(settings.folder, project)
    return records, failures, source_report(title, records, failures)


def _hdtf(settings: Download, project: Path, title: str) -> Listing:
    listing = hdtf_recordings(settings.hdtf, project)
    return listing.records, listing.failures, hdtf_report(listing, settings.hdtf.split)


def _mead(settings: Download, project: Path, title: str) -> Listing:
    records, failures = mead_recordings(settings.mead, project)
    return records, failures, mead_report(records, failures, settings.mead)


SOURCES: dict[Source, Callable[[Download, Path, str], Listing]] = {"folder": _folder, "hdtf": _hdtf, "mead": _mead}


def _listing(run: StageRun, source: Source, title: str) -> Listing:
    """What a source brings, each record told where it is from."""
    if source == SYNTHETIC:
        records, failures, page = _synthetic(run, title)
    else:
        records, failures, page = SOURCES[source](run.params.download, run.workspace.root, title)
    return [replace(record, dataset=source) for record in records], failures, page


def _listings(run: StageRun) -> dict[Source, Listing]:
    title, sources = run.workspace.dataset, run.params.download.sources
    if len(sources) == 1:
        return {sources[0]: _listing(run, sources[0], title)}
    # rendering takes minutes and comes last: that a folder is not there is said before
    listings = {source: _listing(run, source, source) for source in sorted(sources, key=SYNTHETIC.__eq__)}
    return {source: listings[source] for source in sources}


def _joined(listings: Mapping[Source, Listing], title: str) -> Listing:
    """Sources as one: names of several begin with their source, so that they stay unique, and each has a section."""
    if len(listings) == 1:
        return next(iter(listings.values()))
    records = [
        replace(record, clip_id=f"{source}-{record.clip_id}", subject=f"{source}-{record.subject}")
        for source, (own, _, _) in listings.items()
        for record in own
    ]
    failures = [
        replace(failure, clip_id=f"{source}-{failure.clip_id}")
        for source, (_, own, _) in listings.items()
        for failure in own
    ]
    sections = [re.sub("^#", "##", page, flags=re.MULTILINE) for _, _, page in listings.values()]
    return records, failures, "\n".join([f"# {title}\n", *sections])


def download(run: StageRun) -> None:
    """Writes `clips.csv`, a page about the sources and, of the embedded dataset, the recordings themselves."""
    folder, listings = run.workspace.data("download"), _listings(run)
    records, failures, page = _joined(listings, run.workspace.dataset)
    write_text(run.workspace.reports / "datasets" / f"{run.workspace.dataset}.md", page)
    write_records(folder / FAILURES_FILE, failures, ClipFailure)
    for source, (own, lost, _) in listings.items():
        if not own:
            reason = f"; the first: {lost[0].reason}" if lost else ""
            where = folder / FAILURES_FILE
            raise BadInputError(f"{where}: none of {len(lost)} recordings of {source} can be used{reason}")
    write_records(folder / CLIPS_FILE, records, ClipRecord)
    run.log_metrics({"clips": len(records), "minutes": sum(record.seconds for record in records) / 60})
    run.log_artifact(folder / CLIPS_FILE)
