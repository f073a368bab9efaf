"""Recordings -> stretches with one talking face; or, where `cut.mode` is whole, the recordings as they are."""

import json
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from flows.stages.common import StageRun
from segtalker.clips.runner import ClipTask, Row, run_clips, table_rows, task_key
from segtalker.clips.store import CLIP_COLUMNS, FAILURE_COLUMNS, write_table
from segtalker.clips.worker_pools import Pool, usable_cores
from segtalker.faces.detectors import check_detector
from segtalker.preprocessing.cut import STRETCHES_FILE, cut_recording
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError

COLUMNS = (*CLIP_COLUMNS, "fps", "audio", "annotations", "start_s", "end_s", "face")
DROP_COLUMNS = ("clip_id", "start_s", "end_s", "reason")


def stretch_rows(row: Row, found: dict[str, Any], recordings: Collection[str]) -> list[Row]:
    """A row for each stretch of a recording; one that is alone keeps the recording's name.

    Args:
        row: of the recording.
        found: what `segtalker.preprocessing.cut.cut_recording` wrote.
        recordings: names of all, in small letters: no stretch of `talk` is called as the recording `talk-01` is.
    """
    rows = []
    for number, stretch in enumerate(found["stretches"]):
        start_s, end_s = (round(stretch[edge] - found["start_s"], 3) for edge in ("start_s", "end_s"))
        name = row["clip_id"] if len(found["stretches"]) == 1 else _numbered(row["clip_id"], number, recordings)
        rows.append(
            row
            | {"clip_id": name, "start_s": start_s, "end_s": end_s, "seconds": round(end_s - start_s, 3)}
            | {"frames": round((end_s - start_s) * float(row["fps"]))}
            | {"face": " ".join(str(value) for value in stretch["face"])}
        )
    return rows


def _numbered(recording: str, number: int, recordings: Collection[str]) -> str:
    dash = "-"
    while (name := f"{recording}{dash}{number:02d}").casefold() in recordings:
        dash += "-"
    return name


def drop_rows(row: Row, found: dict[str, Any]) -> list[Row]:
    """A row for each stretch that was left out, seconds from the beginning of the recording."""
    return [
        {
            "clip_id": row["clip_id"],
            "start_s": round(drop["start_s"] - found["start_s"], 3),
            "end_s": round(drop["end_s"] - found["start_s"], 3),
            "reason": drop["reason"],
        }
        for drop in found["drops"]
    ]


def _talking(run: StageRun, rows: list[Row], folder: Path) -> tuple[list[Row], list[Row]]:
    """Stretches and drops of all recordings."""
    settings, crop = run.params.cut, run.params.crop
    if crop.detector == "annotations":
        raise BadInputError("cut.mode talking needs a face detector; set crop.detector to mediapipe or face_alignment")
    detector = (crop.detector, crop.weights)
    check_detector(*detector)
    how = task_key(settings.model_dump(), detector, code_hash(cut_recording.__module__))
    spans = [[row.get("start_s", ""), row.get("end_s", ""), row["audio"]] for row in rows]
    threads = max(1, (run.params.machine.workers or usable_cores()) // len(rows))
    done = run_clips(
        [ClipTask(row, task_key(how, row["source_sha256"], span)) for row, span in zip(rows, spans, strict=True)],
        partial(cut_recording, settings, detector, threads),
        folder,
        CLIP_COLUMNS,
        pool=Pool.of(run.params.machine),
        max_failed_fraction=run.params.base.max_failed_fraction,
        label="cut",
    )
    stretches: list[Row] = []
    drops: list[Row] = []
    names = {row["clip_id"].casefold() for row in rows}
    for row in done:
        found = json.loads((folder / "clips" / row["clip_id"] / STRETCHES_FILE).read_text(encoding="utf-8"))
        stretches += stretch_rows(row, found, names)
        drops += drop_rows(row, found)
    return stretches, drops


def cut(run: StageRun) -> None:
    """Cuts every recording that `download` listed."""
    folder = run.workspace.data("cut")
    rows = table_rows(run.workspace.data("download") / "clips.csv")
    drops: list[Row] = []
    recordings = len(rows)
    if run.params.cut.mode == "talking":
        rows, drops = _talking(run, rows, folder)
    else:
        write_table(folder / "failures.csv", [], FAILURE_COLUMNS)
    write_table(folder / "clips.csv", rows, COLUMNS)
    write_table(folder / "dropped.csv", drops, DROP_COLUMNS)
    run.log_metrics({"recordings": recordings, "clips": len(rows), "dropped": len(drops)})
    dropped_s = sum(drop["end_s"] - drop["start_s"] for drop in drops)
    run.log_metrics({"minutes": sum(float(row["seconds"]) for row in rows) / 60, "dropped_minutes": dropped_s / 60})
