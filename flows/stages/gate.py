"""The quality gate: cropped clips are measured, brought in time, and kept or dropped with a reason."""

from functools import partial
from pathlib import Path

import numpy as np

from flows.stages.common import StageRun
from segtalker.clips.runner import ClipTask, Row, run_clips, table_rows, task_key
from segtalker.clips.store import CLIP_COLUMNS, input_sha256, write_table
from segtalker.clips.worker_pools import Pool
from segtalker.config.params import Params
from segtalker.preprocessing.gate import IDENTITY_FILE, GatePlan, measure_clip, why_dropped
from segtalker.preprocessing.identity import load_face_net, name_people
from segtalker.preprocessing.sync_offset import load_expert
from segtalker.reporting.pages.dataset import dataset_page
from segtalker.utils.atomic import write_text
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError
from segtalker.utils.hashing import file_sha256
from segtalker.utils.paths import expand_path

DROP_COLUMNS = ("clip_id", "source", "reason")


def gate_plan(params: Params) -> GatePlan:
    """What to measure; the networks are read once, so that a wrong file is said before any work.

    Raises:
        BadInputError: a file is missing or not what it should be.
    """
    gate = params.gate
    expert = _file(gate.sync.weights, "gate.sync.weights") if gate.sync.expert != "none" else None
    by_face = params.download.source == "folder" and params.download.folder.subject == "identity"
    face_net = _file(gate.identity_weights, "gate.identity_weights") if by_face else None
    if expert and gate.sync.expert != "none":
        load_expert(gate.sync.expert, expert)
    if face_net:
        load_face_net(face_net)
    return GatePlan(gate, params.base, expert, face_net)


def _file(text: str, key: str) -> Path:
    path = expand_path(text, key)
    if not path.is_file():
        raise BadInputError(f"{path}: no such file; {key} must name one")
    return path


def _measured(run: StageRun, plan: GatePlan, folder: Path) -> list[Row]:
    crops, base = run.workspace.data("crop"), run.params.base
    seen = plan.gate.model_dump(include={"scene_threshold", "samples", "sheet_px", "sync"})
    nets = [file_sha256(path) if path else "" for path in (plan.expert, plan.face_net)]
    how = task_key(
        seen, nets, base.model_dump(exclude={"max_failed_fraction", "seed"}), code_hash(measure_clip.__module__)
    )
    files = ("frames.zip", "landmarks.npy", "audio.wav", "crop.json")
    rows = table_rows(crops / "clips.csv")
    hashes = [[input_sha256(crops / "clips" / row["clip_id"] / name) for name in files] for row in rows]
    return run_clips(
        [ClipTask(row, task_key(how, hashed)) for row, hashed in zip(rows, hashes, strict=True)],
        partial(measure_clip, plan, crops / "clips"),
        folder,
        CLIP_COLUMNS,
        pool=Pool.of(run.params.machine),
        max_failed_fraction=base.max_failed_fraction,
        label="gate",
    )


def _with_people(rows: list[Row], folder: Path, distance: float) -> list[Row]:
    vectors = {row["clip_id"]: np.load(folder / "clips" / row["clip_id"] / IDENTITY_FILE) for row in rows}
    people = name_people(vectors, distance)
    return [row | {"subject": people[row["clip_id"]]} for row in rows]


def gate(run: StageRun) -> None:
    """Measures every clip that `crop` passed and drops those that are not good enough."""
    folder, settings = run.workspace.data("gate"), run.params.gate
    plan = gate_plan(run.params)
    rows = _measured(run, plan, folder)
    if plan.face_net:
        rows = _with_people(rows, folder, settings.identity_distance)
    reasons = {row["clip_id"]: why_dropped(row, settings) for row in rows}
    kept = [row for row in rows if not reasons[row["clip_id"]]]
    dropped = [row | {"reason": reasons[row["clip_id"]]} for row in rows if reasons[row["clip_id"]]]
    write_table(folder / "dropped.csv", dropped, DROP_COLUMNS)
    page = run.workspace.reports / "datasets" / f"{run.workspace.dataset}.html"
    write_text(page, dataset_page(run.workspace, kept, dropped, settings))
    if not kept:
        raise BadInputError(f"{folder / 'dropped.csv'}: every clip was dropped; lower the limits in params gate")
    write_table(folder / "clips.csv", kept, CLIP_COLUMNS)
    run.log_metrics({"clips": len(kept), "dropped_clips": len(dropped)})
    run.log_metrics({"minutes": sum(row["seconds"] for row in kept) / 60})
    run.log_artifact(page)
