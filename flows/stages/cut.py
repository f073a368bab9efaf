"""Recordings -> stretches with one talking face; annotated ones, or all where `cut.mode` is whole, as they are."""

import json
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from flows.stages.common import StageRun
from segtalker.clips.record import ClipFailure, ClipRecord, DroppedSpan
from segtalker.clips.runner import ClipTask, run_clips, task_key
from segtalker.clips.tables import CLIPS_FILE, DROPPED_FILE, FAILURES_FILE, read_records, write_records
from segtalker.clips.worker_pools import Pool, usable_cores
from segtalker.faces.detectors import check_detector
from segtalker.preprocessing.cut import STRETCHES_FILE, cut_recording
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError


def stretch_records(recording: ClipRecord, survey: dict[str, Any], recordings: Collection[str]) -> list[ClipRecord]:
    """A record for each stretch of a recording; one that is alone keeps the recording's name.

    Args:
        recording: it.
        survey: what `segtalker.preprocessing.cut.cut_recording` wrote.
        recordings: names of all, in small letters: no stretch of `talk` is called as the recording `talk-01` is.
    """
    records = []
    for number, stretch in enumerate(survey["stretches"]):
        start_s, end_s = (round(stretch[edge] - survey["start_s"], 3) for edge in ("start_s", "end_s"))
        alone = len(survey["stretches"]) == 1
        records.append(
            replace(
                recording,
                clip_id=recording.clip_id if alone else _numbered(recording.clip_id, number, recordings),
                start_s=start_s,
                end_s=end_s,
                seconds=round(end_s - start_s, 3),
                frames=round((end_s - start_s) * (recording.fps or 0.0)),
                face=tuple(stretch["face"]),
            )
        )
    return records


def _numbered(recording: str, number: int, recordings: Collection[str]) -> str:
    dash = "-"
    while (name := f"{recording}{dash}{number:02d}").casefold() in recordings:
        dash += "-"
    return name


def dropped_spans(recording: ClipRecord, survey: dict[str, Any]) -> list[DroppedSpan]:
    """What was left out of a recording, seconds from its beginning."""
    return [
        DroppedSpan(
            recording.clip_id,
            round(drop["start_s"] - survey["start_s"], 3),
            round(drop["end_s"] - survey["start_s"], 3),
            drop["reason"],
        )
        for drop in survey["drops"]
    ]


def _talking(run: StageRun, recordings: list[ClipRecord], folder: Path) -> tuple[list[ClipRecord], list[DroppedSpan]]:
    """Stretches and drops of all recordings, but that what is annotated frame by frame stays whole."""
    settings, crop = run.params.cut, run.params.crop
    names = {recording.clip_id.casefold() for recording in recordings}
    stretches = [recording for recording in recordings if recording.annotations]
    recordings = [recording for recording in recordings if not recording.annotations]
    if not recordings:
        write_records(folder / FAILURES_FILE, [], ClipFailure)
        return stretches, []
    if crop.detector == "annotations":
        raise BadInputError("cut.mode talking needs a face detector; set crop.detector to mediapipe or face_alignment")
    detector = (crop.detector, crop.weights)
    check_detector(*detector)
    how = task_key(settings.model_dump(), detector, code_hash(cut_recording.__module__))
    threads = max(1, (run.params.machine.workers or usable_cores()) // len(recordings))
    cut_records = run_clips(
        [ClipTask(one, task_key(how, one.source_sha256, [one.start_s, one.end_s, one.audio])) for one in recordings],
        partial(cut_recording, settings, detector, threads),
        folder,
        pool=Pool.of(run.params.machine),
        max_failed_fraction=run.params.base.max_failed_fraction,
        label="cut",
    )
    drops: list[DroppedSpan] = []
    for recording in cut_records:
        survey = json.loads((folder / "clips" / recording.clip_id / STRETCHES_FILE).read_text(encoding="utf-8"))
        stretches += stretch_records(recording, survey, names)
        drops += dropped_spans(recording, survey)
    return stretches, drops


def cut(run: StageRun) -> None:
    """Cuts every recording that `download` listed."""
    folder = run.workspace.data("cut")
    records = read_records(run.workspace.data("download") / CLIPS_FILE, ClipRecord)
    drops: list[DroppedSpan] = []
    recordings = len(records)
    if run.params.cut.mode == "talking":
        records, drops = _talking(run, records, folder)
    else:
        write_records(folder / FAILURES_FILE, [], ClipFailure)
    write_records(folder / CLIPS_FILE, records, ClipRecord)
    write_records(folder / DROPPED_FILE, drops, DroppedSpan)
    run.log_metrics({"recordings": recordings, "clips": len(records), "dropped": len(drops)})
    dropped_s = sum(drop.end_s - drop.start_s for drop in drops)
    run.log_metrics({"minutes": sum(record.seconds for record in records) / 60, "dropped_minutes": dropped_s / 60})
