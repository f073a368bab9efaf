"""The quality gate: cropped clips are measured, brought in time, and kept or dropped with a reason."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from flows.stages.common import StageRun
from segtalker.clips.alike import ALIKE_FILE, AlikeSubjects, write_alike
from segtalker.clips.record import ClipRecord, DroppedClip
from segtalker.clips.runner import ClipTask, run_clips, task_key
from segtalker.clips.store import input_sha256
from segtalker.clips.tables import CLIPS_FILE, DROPPED_FILE, read_records, write_records
from segtalker.clips.worker_pools import Pool
from segtalker.config.data import SYNTHETIC
from segtalker.config.params import Params
from segtalker.preprocessing.gate import IDENTITY_FILE, GateConfig, measure_clip, why_dropped
from segtalker.preprocessing.identity import alike_subjects, load_face_net, name_people
from segtalker.preprocessing.sync_offset import load_expert
from segtalker.reporting.pages.dataset import dataset_page
from segtalker.utils.atomic import write_text
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError
from segtalker.utils.hashing import file_sha256
from segtalker.utils.paths import expand_path


def gate_config(params: Params) -> GateConfig:
    """What to measure; the networks are read once, so that a wrong file is said before any work.

    Raises:
        BadInputError: a file is missing or not what it should be.
    """
    gate = params.gate
    expert = _file(gate.sync.weights, "gate.sync.weights") if gate.sync.expert != "none" else None
    unknown = params.download.sources != (SYNTHETIC,)  # of rendered people it is known who is who
    by_face = "folder" in params.download.sources and params.download.folder.subject == "identity"
    compared = unknown and (by_face or gate.identity_weights)
    face_net = _file(gate.identity_weights, "gate.identity_weights") if compared else None
    if expert and gate.sync.expert != "none":
        load_expert(gate.sync.expert, expert)
    if face_net:
        load_face_net(face_net)
    return GateConfig(gate, params.base, expert, face_net)


def _file(text: str, key: str) -> Path:
    path = expand_path(text, key)
    if not path.is_file():
        raise BadInputError(f"{path}: no such file; {key} must name one")
    return path


def _measured(run: StageRun, config: GateConfig, folder: Path) -> list[ClipRecord]:
    crops, base = run.workspace.data("crop"), run.params.base
    settings = config.gate.model_dump(include={"scene_threshold", "samples", "sheet_px", "sync"})
    nets = [file_sha256(path) if path else "" for path in (config.expert, config.face_net)]
    how = task_key(
        settings, nets, base.model_dump(exclude={"max_failed_fraction", "seed"}), code_hash(measure_clip.__module__)
    )
    files = ("frames.zip", "landmarks.npy", "audio.wav", "crop.json")
    records = read_records(crops / CLIPS_FILE, ClipRecord)
    hashes = [[input_sha256(crops / "clips" / record.clip_id / name) for name in files] for record in records]
    return run_clips(
        [ClipTask(record, task_key(how, clip_hash)) for record, clip_hash in zip(records, hashes, strict=True)],
        partial(measure_clip, config, crops / "clips"),
        folder,
        pool=Pool.of(run.params.machine),
        max_failed_fraction=base.max_failed_fraction,
        label="gate",
    )


def _with_people(records: list[ClipRecord], folder: Path, distance: float) -> list[ClipRecord]:
    """Names the people of the folder by their faces; other sources say themselves who speaks."""
    people = name_people(_vectors([record for record in records if record.dataset == "folder"], folder), distance)
    return [replace(record, subject=people.get(record.clip_id, record.subject)) for record in records]


def _vectors(records: list[ClipRecord], folder: Path) -> dict[str, np.ndarray]:
    """The face of each clip."""
    return {one.clip_id: np.load(folder / "clips" / one.clip_id / IDENTITY_FILE) for one in records}


def _alike(records: list[ClipRecord], folder: Path, distance: float) -> list[AlikeSubjects]:
    """Subjects who may be one person, but for rendered ones."""
    filmed_records = [record for record in records if record.dataset != SYNTHETIC]
    subjects = {record.clip_id: record.subject for record in filmed_records}
    return alike_subjects(_vectors(filmed_records, folder), subjects, distance)


def gate(run: StageRun) -> None:
    """Measures every clip that `crop` passed and drops those that are not good enough."""
    folder, settings = run.workspace.data("gate"), run.params.gate
    config = gate_config(run.params)
    records = _measured(run, config, folder)
    if config.face_net and run.params.download.folder.subject == "identity":
        records = _with_people(records, folder, settings.identity_distance)
    reasons = {one.clip_id: why_dropped(one.quality, settings) for one in records if one.quality}
    passed_records = [record for record in records if not reasons[record.clip_id]]
    dropped_records = [DroppedClip(**vars(one), reason=reasons[one.clip_id]) for one in records if reasons[one.clip_id]]
    write_records(folder / DROPPED_FILE, dropped_records, DroppedClip)
    alike = _alike(passed_records, folder, settings.identity_distance) if config.face_net else None
    write_alike(folder / ALIKE_FILE, alike)
    page = run.workspace.reports / "datasets" / f"{run.workspace.dataset}.html"
    write_text(page, dataset_page(run.workspace, passed_records, dropped_records, settings, alike))
    if not passed_records:
        raise BadInputError(f"{folder / DROPPED_FILE}: every clip was dropped; lower the limits in params gate")
    write_records(folder / CLIPS_FILE, passed_records, ClipRecord)
    run.log_metrics({"clips": len(passed_records), "dropped_clips": len(dropped_records)})
    run.log_metrics({"minutes": sum(record.seconds for record in passed_records) / 60})
    run.log_artifact(page)
